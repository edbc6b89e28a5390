"""`ask` of a rule: which role, which team and which reviewers may decide its cases."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails

from hitl_orchestrator.domain.value import Identifier, Label, Text
from hitl_orchestrator.policies.language.conditions import ConditionModel, OneOrMore, lines_of, one_error

RuleT = TypeVar("RuleT")
_ROLE = "assigned_human_role"
REMARKS = ("note", "owner", "reference")
"""The fields of a rule that are no part of its meaning."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty; write a text, or leave it out")
    return text


def remarks_of(note: str | None, owner: str | None, reference: str | None) -> str:
    """Return the remarks on a rule in one line, such as `Since the audit (owner: claims desk)`; empty without any."""
    named = [f"{name}: {text}" for name, text in (("owner", owner), ("reference", reference)) if text]
    beside = f"({'; '.join(named)})" if note and named else "; ".join(named)
    return " ".join(part for part in (note, beside) if part)


Remark = Annotated[Text, Field(max_length=2_000), AfterValidator(_not_blank)]


class Ask(ConditionModel):
    """Who decides: members of a `team` of the reviewers file with this `role` or a higher one, `not` these accounts.

    A rule keeps the role as its `assigned_human_role`, which is the short form of `role`.
    """

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=True, serialize_by_alias=True)

    role: Label | None = None
    team: Label | None = None
    not_: OneOrMore[Identifier] = Field(default=(), alias="not")

    @field_validator("not_", mode="before")
    @classmethod
    def _ids(cls, value: object) -> object:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and " " in each.strip():
                raise ValueError(f"{each!r} is a name; write the id of the reviewer, which 'hitl people show' lists")
        return value

    @model_validator(mode="after")
    def _something(self) -> "Ask":
        if self.is_empty:
            raise ValueError("it names neither role, team nor reviewers; add role, team or not")
        return self

    @property
    def restrictions(self) -> dict[str, tuple[str, ...]]:
        """The teams and the excluded reviewers, as review requirements name them."""
        return {"teams": () if self.team is None else (self.team,), "not_by": self.not_}


def with_role_of_ask(raw: Any, handler: Callable[[Any], RuleT]) -> RuleT:
    """Read the role of `ask` as the role of the rule; a problem with it is reported where it was written.

    Raises:
        ValidationError: also where `assigned_human_role` is another role.
    """
    ask = _fields(raw.get("ask")) if isinstance(raw, dict) else None
    if not ask or ask.get("role") is None:
        return handler(raw)
    role, short = ask.pop("role"), raw.get(_ROLE)
    fields = {name: value for name, value in raw.items() if name != "ask"} | {_ROLE: role}
    problems: list[InitErrorDetails] = []
    if short not in (None, role):
        why = ValueError(f"{_ROLE} is {short!r}, and this is another role; keep one of them")
        problems.append(InitErrorDetails(type="value_error", loc=("ask", "role"), input=role, ctx={"error": why}))
    try:
        rule = handler(fields | ({"ask": ask} if ask else {}))
    except ValidationError as exc:
        lines = lines_of(exc)
        for line in lines:
            line["loc"] = _as_written(line.get("loc", ()))
        raise one_error(exc.title, [*lines, *problems]) from None
    if problems:
        raise one_error("Rule", problems)
    return rule


def _fields(ask: Any) -> dict[str, Any] | None:
    if isinstance(ask, Ask):
        return ask.model_dump(mode="json")
    return dict(ask) if isinstance(ask, dict) else None


def _as_written(place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    return ("ask", "role", *place[1:]) if place[:1] == (_ROLE,) else place
