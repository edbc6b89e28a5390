"""The questions of `hitl policy new`: asked in a terminal, or answered by options and defaults."""

import re
import sys
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import typer
from pydantic import ValidationError

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.shown.numbers import plain_number
from hitl_orchestrator.domain.value import ID_PATTERN
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import ObservedCases, PolicyAmount, PolicyAnswers

Stated = Mapping[str, Any]
Read = Callable[[str], Any]
NOTHING = "-"
_DURATION = re.compile(r"P(?!$)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?")
OPTIONS = {
    "policy_id": "--id",
    "task_types": "--task-type",
    "domains": "--domain",
    "labels": "--go-ahead",
    "name": "--amount",
    "amount": "--amount",
    "unit": "--unit",
    "confidence": "--confidence",
    "up_to": "--up-to",
    "escalate_above": "--escalate-above",
    "role": "--role",
    "senior_role": "--senior-role",
    "respond_within": "--respond-within",
    "escalated_within": "--escalated-within",
    "spot_check": "--spot-check",
    "hold": "--hold",
    "work": "--work",
}
"""The option that answers each field."""


class _Questions:
    """Answers each question by its option, by a person at the terminal, or by its default, in this order."""

    def __init__(self, stated: Stated, *, may_ask: bool) -> None:
        self._stated = {name: value for name, value in stated.items() if value not in (None, [])}
        self.problems: list[str] = []
        self.asks = may_ask and sys.stdin is not None and sys.stdin.isatty()

    def states(self, name: str) -> bool:
        """Return whether an option answers a question."""
        return name in self._stated

    def answer(self, name: str, question: str, default: str = "", read: Read = str, *, needed: bool = False) -> Any:
        """Return the answer, read from its text. A person is asked again; an unreadable option is a problem.

        A person must answer a question that is `needed`, if it has no default.
        """
        if name in self._stated:
            return self._read(name, self._stated[name], read)
        if not self.asks:
            return self._read(name, default, read) if default else default

        def once(text: str) -> Any:
            try:
                found = "" if text.strip() == NOTHING else read(text.strip())
            except ValueError as exc:
                raise typer.BadParameter(str(exc)) from exc
            if needed and found in ("", []):
                raise typer.BadParameter("the policy needs an answer to this")
            return found

        offered = default or (None if needed else NOTHING)
        return typer.prompt(question, default=offered, value_proc=once, err=True)

    def _read(self, name: str, value: Any, read: Read) -> Any:
        try:
            return [word for each in value for word in read(each)] if isinstance(value, list) else read(value)
        except ValueError as exc:
            self.problems.append(f"{'--id' if name == 'name' else OPTIONS[name]}: {exc}")
            return ""


def answered(
    stated: Stated, observed: ObservedCases | None, roles: RoleChain, *, named: str = "", may_ask: bool
) -> PolicyAnswers:
    """Return the answers of the options, of a person at the terminal, and of the defaults.

    The policy is `named` so, or as its first task type, if no answer names it.

    Raises:
        InvalidInput: an answer is unusable, or one without a default is missing.
    """
    questions = _Questions(stated, may_ask=may_ask)
    found = _about_work(questions, observed, named) | _about_amount(questions, observed)
    found |= _about_people(questions, roles)
    return _parsed(found, questions.problems)


def _about_work(questions: _Questions, observed: ObservedCases | None, named: str) -> dict[str, Any]:
    ask, found = questions.answer, dict[str, Any]()
    found["work"] = ask("work", "What does the agent do, in a sentence?")
    found["task_types"] = ask(
        "task_types", "Its task types, with commas", _seen(observed, "task_types"), _words, needed=True
    )
    found["domains"] = ask("domains", "Its domains, with commas", _seen(observed, "domains"), _words, needed=True)
    first = str(found["task_types"][0]) if found["task_types"] else ""
    found["name"] = ask("name", "A name for the policy", _identifier(named or first), _name, needed=True)
    seen = _seen(observed, "labels")
    past = f", of {seen}" if seen else ""
    found["labels"] = ask("labels", f"Proposed labels that go ahead without a person{past}; - for none", "", _words)
    if found["labels"]:
        found["confidence"] = ask("confidence", "From which confidence on?", "0.9", _share_above_0)
        found["spot_check"] = ask("spot_check", "Which share of them does a person check afterwards?", "0.05", _share)
        found["hold"] = ask("hold", "Which share does a person decide before?", "0", _share_below_1)
    return found


