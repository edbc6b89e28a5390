"""Recorded reviews: whether they can be replayed at all, in which order, and whether one stands already. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import NotAuthorized
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.recorded import unfit_record
from hitl_orchestrator.services.reviews.recording import CLOCK_TOLERANCE
from hitl_orchestrator.wiring.clocks import now_in_utc


def check_recorded(
    reviews: Sequence[Review], tasks: Mapping[str, Task], people: People | None, where: str
) -> list[str]:
    """Return what would stop a replay half way, each problem with its place in the file."""
    found = [
        f"{where}: [{index}]{problem}"
        for index, review in enumerate(reviews)
        for problem in (*_incomplete(review, tasks.get(review.task_id or "")), *_strange(review, people))
    ]
    for task_id, recorded in in_time_order(reviews).items():
        final = [review.human_decision for review in recorded[:-1] if review.human_decision.final is not None]
        if final:
            found.append(f"{where}: task {task_id!r} has another review after {final[0]}, which is final; keep one")
    return found


def in_time_order(reviews: Sequence[Review]) -> dict[str, list[Review]]:
    """Return the reviews of each task, the earliest first."""
    ordered: dict[str, list[Review]] = {}
    for review in sorted((one for one in reviews if one.timestamp), key=lambda one: str(one.timestamp)):
        ordered.setdefault(str(review.task_id), []).append(review)
    return ordered


def stands(case: Case, recorded: Review) -> bool:
    """Whether the case holds this very review already, as it does when a file is replayed again."""
    said = recorded.model_dump(exclude_unset=True)
    held = [row.verdict.review.model_dump() for row in case.reviews if row.verdict is not None]
    return any(all(review[name] == value for name, value in said.items()) for review in held)


def _incomplete(review: Review, task: Task | None) -> Iterator[str]:
    if review.task_id is None:
        yield ".task_id: this field is required in a recorded review"
    yield from (f".{problem}" for problem in unfit_record(review, task, now_in_utc() + CLOCK_TOLERANCE))


def _strange(review: Review, people: People | None) -> Iterator[str]:
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
