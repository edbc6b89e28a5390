"""Kinds of files, recognized by their fields: a file in the place of another is refused by its kind."""

from collections.abc import Mapping
from typing import Any

from hitl_orchestrator.errors import InvalidInput, shortened

TASKS, OUTPUTS, REVIEWS, REVIEWERS = "tasks", "agent outputs", "reviews", "reviewers"
POLICY, PROOF = "a routing policy", "a proof of a case"
_MARKS = {
    "audit records": ("log_id", "routing_decision"),
    "signed heads of a ledger": ("root", "signature"),
    TASKS: ("task_type", "task_description"),
    OUTPUTS: ("agent_output",),
    REVIEWS: ("human_decision",),
    REVIEWERS: ("reviewer_id", "roles"),
    POLICY: ("policy_id", "rules"),
    PROOF: ("entries", "head"),
}
"""The fields that files of each kind have, and those of the kinds after it lack."""


def check_kind(raw: Any, expected: str, where: str) -> None:
    """Refuse a parsed file that is of another known kind. It is judged by its first record.

    Raises:
        InvalidInput: naming both kinds.
    """
    first = raw[0] if isinstance(raw, list) and raw else raw
    if not isinstance(first, Mapping) or any(mark in first for mark in _MARKS[expected]):
        return
    kind = next((kind for kind, marks in _MARKS.items() if all(mark in first for mark in marks)), None)
    if kind is not None:
        raise InvalidInput([f"{where}: it has {kind} instead of {expected}; check which file goes where"])


def check_not_wrapped(records: list[Any], expected: str, where: str) -> None:
    """Refuse one object around the list of records, such as `{"tasks": [...]}`.

    Raises:
        InvalidInput: naming the field that holds the list.
    """
    if len(records) != 1 or not isinstance(records[0], Mapping):
        return
    for name, value in records[0].items():
        first = value[0] if isinstance(value, list) and value else None
        if isinstance(first, Mapping) and any(mark in first for mark in _MARKS[expected]):
            field = shortened(name)
            raise InvalidInput([f"{where}: it is an object whose {field!r} has the {expected}; give that list"])
