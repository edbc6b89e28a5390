"""What a task and an answer must be before anything is done with them, and which review an answer is about. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.enums import POLICY_CHANGE, ActorKind, Authentication
from hitl_orchestrator.domain.input.limits import check_record
from hitl_orchestrator.domain.input.parsing import did_you_mean, parse
from hitl_orchestrator.domain.input.reserved_ids import is_kept
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.value import Identifier, Value
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.ledger.events.builders import answer_digest
from hitl_orchestrator.services.reviews.recording import CLOCK_TOLERANCE
from hitl_orchestrator.services.reviews.rejected_attempts import REPLAY

Word = TypeVar("Word", bound=StrEnum)


class _Named(Value):
    name: Identifier


def sender(submission: Submission, channel: str) -> Actor:
    """Return who sends a task in, by the name that was given."""
    how = Authentication.NONE if submission.submitted_by is None else Authentication.STATED
    through = REPLAY if submission.replayed else channel
    return Actor(kind=ActorKind.AGENT, id=submission.submitted_by, authenticated=how, channel=through)


def named_review(case: Case, answer: Review) -> str | None:
    """Return the review that an answer is about: the one it names, if the case has it, or else the latest."""
    ids = [row.review_id for row in case.reviews]
    return answer.review_id if answer.review_id in ids else next(reversed(ids), None)


def name_of(given: str, field: str) -> str:
    """Return an id that may be stored. Raises `InvalidInput` where it is none."""
    return parse(_Named, {"name": given}, field).name


def one_of(words: type[Word], given: str, where: str) -> Word:
    """Return one of a closed set of words. Raises `InvalidInput` where it is none."""
    try:
        return words(given)
    except ValueError:
        known = [word.value for word in words]
        there = f"{given!r} is none of {', '.join(known)}{did_you_mean(given, known)}"
        raise InvalidInput([f"{where}: {there}"]) from None


def is_same_answer(given: Review, again: Review) -> bool:
    """Whether an answer that names its giver says again what was given."""
    somebody = again.reviewer_id is not None or again.human_role is not None
    return somebody and again.human_role in (None, given.human_role) and answer_digest(given) == answer_digest(again)


def passed_up(case: Case) -> bool:
    """Whether an earlier review of a waiting case was answered, so that its thread may still ask that one."""
    return any(row.verdict is not None and row.verdict.final is None for row in case.reviews)


def check_not_kept(task: Task) -> None:
    """Refuse a task of the type that is kept for changes of the policy, or under an id that the store gives itself.

    Whoever took such an id would learn what is asked under it, or end it. It is the same refusal whether or not
    there is such a task.

    Raises:
        InvalidInput: it is one.
    """
    if is_kept(task.task_id):
        there = "an id of this form is kept for what the store asks people of its own accord"
        raise InvalidInput([f"task {task.task_id!r}: task_id: {there}; give the task another one"])
    if task.task_type == POLICY_CHANGE:
        remedy = "'hitl policy activate' proposes one, under the name of who wants it"
        there = f"{POLICY_CHANGE!r} is kept for changes of the routing policy itself, and nobody may submit one"
        raise InvalidInput([f"task {task.task_id!r}: task_type: {there}; {remedy}"])


def check_submission(task: Task, output: AgentOutput | None, now: datetime) -> None:
    """Refuse what cannot be taken in.

    Raises:
        InvalidInput: the output is for another task, the task's time lies in the future, or a record is too large.
    """
    check_record(task, f"task {task.task_id!r}")
    if output is not None:
        check_record(output, f"the output for task {task.task_id!r}")
    found: list[str] = []
    if output is not None and output.task_id != task.task_id:
        found.append(f"task {task.task_id!r}: its output is for task {output.task_id!r}; submit each with its own")
    if task.timestamp > now + CLOCK_TOLERANCE:
        found.append(
            f"task {task.task_id!r}: timestamp: {task.timestamp.isoformat()} lies in the future; "
            "give the time at which the task was made"
        )
    if found:
        raise InvalidInput(found)
