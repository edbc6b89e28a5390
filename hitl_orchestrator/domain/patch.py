"""What differs between a proposal and an edited output: field by field for people, as a JSON Patch for machines."""

from typing import Any

import jsonpatch

from hitl_orchestrator.domain.value import Value


class FieldChange(Value):
    """One field that differs between the proposal and an edited output. `place` is a JSON Pointer (RFC 6901)."""

    place: str
    before: Any = None
    after: Any = None
    added: bool = False
    removed: bool = False


def json_patch(before: Any, after: Any) -> tuple[dict[str, Any], ...]:
    """Return the JSON Patch (RFC 6902) that leads from one value to another."""
    return tuple(jsonpatch.make_patch(before, after))
