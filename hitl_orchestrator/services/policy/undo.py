"""Whether a person may undo the latest change of the policy alone."""

from datetime import datetime

from hitl_orchestrator.errors import UndoRefused
from hitl_orchestrator.ledger.events.policy_builders import UNDO_WITHIN
from hitl_orchestrator.policies.lifecycle.history import OwnChange, PolicyHistory

__all__ = ["own_change"]


def own_change(history: PolicyHistory, account: str, people_hash: str, now: datetime) -> OwnChange:
    """Return the latest change if this account may undo it alone at a time of the store's clock.

    It made the change alone, at most an hour before, and since then neither another policy nor other people came into
    force. What is restored was in force then, so that a tightening and its undo together loosen nothing.

    Raises:
        UndoRefused: it may not.
    """
    own = history.undoable
    if own is None:
        raise UndoRefused("the latest change is no activation by one person alone, or it was undone already")
    if own.by != account:
        raise UndoRefused(f"{own.by!r} made the latest change, and only they may undo it alone")
    if people_hash != own.people_hash:
        raise UndoRefused("other people came into force since")
    if now < own.at:
        raise UndoRefused(f"the change was made at {_minute(own.at)}, and the store's clock shows {_minute(now)}")
    if now > own.at + UNDO_WITHIN:
        raise UndoRefused(f"the change was made at {_minute(own.at)}, more than an hour ago")
    return own


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
