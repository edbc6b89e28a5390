"""Pauses of an agent: what the client of LangChain is shown, and how its answer is taken.

An answer that leaves a call waiting is never saved as the answer of the pause: it is judged while LangGraph validates
it, and the agent pauses again under the same interrupt id. LangGraph keeps one without an id, and gives it to later
runs: only an answer that this very run has brought is judged, so none is read twice, or taken for another person's.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt, interrupt
from pydantic import ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from hitl_orchestrator import Waiting
from hitl_orchestrator.integrations.langchain.calls import GatedCall
from hitl_orchestrator.integrations.langchain.schemas import batch_schema, decision_schema, json_schema
from hitl_orchestrator.integrations.langgraph.answers import wake_up
from hitl_orchestrator.integrations.langgraph.payload import TOOL_APPROVAL
from hitl_orchestrator.integrations.langgraph.place import Brought


class Waits(NamedTuple):
    """A call that waits, the text that the client shows about it, and its case."""

    call: GatedCall
    description: str
    answer: Waiting


class Judged(NamedTuple):
    """What an answer led to: the calls that still wait, and why the answer was not taken, if it was not."""

    waiting: list[Waits]
    problem: str = ""


def pause(waiting: list[Waits], judge: Callable[[object], Judged], *, per_call: bool) -> None:
    """Pause the agent until no call waits any more. `judge` takes an answer, or ignores it.

    Raises:
        GraphInterrupt: to pause; LangGraph handles it.
    """
    config, show = get_config(), _approval if per_call else _batch
    namespace, brought = str(config["configurable"]["checkpoint_ns"]), Brought(config)

    def check(answer: object, _: ValidatorFunctionWrapHandler) -> object:
        judged = judge(answer if answer in brought else wake_up(waiting[0].answer.case_id))
        if judged.waiting:
            value, schema = show(judged.waiting, judged.problem)
            raise GraphInterrupt((Interrupt.from_ns(value, namespace, response_schema=schema),))
        return answer

    value, schema = show(waiting, "")
    schema_type: Any = Annotated[Any, WrapValidator(check), WithJsonSchema(schema)]
    interrupt(value, response_schema=schema_type)


def _approval(waiting: Sequence[Waits], problem: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a `ToolApprovalRequest` about one call, with the case, and the schema of its answer."""
    call, description, answer = waiting[0]
    value = {
        "type": TOOL_APPROVAL,
        "tool_call_id": call.call["id"],
        "name": call.name,
        "args": call.arguments,
        "description": description,
        **_case(answer),
    }
    schema = decision_schema(call.rule.allowed, call.name, json_schema(call.tool, call.rule.args_schema))
    return value if not problem else {**value, "problem": problem}, schema


def _batch(waiting: Sequence[Waits], problem: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a `HITLRequest` about all waiting calls, with their cases, and the schema of its answer."""
    value: dict[str, Any] = {
        "action_requests": [
            {"name": call.name, "args": call.arguments, "description": description, **_case(answer)}
            for call, description, answer in waiting
        ],
        "review_configs": [
            {"action_name": call.name, "allowed_decisions": list(call.rule.allowed)} for call, _, _ in waiting
        ],
    }
    return value if not problem else {**value, "problem": problem}, batch_schema()


def _case(answer: Waiting) -> dict[str, Any]:
    review = answer.case.open_review
    shown = {"case_id": answer.case_id}
    return shown if review is None else {**shown, "review_id": review.review_id, "waiting_for": review.role}
