"""Who the reviewers are, and how their roles stand above one another."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.reading import did_you_mean, parse, parse_many
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import Label, Value
from hitl_orchestrator.errors import NotAuthorised, UnfitInput


class _File(Value):
    """The outer shape of `reviewers.json`; the reviewers in it are read one by one."""

    escalation_chain: tuple[Label, ...] = DEFAULT_CHAIN.roles
    reviewers: list[Any] = Field(min_length=1)


class People:
    """All reviewers by id, and the chain of escalation."""

    def __init__(self, reviewers: Iterable[Reviewer], chain: RoleChain = DEFAULT_CHAIN) -> None:
        self.chain = chain
        self._by_id = {reviewer.reviewer_id: reviewer for reviewer in reviewers}

    def __iter__(self) -> Iterator[Reviewer]:
        """Go through the reviewers, in the order in which they were given."""
        return iter(self._by_id.values())

    reason_codes: tuple[str, ...] = (
        "agent_error",
        "policy_exception",
        "missing_information",
        "ambiguous_input",
        "other",
    )

    def human(self, reviewer_id: str) -> str:
        """Return the human being behind an account; an unknown name is its own."""
        known = self._by_id.get(reviewer_id)
        return reviewer_id if known is None else known.human

    def accounts_of(self, reviewer_id: str) -> tuple[str, ...]:
        """Return all accounts of the same human being."""
        human = self.human(reviewer_id)
        return tuple(one.reviewer_id for one in self if one.human == human) or (reviewer_id,)

    def named(self, reviewer_id: str) -> Reviewer:
        """Return the reviewer with this id, or refuse: an unknown name has no rights."""
        if reviewer_id not in self._by_id:
            hint = did_you_mean(reviewer_id, self._by_id)
            raise NotAuthorised(reviewer_id, f"there is no such reviewer in the reviewers file{hint}")
        return self._by_id[reviewer_id]


def read_people(raw: Any, where: str) -> People:
    """Make people of `reviewers.json`: an object with `escalation_chain` and `reviewers`, or a list of reviewers.

    Raises:
        UnfitInput: every problem at once, roles outside the chain among them.
    """
    file = parse(_File, {"reviewers": raw} if isinstance(raw, list) else raw, where)
    chain = parse(RoleChain, {"roles": file.escalation_chain}, f"{where}: escalation_chain")
    reviewers = parse_many(Reviewer, file.reviewers, f"{where}: reviewers", unique="reviewer_id")
    strange = [
        f"{where}: reviewers[{index}].roles: {role!r} is not in escalation_chain{did_you_mean(role, chain.roles)}"
        for index, reviewer in enumerate(reviewers)
        for role in reviewer.roles
        if role not in chain.roles
    ]
    if strange:
        raise UnfitInput(strange)
    return People(reviewers, chain)
