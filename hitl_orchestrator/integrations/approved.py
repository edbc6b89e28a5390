"""What an approval of a call says: arguments that are stated, and compared with others as JSON."""

from typing import Any

from hitl_orchestrator import Go
from hitl_orchestrator.domain.value import canonical_json

ARGUMENTS, RESPONSE = "arguments", "response"
"""Fields of an output: the arguments of a call, and a reviewer's own answer in the place of its result."""


def is_call(answer: Go) -> bool:
    """Return whether the approved output states a call. Without its arguments a tool would run with its defaults."""
    fields = answer.output.model_extra or {}
    return isinstance(fields.get(ARGUMENTS), dict) and RESPONSE not in fields


def is_response(answer: Go) -> bool:
    """Return whether the approved output is a reviewer's own answer, and no call beside it."""
    fields = answer.output.model_extra or {}
    return isinstance(fields.get(RESPONSE), str) and not fields.get(ARGUMENTS)


def same_json(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON. 1 is 1.0, and not True; what is no JSON is the same as nothing."""
    try:
        return canonical_json(one) == canonical_json(other)
    except (TypeError, ValueError, RecursionError):
        return False
