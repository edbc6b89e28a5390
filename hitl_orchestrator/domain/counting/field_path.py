"""Values of nested fields by path, such as `customer.tier`."""

from collections.abc import Mapping
from typing import Any

_OF_NO_TYPE: Mapping[str, Any] = {}


def value_at(fields: Mapping[str, Any], name: str) -> Any:
    """Return the value of a field; None where it is missing.

    A name with dots is a path to a value within objects. A plain field of that whole name counts where the object does
    not exist; where both do, the value is of no type, so that it is unknown.
    """
    first, *others = name.split(".")
    if not others:
        return fields.get(name)
    nested = fields.get(first)
    if not isinstance(nested, Mapping):
        return fields.get(name)
    if name in fields:
        return _OF_NO_TYPE
    for part in others:
        nested = nested.get(part) if isinstance(nested, Mapping) else None
    return nested


def with_value_at(fields: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Return the fields with another value of one, which `value_at` then returns; without it for None."""
    first, _, rest = name.partition(".")
    others = {other: known for other, known in fields.items() if other not in {first, name}}
    if not rest:
        return others if value is None else {**others, name: value}
    nested = fields.get(first)
    if not isinstance(nested, Mapping):
        kept = others if nested is None else {**others, first: nested}
        return kept if value is None else {**others, first: with_value_at({}, rest, value)}
    changed = with_value_at(nested, rest, value)
    return {**others, first: changed} if changed else others
