"""Check tasks and outputs before they are accepted."""

from datetime import datetime

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.enums import EXECUTION_CHECK, GOVERNED_CHANGES, POLICY_CHANGE, ActorKind, Authentication
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.input.reserved_ids import is_reserved
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.value import Identifier, Value
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.language.vocabulary import Vocabulary, near_miss
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.reviews.recording import CLOCK_TOLERANCE
from hitl_orchestrator.services.reviews.rejected_attempts import REPLAY

__all__ = ["check_not_reserved", "check_submission", "check_words", "identifier", "submitter_of"]


class _Named(Value):
    name: Identifier


def submitter_of(submission: Submission, acting: Acting) -> Actor:
    """Return the actor who submits a task: the stated submitter, or the reviewer who adds a quality check."""
    planted = submission.quality_check is not None and acting.reviewer is not None
    name = acting.reviewer if planted else submission.submitted_by
    return Actor(
        kind=ActorKind.HUMAN if planted else ActorKind.AGENT,
        id=name,
        authenticated=Authentication.NONE if name is None else acting.authenticated,
        channel=REPLAY if submission.replayed else acting.channel,
        os_user=acting.os_user,
    )


def identifier(text: str, field: str) -> str:
    """Return a valid identifier. Raises `InvalidInput`."""
    return parse(_Named, {"name": text}, field).name


def check_not_reserved(task: Task) -> None:
    """Raise `InvalidInput` for a task type or a task id that the system creates itself.

    A caller who could take such an id would learn the decisions on it, or end it. The error is the same whether or
    not there is such a task.
    """
    if is_reserved(task.task_id):
        why = "an id of this form is reserved for tasks created by the system"
        raise InvalidInput([f"task {task.task_id!r}: task_id: {why}; give the task another id"])
    if task.task_type == EXECUTION_CHECK:
        why = f"{task.task_type!r} is reserved for questions of the system, and cannot be submitted"
        raise InvalidInput([f"task {task.task_id!r}: task_type: {why}; give the task another type"])
    if task.task_type in GOVERNED_CHANGES:
        is_policy = task.task_type == POLICY_CHANGE
        command, changed = ("policy activate", "routing policy") if is_policy else ("people propose", "people")
        remedy = f"'hitl {command}' proposes one, under the name of its author"
        why = f"{task.task_type!r} is reserved for changes of the {changed}, and cannot be submitted"
        raise InvalidInput([f"task {task.task_id!r}: task_type: {why}; {remedy}"])


def check_words(task: Task, vocabulary: Vocabulary | None) -> None:
    """Raise `InvalidInput` for a word that is spelled like one of a closed vocabulary, with the word that is meant.

    Any other unknown word is accepted: a person decides the case.
    """
    found = [] if vocabulary is None else vocabulary.unknown(task.domain, task.task_type)
    problems = [
        f"task {task.task_id!r}: {field}: {word!r} is not in the vocabulary of the policy; write {near!r}"
        for field, word, _ in found
        if vocabulary is not None and (near := near_miss(word, vocabulary.words(field) or ())) is not None
    ]
    if problems:
        raise InvalidInput(problems)


def check_submission(task: Task, output: AgentOutput | None, now: datetime) -> None:
    """Raise `InvalidInput` if the output is for another task, the task is from the future, or a record is too large."""
    check_record(task, f"task {task.task_id!r}")
    if output is not None:
        check_record(output, f"the output for task {task.task_id!r}")
    problems: list[str] = []
    if output is not None and output.task_id != task.task_id:
        problems.append(f"task {task.task_id!r}: its output is for task {output.task_id!r}; submit each with its own")
    if task.timestamp is not None and task.timestamp > now + CLOCK_TOLERANCE:
        problems.append(
            f"task {task.task_id!r}: timestamp: {task.timestamp.isoformat()} lies in the future; "
            "give the time at which the task was made, or leave it out"
        )
    if problems:
        raise InvalidInput(problems)
