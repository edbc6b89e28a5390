"""How past cases ended: by whom, with how many agreeing votes, and whether the ending follows from the decision."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.enums import DECISION_SPECS, Action, DecisionSource, FinalDecision

if TYPE_CHECKING:
    import polars as pl

ENDING_PROBLEMS = ("unreviewed", "own", "timed_out", "contradicts", "unnamed")
"""What is wrong with an ending, whatever the policy says."""

_NAMES = ("submitted_by", "reviewer_id")
_FINAL = {name.value: spec.final.value for name, spec in DECISION_SPECS.items() if spec.final is not None}
_ENDINGS = {
    DecisionSource.AGENT: FinalDecision.APPROVED,
    DecisionSource.SUBMITTER: FinalDecision.CANCELED,
    DecisionSource.RESUBMISSION: FinalDecision.SUPERSEDED,
}
"""The only ending that follows from each source; that of a person follows from the decision."""

WITHDRAWN = (DecisionSource.SUBMITTER.value, DecisionSource.RESUBMISSION.value)
"""The sources of a case that ended without a decision."""


def with_endings(
    pl: Any, frame: "pl.DataFrame", person_of: Callable[[str], str], reaches: Callable[[str, str], bool]
) -> "pl.DataFrame":
    """Add by whom each case was decided, who agreed, and the `ENDING_PROBLEMS`.

    `agreeing` is the number of people who agreed, `in_role` that of those whose role `reaches` the demanded one in the
    column `role`, and `roles` that of their different roles. They are null for a rejection, which one person may settle
    when too few are left to agree.
    """
    source, final = pl.col("decision_source"), pl.col("final_decision")
    by_agent, by_person = source == DecisionSource.AGENT.value, source == DecisionSource.HUMAN.value
    frame = frame.with_columns(by_agent=by_agent, by_person=by_person)
    follows = by_person & (pl.col("human_decision").replace_strict(_FINAL, default=None) == final).fill_null(
        value=False
    )
    for each, ending in _ENDINGS.items():
        follows |= (source == each.value) & (final == ending.value)
    is_timeout = source == DecisionSource.TIMEOUT.value
    return frame.with_columns(
        *_agreeing(pl, frame, reaches),
        _own(pl, frame, person_of),
        unreviewed=by_agent & (pl.col("routing_decision") != Action.AUTO_APPROVE.value),
        timed_out=is_timeout & (final != FinalDecision.REJECTED.value),
        contradicts=~is_timeout & ~follows,
        unnamed=by_person & pl.col("reviewer_id").is_null() & pl.col("human_role").is_null(),
    )


def _agreeing(pl: Any, frame: "pl.DataFrame", reaches: Callable[[str, str], bool]) -> "list[pl.Series]":
    """Return how many people gave the decision that settled each case, in the demanded role, and in how many roles."""
    settled = frame["by_person"] & (frame["final_decision"] != FinalDecision.REJECTED.value)
    alone = frame.select(pl.when(settled).then(1).otherwise(None).cast(pl.Int64))["literal"]
    several = (settled & frame["votes"].is_not_null()).arg_true()
    rows = frame.select("votes", "final_decision", "role")[several]
    each = (_agreeing_in(votes, final, needed, reaches) for votes, final, needed in rows.iter_rows())
    counted = list(zip(*each, strict=True)) or [(), (), ()]
    return [
        alone.scatter(several, pl.Series(numbers, dtype=pl.Int64)).alias(name)
        for name, numbers in zip(("agreeing", "in_role", "roles"), counted, strict=True)
    ]


def _agreeing_in(
    votes: str, final: str, needed: str | None, reaches: Callable[[str, str], bool]
) -> tuple[int, int, int]:
    """Return how many people's latest votes lead to this ending, in a role that reaches the needed one, and the roles.

    A vote without a name is of a person of its own.
    """
    cast = [(person, _FINAL[decision], role) for person, decision, role in _votes(votes) if decision in _FINAL]
    latest = {person or number: (ending, role) for number, (person, ending, role) in enumerate(cast)}
    roles = [role for ending, role in latest.values() if ending == final]
    in_role = [role for role in roles if needed is None or (role is not None and reaches(role, needed))]
    return len(roles), len(in_role), len(set(roles))


def _votes(votes: str | None) -> list[tuple[str | None, str, str | None]]:
    """Return the people, their decisions and roles; none of a text that is no list of votes."""
    try:
        read = [(each[0], each[1], each[2]) for each in json.loads(votes or "[]")]
    except (ValueError, TypeError, LookupError, RecursionError):
        return []
    return [row for row in read if isinstance(row[1], str) and all(isinstance(one, str | None) for one in row)]


def _own(pl: Any, frame: "pl.DataFrame", person_of: Callable[[str], str]) -> "pl.Series":
    """Return whether the submitter of each case was among the people who decided it."""
    mine = frame["submitted_by"].is_not_null() & frame["by_person"]
    person = {name: person_of(name) for column in _NAMES for name in frame[column].unique() if name is not None}
    submitter, reviewer = (frame[column].replace(person) for column in _NAMES)
    own = (mine & (submitter == reviewer)).fill_null(value=False)
    several = (mine & frame["votes"].is_not_null() & ~own).arg_true()
    voted = [
        person[name] in {person_of(each) for each, *_ in _votes(votes) if each is not None}
        for name, votes in frame.select("submitted_by", "votes")[several].iter_rows()
    ]
    return own.scatter(several, pl.Series(voted, dtype=pl.Boolean)).alias("own")
