"""Keywords of JSON Schema in linear time: patterns without backtracking, and unique items without pairwise comparison.

Patterns run on the regular expressions of Rust, which pydantic brings along. They know no look-around and no
back-references, so a schema that uses these is refused when it is read.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaError, SchemaValidator, core_schema

from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import shortened
from hitl_orchestrator.review.json_schema.pattern_size import MOST_POSITIONS, is_too_large

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from referencing import Resource

_BOTH = "unevaluatedProperties does not work together with patternProperties; use additionalProperties"


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> SchemaValidator:
    compiled = SchemaValidator(core_schema.str_schema(pattern=pattern, strict=True))
    if is_too_large(pattern):
        raise SchemaError(f"more than {MOST_POSITIONS} positions")
    return compiled


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern matches anywhere in a text."""
    return _compiled(pattern).isinstance_python(text)


def is_usable(pattern: str) -> bool:
    """Return whether the engine can run a pattern."""
    try:
        _compiled(pattern)
    except SchemaError:
        return False
    return True


def pattern_problems(resource: "Resource[Any]") -> Iterator[str]:
    """Yield a sentence for each pattern of a schema and its subschemas that the engine cannot run."""
    found: list[dict[str, Any]] = []
    pending = [resource]
    while pending:
        resource = pending.pop()
        if isinstance(resource.contents, dict):
            found.append(resource.contents)
            pending.extend(resource.subresources())
    for schema in found:
        patterns = [*([schema["pattern"]] if "pattern" in schema else []), *schema.get("patternProperties", ())]
        yield from (problem for pattern in patterns if (problem := _problem(pattern)))
    if any("unevaluatedProperties" in each for each in found) and any("patternProperties" in each for each in found):
        yield _BOTH


def _problem(pattern: str) -> str:
    if not is_usable(pattern):
        return (
            f"the pattern {shortened(pattern)!r} cannot be used, because it has look-around, a back-reference, "
            "comments or too many repetitions, which can take unbounded time; write it without, with at most "
            f"{MOST_POSITIONS} characters when repetitions are written out, and bound lengths with maxLength"
        )
    return ""


def keywords() -> dict[str, Any]:
    """Return the keywords that replace those of jsonschema."""
    return {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }


def _error(message: str) -> "ValidationError":
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - slow to import

    return ValidationError(message)


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator["ValidationError"]:
    if isinstance(instance, str) and not matches(pattern, instance):
        yield _error(f"{shortened(instance)!r} does not match {shortened(pattern)!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator["ValidationError"]:
    if isinstance(instance, dict):
        for pattern, subschema in patterns.items():
            for name in [name for name in instance if matches(pattern, name)]:
                yield from validator.descend(instance[name], subschema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator["ValidationError"]:
    if not isinstance(instance, dict):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extra = [name for name in instance if name not in named and not any(matches(each, name) for each in patterns)]
    if isinstance(allowed, dict):
        for name in extra:
            yield from validator.descend(instance[name], allowed, path=name)
    elif not allowed and extra:
        listed = ", ".join(repr(shortened(name)) for name in extra)
        were = "was" if len(extra) == 1 else "were"
        yield _error(f"Additional properties are not allowed ({listed} {were} unexpected)")


def _unique_items(validator: Any, unique: bool, instance: Any, _schema: Any) -> Iterator["ValidationError"]:
    if unique and isinstance(instance, list) and len({canonical_json(item) for item in instance}) < len(instance):
        yield _error(f"{shortened(canonical_json(instance))} has non-unique elements")
