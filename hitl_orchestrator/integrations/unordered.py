"""Sets as JSON: their lists have no order of their own, and another one in each process, so they are sorted."""

from collections import deque
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from hitl_orchestrator.domain.value import canonical_json


def in_order(value: Any, written: Any) -> Any:
    """Return the JSON of a value with the list of each set sorted.

    Raises:
        ValueError: a set has sets in it, which have no order either.
    """
    if isinstance(value, Set) and isinstance(written, list):
        if any(_has_set(each) for each in value):
            raise ValueError("a set with sets in it has no order; pass a list")
        return sorted(written, key=canonical_json)
    if isinstance(value, list | tuple | deque) and isinstance(written, list) and len(value) == len(written):
        return [in_order(each, its) for each, its in zip(value, written, strict=True)]
    if isinstance(written, dict) and (parts := _parts(value)):
        return {name: in_order(parts.get(name), each) for name, each in written.items()}
    return written


def _parts(value: Any) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return dict(value)
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return {str(name): each for name, each in value.items()} if isinstance(value, Mapping) else {}


def _has_set(value: Any) -> bool:
    if isinstance(value, Set):
        return True
    inside = value if isinstance(value, list | tuple | deque) else _parts(value).values()
    return any(_has_set(each) for each in inside)
