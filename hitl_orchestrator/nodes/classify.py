"""Determine the proposal and the risk level."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from hitl_orchestrator.domain.decision import Classification
from hitl_orchestrator.domain.input.normalization import normalized
from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.nodes.ports import Classifier
from hitl_orchestrator.nodes.state import Submitted, Update
from hitl_orchestrator.policies.engine.risk import RiskRule, risk_of


def classify(state: Submitted, *, classifier: Classifier | None, risk_rules: Sequence[RiskRule]) -> Update:
    """Use the submitted output, or call the classifier."""
    task, output = state.submission.task, state.submission.output
    if output is None and classifier is not None:
        output = output_of(task, classifier.invoke(task))
    return {"classification": Classification(risk_level=risk_of(task, risk_rules), output=output)}


def output_of(task: Task, answer: Any) -> AgentOutput | None:
    """Validate the answer of a classifier. None means no proposal, so that a reviewer decides.

    Raises:
        InvalidInput: it is not an agent output, or is for another task.
    """
    where = f"the classifier's answer to task {task.task_id!r}"
    try:
        output = None if answer is None else normalized(AgentOutput.model_validate(answer), where)
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, AgentOutput)) from exc
    if output is not None:
        check_record(output, where)
    if output is not None and output.task_id != task.task_id:
        raise InvalidInput([f"{where}: task_id: {output.task_id!r} is another task"])
    return output
