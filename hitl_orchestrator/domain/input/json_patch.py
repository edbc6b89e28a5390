"""Differences between a proposal and an edited output: field by field for reviewers, as a JSON Patch for programs."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from hitl_orchestrator.domain.value import Value, canonical_json

_MOST_OPERATIONS, _MOST_OVERHEAD = 1000, 4096


class FieldChange(Value):
    """One field that differs between the proposal and an edited output. `place` is a JSON Pointer (RFC 6901)."""

    place: str
    before: Any = None
    after: Any = None
    added: bool = False
    removed: bool = False


def json_patch(before: Any, after: Any) -> tuple[dict[str, Any], ...]:
    """Return a JSON Patch (RFC 6902) that turns `before` into `after`; empty if they are equal.

    It has one operation for each entry of `changes`, in the same order, so equal edits have equal patches. Where that
    would be more than 1,000 operations, or more text than `after`, a single one replaces the whole.
    """
    operations = [_operation(change) for change in islice(_changes("", before, after), _MOST_OPERATIONS + 1)]
    if len(operations) > _MOST_OPERATIONS or _length(operations) > _MOST_OVERHEAD + _length(after):
        return ({"op": "replace", "path": "", "value": after},)
    return tuple(operations)


def _length(value: Any) -> int:
    return len(canonical_json(value))


def changes(before: Any, after: Any) -> tuple[FieldChange, ...]:
    """Return each field that differs, ordered by name. A list whose length changed counts as one field."""
    return tuple(_changes("", before, after))


def same(first: Any, second: Any) -> bool:
    """Compare two JSON values: 1 equals 1.0, and neither equals true. What is no JSON equals nothing."""
    try:
        return canonical_json(first) == canonical_json(second)
    except (TypeError, ValueError, RecursionError):
        return False


def pointer(*steps: object) -> str:
    """Return the JSON Pointer (RFC 6901) of a path, such as `/lines/0`; empty for the whole value."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _changes(place: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _field(place + pointer(name), name, before, after)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(place + pointer(index), old, new)
    elif not same(before, after):
        yield FieldChange(place=place, before=before, after=after)


def _field(place: str, name: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[FieldChange]:
    if name not in before:
        yield FieldChange(place=place, after=after[name], added=True)
    elif name not in after:
        yield FieldChange(place=place, before=before[name], removed=True)
    else:
        yield from _changes(place, before[name], after[name])


def _operation(change: FieldChange) -> dict[str, Any]:
    if change.removed:
        return {"op": "remove", "path": change.place}
    return {"op": "add" if change.added else "replace", "path": change.place, "value": change.after}