def _about_amount(questions: _Questions, observed: ObservedCases | None) -> dict[str, Any]:
    ask, likely = questions.answer, _amount_of(observed) if questions.asks else ""
    about_it = [name for name in ("unit", "up_to", "escalate_above") if questions.states(name)]
    question = "The metadata field of the amount at stake" + ("" if about_it else "; - for none")
    found = {"amount": ask("amount", question, likely, _field, needed=bool(about_it))}
    if not found["amount"]:
        # Dropped silently, a limit would let any amount go ahead.
        questions.problems += [
            f"{OPTIONS[name]}: needs --amount, the metadata field of the amount" for name in about_it
        ]
        return found
    found["unit"] = ask("unit", "Its unit", "EUR" if questions.asks else "", _unit)
    found["up_to"] = ask("up_to", "Up to which amount may a case go ahead, 0 for none?", "", _from(0), needed=True)
    least = found["up_to"] if isinstance(found["up_to"], float) else 0.0
    default = plain_number(least) if found["up_to"] != "" else ""
    found["escalate_above"] = ask("escalate_above", "Above which amount is it escalated?", default, _from(least))
    return found


def _about_people(questions: _Questions, roles: RoleChain) -> dict[str, Any]:
    ask, listed = questions.answer, ", ".join(roles.roles)

    def role(text: str) -> str:
        if text not in roles.roles:
            raise ValueError(f"{text!r} is not one of {listed}{did_you_mean(text, roles.roles)}")
        return text

    found = {"role": ask("role", f"Who decides, of {listed}?", roles.roles[0], role)}
    found["senior_role"] = ask("senior_role", "Who decides escalated cases?", roles.second, role)
    found["respond_within"] = ask("respond_within", "In which time, such as PT8H or P1D; - for no deadline", "", _time)
    found["escalated_within"] = ask("escalated_within", "And escalated cases?", found["respond_within"], _time)
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number, such as 0.9") from None


def _share(text: str) -> float:
    number = _number(text)
    if not 0 <= number <= 1:
        raise ValueError(f"{text!r} is not from 0 to 1")
    return number


def _share_above_0(text: str) -> float:
    if not (share := _share(text)):
        raise ValueError(f"{text!r} lets every confidence go ahead; use one above 0, such as 0.9")
    return share


def _share_below_1(text: str) -> float:
    if (share := _share(text)) == 1:
        raise ValueError(f"{text!r} lets no case go ahead; use a share below 1, such as 0.02")
    return share


def _name(text: str) -> str:
    if not re.fullmatch(ID_PATTERN, text):
        raise ValueError(f"{text!r} is not an id: letters, digits and . _ : - only, a letter or digit first")
    return text


def _field(text: str) -> str:
    """Return the name of a metadata field. An answer to another question, such as `8 hours`, is none."""
    if text[:1].isdecimal() or _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a field, such as amount")
    return text


def _unit(text: str) -> str:
    if text[:1].isdecimal() or _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no unit, such as EUR")
    return text


def _from(least: float) -> Read:
    """Return a reader of numbers that are at least this large."""

    def read(text: str) -> float:
        number = _number(text)
        if not least <= number < inf:
            raise ValueError(f"{text!r} is not {plain_number(least)} or more")
        return number

    return read


def _time(text: str) -> str:
    """Return a duration as it was written, if it is one."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no ISO 8601 duration, such as PT8H for eight hours or P1D for a day")
    return text


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _seen(observed: ObservedCases | None, name: str) -> str:
    return "" if observed is None else ", ".join(word for word, _ in getattr(observed, name))


def _identifier(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_-") or "policy"


def _amount_of(observed: ObservedCases | None) -> str:
    """Return the one number field of past cases, which is probably the amount."""
    numbers = [] if observed is None else [each.name for each in observed.fields if each.kind == "number"]
    return numbers[0] if len(numbers) == 1 else ""


def _parsed(found: dict[str, Any], unreadable: list[str]) -> PolicyAnswers:
    problems = unreadable + [
        f"{OPTIONS[name]}: missing; name at least one {what}, or --from-cases with past cases"
        for name, what in (("task_types", "task type"), ("domains", "domain"))
        if not found[name]
    ]
    if found["amount"] and found["up_to"] == "" and not unreadable:
        problems.append("--up-to: missing; state the largest amount that may go ahead, 0 for none")
    if problems:
        raise InvalidInput(problems)
    amount = {name: found[name] for name in ("unit", "up_to", "escalate_above") if found.get(name, "") != ""}
    fields = {
        name: value
        for name, value in found.items()
        if value not in ("", []) and name not in {"name", "amount", *amount}
    }
    try:
        size = PolicyAmount.model_validate({"name": found["amount"], **amount}) if found["amount"] else None
        return PolicyAnswers.model_validate({**fields, "policy_id": found["name"], "amount": size})
    except ValidationError as exc:
        raise InvalidInput(_sentence(each) for each in exc.errors()) from exc


def _sentence(problem: Any) -> str:
    """Return a problem with the option that answers its field."""
    names = [str(part) for part in problem["loc"] if str(part) in OPTIONS]
    text = str(problem["msg"]).removeprefix("Value error, ")
    value = "" if isinstance(problem["input"], dict) else f"{problem['input']!r}: "
    return f"{OPTIONS[names[0]] if names else '--escalate-above'}: {value}{text[:1].lower()}{text[1:]}"
