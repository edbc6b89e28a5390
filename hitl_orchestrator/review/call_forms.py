"""The form of a call: an output of a reviewer has to fit the arguments of the function, wherever it is decided."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaError

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.execution import ARGUMENTS, RESPONSE, CallForm
from hitl_orchestrator.domain.input.parsing import did_you_mean, parse
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import MOST_PROBLEMS, InvalidInput, shortened
from hitl_orchestrator.review.json_schema.keywords import errors_of, is_usable
from hitl_orchestrator.review.schemas import usable_validator

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["LARGEST", "call_form", "check_call", "output_schema"]

LARGEST = 2**16
"""The maximum length of a schema as JSON text."""

_OPEN = ("additionalProperties", "patternProperties", "unevaluatedProperties", "allOf", "anyOf", "oneOf", "$ref", "if")
"""With one of these a schema itself says which further fields an object may have."""

_DEFINITIONS = ("$schema", "$defs", "definitions")
_INWARD = re.compile(r'"\$(?:ref|dynamicRef|recursiveRef)":"#(?!/\$defs/|/definitions/)')
_BRANCHES = ("anyOf", "oneOf")


def call_form(schema: Mapping[str, Any], *, takes_response: bool = False, where: str = "ask") -> CallForm:
    """Return the form of a call by the JSON Schema of its arguments; `where` names the method that got it.

    A `pattern` that needs a backtracking engine is left out, as tools of frameworks state some: their tool checks it.

    Raises:
        InvalidInput: it is too large, no valid schema, or has a reference outside of itself; with every problem.
    """
    given = {"arguments_schema": dict(schema) if isinstance(schema, Mapping) else schema}
    form = parse(CallForm, {**given, "takes_response": takes_response}, where)
    text = canonical_json(_without_unusable_patterns(form.arguments_schema))
    if len(text) > LARGEST:
        raise InvalidInput(
            [f"{where}: arguments_schema: it has {len(text)} characters of JSON, and {LARGEST} are the most"]
        )
    _validator_of(text)
    return form.model_copy(update={"arguments_schema": json.loads(text)})


def check_call(form: CallForm | None, answer: Review, row: StoredReview) -> None:
    """Refuse an output that is no call of the proposed function, or whose arguments do not fit it.

    The refusal names the proposed function: in a blind review it may come only after the own label.

    Raises:
        InvalidInput: with every such field.
    """
    output = answer.modified_output
    if form is None or output is None:
        return
    fields = output.model_extra or {}
    if form.takes_response and answer.human_decision is HumanDecision.OVERRIDE and ARGUMENTS not in fields:
        is_text = isinstance(fields.get(RESPONSE), str)
        problems = [] if is_text else [f"{ARGUMENTS}: required, or {RESPONSE}, a text in the place of the call"]
    else:
        shown = row.shown.routing.output
        problems = list(_problems(form, None if shown is None else shown.agent_output, output))
    if problems:
        listed = "; ".join(dict.fromkeys(problems[:MOST_PROBLEMS]))
        raise InvalidInput([f"the answer to review {row.review_id!r}: its output does not fit the call: {listed}"])


def output_schema(form: CallForm) -> dict[str, Any] | None:
    """Return the schema of an output with this call, for forms; None if the references inside would not hold in it."""
    if _INWARD.search(canonical_json(form.arguments_schema)):
        return None
    arguments = _closed(form.arguments_schema, ())
    moved = {name: arguments.pop(name) for name in _DEFINITIONS if name in arguments}
    required = [] if form.takes_response else [ARGUMENTS]
    return {"type": "object", "properties": {ARGUMENTS: arguments}, "required": required, **moved}


def _problems(form: CallForm, proposed: Proposal | None, output: Proposal) -> Iterator[str]:
    fields = output.model_extra or {}
    if proposed is not None and output.predicted_label != proposed.predicted_label:
        other, own = shortened(repr(output.predicted_label)), shortened(repr(proposed.predicted_label))
        remedy = "reject the call, or override it without output"
        yield f"predicted_label: {other} is another function, and {own} was proposed; {remedy}"
        return
    if ARGUMENTS not in fields:
        yield f"{ARGUMENTS}: required"
        return
    arguments = fields[ARGUMENTS]
    if not isinstance(arguments, dict):
        yield f"{ARGUMENTS}: it has to be an object"
        return
    before = {} if proposed is None else (proposed.model_extra or {}).get(ARGUMENTS)
    kept = [name for name in arguments if isinstance(before, dict) and name in before]
    validator = _validator_of(canonical_json(_closed(form.arguments_schema, kept)))
    try:
        for error in errors_of(validator, arguments):
            yield from _described(error, (ARGUMENTS, *error.absolute_path))
    except RecursionError:
        yield f"{ARGUMENTS}: the schema refers to itself too often"
    except SchemaError:
        yield f"{ARGUMENTS}: the schema has a pattern that cannot be used, behind a reference"


def _described(error: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """Yield what is wrong, in the words of a reviewer, each with the field."""
    place = ".".join(map(str, path))
    if error.validator == "required":
        yield from (f"{place}.{name}: required" for name in error.validator_value if name not in error.instance)
    elif error.validator == "additionalProperties" and not error.context:
        known = error.schema.get("properties", {})
        for name in error.instance:
            if name not in known:
                yield f"{place}.{shortened(name)}: unknown field{did_you_mean(name, known)}"
    elif error.validator in _BRANCHES and error.context:
        yield from _described_branches(error, path)
    elif error.validator == "type":
        yield f"{place}: it has to be {_types([error])}, and is {_shown(error.instance)}"
    elif error.validator in _BRANCHES or error.validator in ("not", "if", "contains"):
        yield f"{place}: {_shown(error.instance)} is not allowed"
    else:
        yield f"{place}: {shortened(error.message)}"


def _described_branches(error: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """Yield the problems with the alternative that is meant: the one of the same type with the fewest."""
    branches: dict[Any, list[Any]] = {}
    for each in error.context:
        branches.setdefault(each.relative_schema_path[0], []).append(each)
    fitting = [found for found in branches.values() if not any(map(_is_of_other_type, found))]
    if not fitting:
        yield f"{'.'.join(map(str, path))}: it has to be {_types(error.context)}, and is {_shown(error.instance)}"
        return
    for each in min(fitting, key=len):
        yield from _described(each, (*path, *each.relative_path))


def _is_of_other_type(error: Any) -> bool:
    return error.validator == "type" and len(error.relative_path) == 0


def _types(errors: Iterable[Any]) -> str:
    values = [each.validator_value for each in errors if each.validator == "type"]
    names = [name for value in values for name in ([value] if isinstance(value, str) else value)]
    return " or ".join(dict.fromkeys(map(str, names)))


def _shown(value: Any) -> str:
    return shortened(canonical_json(value))


def _closed(schema: Mapping[str, Any], kept: Iterable[str]) -> dict[str, Any]:
    """Return a schema that allows the declared fields alone, and those `kept` as proposed, unless it says otherwise."""
    closed = deepcopy(dict(schema))
    if isinstance(closed.get("properties"), dict) and not any(name in closed for name in _OPEN):
        closed["properties"] = {**{name: {} for name in kept}, **closed["properties"]}
        closed["additionalProperties"] = False
    return closed


def _without_unusable_patterns(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_unusable_patterns(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: each if name in ("const", "enum") else _without_unusable_patterns(each)
        for name, each in value.items()
        if name != "pattern" or not isinstance(each, str) or is_usable(each)
    }


@lru_cache(maxsize=256)
def _validator_of(text: str) -> "Validator":
    return usable_validator(json.loads(text), "arguments_schema")
