"""What may become of a review, as one table: from which state which verb leads where. All else is refused. Pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from hitl_orchestrator.domain.enums import ReviewStatus
from hitl_orchestrator.domain.review import StoredReview


class State(StrEnum):
    """Where a review stands. Whatever is neither open nor claimed has ended, and is never opened again."""

    OPEN = "open"
    CLAIMED = "claimed"
    DECIDED = "decided"
    VOTED = "voted"
    ESCALATED = "escalated"
    EXPIRED = "expired"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"


class Verb(StrEnum):
    """What can be done to a review: by a reviewer, by who submitted the case, by its deadline, by a newer attempt."""

    CLAIM = "claim"
    RELEASE = "release"
    DELEGATE = "delegate"
    LAPSE = "lapse"
    DECIDE = "decide"
    VOTE = "vote"
    ESCALATE = "escalate"
    EXPIRE = "expire"
    CANCEL = "cancel"
    SUPERSEDE = "supersede"


_ENDS = {
    Verb.DECIDE: State.DECIDED,
    Verb.VOTE: State.VOTED,
    Verb.ESCALATE: State.ESCALATED,
    Verb.EXPIRE: State.EXPIRED,
    Verb.CANCEL: State.CANCELED,
    Verb.SUPERSEDE: State.SUPERSEDED,
}

MOVES: Mapping[tuple[State, Verb], State] = MappingProxyType(
    {
        (State.OPEN, Verb.CLAIM): State.CLAIMED,
        (State.CLAIMED, Verb.CLAIM): State.CLAIMED,
        (State.CLAIMED, Verb.DELEGATE): State.CLAIMED,
        (State.CLAIMED, Verb.RELEASE): State.OPEN,
        (State.CLAIMED, Verb.LAPSE): State.OPEN,
        **{(state, verb): end for state in (State.OPEN, State.CLAIMED) for verb, end in _ENDS.items()},
    }
)
"""The whole life of a review. A vote and an escalation open the next review of the case in the same transaction."""


def state_of(row: StoredReview, now: datetime) -> State:
    """Return where a review stands at this time of the store's clock: a claim that has lapsed is none."""
    if row.status is not ReviewStatus.OPEN:
        return State(row.status.value)
    held = row.claimed_by is not None and row.claimed_until is not None and row.claimed_until > now
    return State.CLAIMED if held else State.OPEN


def may(state: State, verb: Verb) -> bool:
    """Whether this can be done to a review in this state at all, by whoever may."""
    return (state, verb) in MOVES


def drawing() -> str:
    """Return the table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> open"]
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, verb), end in MOVES.items():
        arrows.setdefault((state, end), []).append(verb.value)
    lines += [f"    {state} --> {end}: {', '.join(verbs)}" for (state, end), verbs in arrows.items()]
    ended = [state for state in State if state not in (State.OPEN, State.CLAIMED)]
    return "\n".join(lines + [f"    {state} --> [*]" for state in ended])
