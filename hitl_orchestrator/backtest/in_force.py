"""What decided the cases of a store: policies and escalation chains, and when each was in force."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.backtest.vectorized import Vectors
from hitl_orchestrator.domain.enums import OWN_QUESTIONS
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.lifecycle.history import Canary, Lot, in_canary

if TYPE_CHECKING:
    import polars as pl

TERM_PROBLEMS = ("unknown_policy", "never_in_force", "out_of_force")
"""What is wrong with the policy that a case names."""

_A_MOMENT = timedelta(minutes=1)
"""The time in which another process may still take a case under a policy that was just replaced."""


class Chain(NamedTuple):
    """An escalation chain, in force from the entry `since` until the time `until`; None until now."""

    roles: RoleChain
    since: int = 0
    until: datetime | None = None


class Term(NamedTuple):
    """A time in which a policy was in force: from the entry `since` at a time, to before the entry `until` at another.

    `until` is None until now. `share` is that of a canary, and None for the active policy.
    """

    since: int
    since_at: datetime
    until: int | None = None
    until_at: datetime | None = None
    share: float | None = None


class InForce(NamedTuple):
    """What decided the cases of a store.

    `policies` has each recorded policy by its hash, or the reason why it cannot be used here, `terms` when each was in
    force. `chains` are the escalation chains, oldest first, and `person_of` returns the person behind an account.
    `lot` draws the tasks that a canary decides, and `intake_of` returns the entry that received a case, or None if that
    cannot be read.
    """

    policies: Mapping[str, Policy | str]
    terms: Mapping[str, Sequence[Term]]
    chains: Sequence[Chain]
    lot: Lot
    person_of: Callable[[str], str] = str
    intake_of: Callable[[str], int | None] = lambda case_id: None

    def needs(self) -> frozenset[str]:
        """Return the columns beyond the names that the policies read, such as `metadata`."""
        policies = (self.policies[name] for name in self.terms if name in self.policies)
        return frozenset().union(*(Vectors(each).needs for each in policies if not isinstance(each, str)))


def with_terms(pl: Any, part: "pl.DataFrame", name: str, in_force: InForce) -> "pl.DataFrame":
    """Add the `TERM_PROBLEMS` of cases that name one policy.

    A case keeps the policy that was in force when it was received, so that a later end is no problem. By times alone
    nothing is certain, as clocks differ: of a case that they make suspicious the ledger entries decide.
    """
    terms, is_known = in_force.terms.get(name, ()), name in in_force.policies
    started = pl.any_horizontal(pl.lit(value=False), *(pl.col("finished_seq") > term.since for term in terms))
    cases = part.select("case_id", "task_id", "task_type", started=started, covered=pl.lit(value=False))
    covered = cases["covered"]
    for term in terms:
        covered |= part.select(open=_may_be_open(pl, term))["open"] & _decides(pl, term, name, cases, in_force.lot)
    unsure = (cases["started"] & ~covered).arg_true()
    sure = [
        any(_is_open(term, intake) and _decides(pl, term, name, cases[place], in_force.lot)[0] for term in terms)
        for place, intake in ((place, in_force.intake_of(cases["case_id"][place])) for place in unsure)
    ]
    covered = covered.scatter(unsure, pl.Series(sure, dtype=pl.Boolean))
    return part.with_columns(
        unknown_policy=pl.lit(not is_known),
        never_in_force=~cases["started"] & is_known,
        out_of_force=cases["started"] & ~covered,
    )


def _may_be_open(pl: Any, term: Term) -> Any:
    """Return whether a term may have covered the intake of a case, by the clocks. A case without its time may be."""
    received = pl.col("received_at")
    begun = received >= term.since_at - _A_MOMENT
    may = begun if term.until_at is None else begun & (received <= term.until_at + _A_MOMENT)
    return may.fill_null(value=True)


def _is_open(term: Term, intake: int | None) -> bool:
    """Return whether a term covered the entry that received a case; not if that is unknown."""
    return intake is not None and term.since < intake and (term.until is None or intake < term.until)


def _decides(pl: Any, term: Term, name: str, cases: "pl.DataFrame", lot: Lot) -> "pl.Series":
    """Return whether a policy decides each case in a term: all of them as the active one, a share as a canary."""
    if term.share is None:
        return pl.Series([True], dtype=pl.Boolean).new_from_index(0, cases.height)  # type: ignore[no-any-return]
    canary = Canary(policy_hash=name, share=term.share)
    drawn = [
        task_type not in OWN_QUESTIONS and in_canary(canary, task_id, lot)
        for task_id, task_type in cases.select("task_id", "task_type").iter_rows()
    ]
    return pl.Series(drawn, dtype=pl.Boolean)  # type: ignore[no-any-return]
