"""What an approval of a call says: the arguments of the call, or an answer in its place."""

from hitl_orchestrator import Go
from hitl_orchestrator.domain.execution import ARGUMENTS, RESPONSE


def is_call(answer: Go) -> bool:
    """Return whether the approved output states a call. Without its arguments a tool would run with its defaults."""
    fields = answer.output.model_extra or {}
    return isinstance(fields.get(ARGUMENTS), dict) and RESPONSE not in fields


def is_response(answer: Go) -> bool:
    """Return whether the approved output is a reviewer's own answer, and no call beside it."""
    fields = answer.output.model_extra or {}
    return isinstance(fields.get(RESPONSE), str) and not fields.get(ARGUMENTS)
