"""Recorded reviews of a run: whether they can be replayed, in which order, and which were replayed before."""

from collections.abc import Iterator, Mapping, Sequence

from hitl_orchestrator.cli.output.formatting import now
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import NotAuthorized
from hitl_orchestrator.orchestrator import CLOCK_TOLERANCE, People, record_problems


def check_recorded(
    reviews: Sequence[Review], tasks: Mapping[str, Task], people: People | None, where: str
) -> list[str]:
    """Return the problems that would stop a replay half-way, each with its position in the file."""
    problems = [
        f"{where}: [{index}]{problem}"
        for index, review in enumerate(reviews)
        for problem in (*_incomplete(review, tasks.get(review.task_id or "")), *_unknown_people(review, people))
    ]
    for task_id, recorded in in_time_order(reviews).items():
        final = [review.human_decision for review in recorded[:-1] if review.human_decision.final is not None]
        names = {review.reviewer_id for review in recorded}
        # Several reviewers may have voted, where the rule needs several approvals.
        if final and (None in names or len(names) < len(recorded)):
            problems.append(f"{where}: task {task_id!r} has another review after {final[0]}, which is final; keep one")
    return problems


def in_time_order(reviews: Sequence[Review]) -> dict[str, list[Review]]:
    """Return the reviews of each task, the earliest first."""
    ordered: dict[str, list[Review]] = {}
    dated = [review for review in reviews if review.timestamp]
    for review in sorted(dated, key=lambda review: str(review.timestamp)):
        ordered.setdefault(str(review.task_id), []).append(review)
    return ordered


def is_recorded(case: Case, recorded: Review) -> bool:
    """Whether the case already holds this review, as it does when a file is replayed again."""
    fields = recorded.model_dump(exclude_unset=True)
    stored = [row.verdict.review.model_dump() for row in case.reviews if row.verdict is not None]
    return any(all(review[name] == value for name, value in fields.items()) for review in stored)


def _incomplete(review: Review, task: Task | None) -> Iterator[str]:
    if review.task_id is None:
        yield ".task_id: this field is required in a recorded review"
    yield from (f".{problem}" for problem in record_problems(review, task, now() + CLOCK_TOLERANCE))


def _unknown_people(review: Review, people: People | None) -> Iterator[str]:
    if people is None:
        return
    role, roles = review.human_role, people.chain.roles
    if role is not None and role not in roles:
        yield f".human_role: {role!r} is not one of {', '.join(roles)}{did_you_mean(role, roles)}"
    if review.reviewer_id is not None:
        try:
            people.named(review.reviewer_id)
        except NotAuthorized as exc:
            yield f".reviewer_id: {exc}"
