"""The structure of stored values, by introspection of their types: field names, types and enum values.

Names of classes, docstrings, descriptions, defaults, limits and the order of fields and values are left out: a stored
state reads the same without them.
"""

from collections.abc import Callable
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from hitl_orchestrator.domain.value import canonical_json


def structure(kind: Any, within: tuple[Any, ...] = ()) -> Any:
    """Return the structure of a type as plain JSON."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return structure(parts[0], within)
    if origin is Literal:
        return {"words": sorted(map(str, parts))}
    if origin in (Union, UnionType):
        return {"any of": sorted((structure(part, within) for part in parts), key=canonical_json)}
    if origin is not None:
        return {_name(origin): [structure(part, within) for part in parts]}
    return _of_class(kind, within) if isinstance(kind, type) else _name(kind)


def reducers(state: type) -> dict[str, list[str]]:
    """Return the reducers of each key of a state; a key without one keeps the last write."""
    hints = get_type_hints(state, include_extras=True)
    return {key: [_place(part) for part in get_args(hint)[1:] if _merges(hint, part)] for key, hint in hints.items()}


def _of_class(kind: type, within: tuple[Any, ...]) -> Any:
    if issubclass(kind, Enum):
        return {"words": sorted(str(word.value) for word in kind)}
    if issubclass(kind, BaseModel):
        return "itself" if kind in within else _fields(kind, (*within, kind))
    return _name(kind)


def _fields(kind: type[BaseModel], within: tuple[Any, ...]) -> dict[str, Any]:
    """Return the stored fields, each with whether it is required, and the treatment of unknown ones."""
    stored = {name: field for name, field in kind.model_fields.items() if not field.exclude}
    fields = {name: [structure(field.annotation, within), field.is_required()] for name, field in stored.items()}
    return {"fields": fields, "others": kind.model_config.get("extra")}


def _merges(hint: Any, part: Any) -> bool:
    return get_origin(hint) is Annotated and callable(part)


def _place(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", None) or str(kind)
