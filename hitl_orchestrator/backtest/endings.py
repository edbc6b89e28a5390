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


def with_endings(pl: Any, frame: "pl.DataFrame", person_of: Callable[[str], str]) -> "pl.DataFrame":
    """Add by whom each case was decided, the number of people who agreed, and the `ENDING_PROBLEMS`.

    `agreeing` is null for a rejection, which one person may settle when too few are left to agree.
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
        _agreeing(pl, frame),
        _own(pl, frame, person_of),
        unreviewed=by_agent & (pl.col("routing_decision") != Action.AUTO_APPROVE.value),
        timed_out=is_timeout & (final != FinalDecision.REJECTED.value),
        contradicts=~is_timeout & ~follows,
        unnamed=by_person & pl.col("reviewer_id").is_null() & pl.col("human_role").is_null(),
    )


def _agreeing(pl: Any, frame: "pl.DataFrame") -> "pl.Series":
    """Return how many people gave the decision that settled each case."""
    settled = frame["by_person"] & (frame["final_decision"] != FinalDecision.REJECTED.value)
    numbers = frame.select(pl.when(settled).then(1).otherwise(None).cast(pl.Int64))["literal"]
    several = (settled & frame["votes"].is_not_null()).arg_true()
    rows = frame.select("votes", "final_decision")
    counted = [_agreeing_in(*rows.row(number)) for number in several]
    return numbers.scatter(several, pl.Series(counted, dtype=pl.Int64)).alias("agreeing")


def _agreeing_in(votes: str, final: str) -> int:
    """Return how many people's latest votes lead to this ending. A vote without a name is of a person of its own."""
    final_votes = [(person, _FINAL[decision]) for person, decision in _votes(votes) if decision in _FINAL]
    latest = {person or number: ending for number, (person, ending) in enumerate(final_votes)}
    return list(latest.values()).count(final)


def _votes(votes: str | None) -> list[tuple[Any, Any]]:
    """Return the people and their decisions; none of a text that is no list of votes."""
    try:
        return [(each[0], each[1]) for each in json.loads(votes or "[]")]
    except (ValueError, TypeError, LookupError):
        return []


def _own(pl: Any, frame: "pl.DataFrame", person_of: Callable[[str], str]) -> "pl.Series":
    """Return whether the submitter of each case was among the people who decided it."""
    mine = frame["submitted_by"].is_not_null() & frame["by_person"]
    person = {name: person_of(name) for column in _NAMES for name in frame[column].unique() if name is not None}
    submitter, reviewer = (frame[column].replace(person) for column in _NAMES)
    own = (mine & (submitter == reviewer)).fill_null(value=False)
    several = (mine & frame["votes"].is_not_null() & ~own).arg_true()
    voted = [
        person[name] in {person_of(each) for each, _ in _votes(votes) if each is not None}
        for name, votes in frame.select("submitted_by", "votes")[several].iter_rows()
    ]
    return own.scatter(several, pl.Series(voted, dtype=pl.Boolean)).alias("own")
