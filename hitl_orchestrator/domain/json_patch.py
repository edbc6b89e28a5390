"""What differs between a proposal and an edited output: field by field for people, as a JSON Patch for machines."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException, escape

from hitl_orchestrator.domain.value import Value, canonical_json


class FieldChange(Value):
    """One field that differs between the proposal and an edited output. `place` is a JSON Pointer (RFC 6901)."""

    place: str
    before: Any = None
    after: Any = None
    added: bool = False
    removed: bool = False


def json_patch(before: Any, after: Any) -> tuple[dict[str, Any], ...]:
    """Return the JSON Patch (RFC 6902) that leads from one value to another; an empty one between equal values.

    It is held against what it leads to, for Python takes 1 for True, and a record must not lose a change: should the
    library err, each changed field is written anew instead.
    """
    try:
        made = tuple(jsonpatch.make_patch(before, after))
        # The library goes through sets; in the order of their places the same edit is the same patch everywhere.
        for patch in (tuple(sorted(made, key=lambda step: (step["path"], step["op"]))), made):
            if same(applied(before, patch), after):
                return patch
    except (jsonpatch.JsonPatchException, JsonPointerException):
        pass
    return tuple(_operation(change) for change in changes(before, after))


def applied(before: Any, patch: Iterable[dict[str, Any]]) -> Any:
    """Return what a value is after a JSON Patch; both stay as they are.

    They are written out first: what stands in two places is changed in one, and the library works on what it is given.
    """
    return jsonpatch.apply_patch(json.loads(json.dumps(before)), json.dumps(list(patch)), in_place=True)


def changes(before: Any, after: Any) -> tuple[FieldChange, ...]:
    """Return each field that differs, in the order of their names. Lists of other lengths differ as a whole."""
    return tuple(_changes("", before, after))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one: 1 and 1.0 are, 1 and true are not."""
    return canonical_json(one) == canonical_json(other)


def _changes(place: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _field(f"{place}/{escape(name)}", name, before, after)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changes(f"{place}/{index}", one, other)
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
