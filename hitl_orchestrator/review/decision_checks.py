"""Checks that this decision, or this record of the past, may decide this review. Deny by default; name the remedy."""

from collections.abc import Iterator
from datetime import datetime

from hitl_orchestrator.domain.decision import ReviewRequirements
from hitl_orchestrator.domain.enums import EXECUTION_CHECK, FINAL, WITH_OUTPUT, HumanDecision
from hitl_orchestrator.domain.input.json_patch import same
from hitl_orchestrator.domain.review import Review, Reviewer, StoredReview
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, StaleReview, TopOfChain

SHORT_DIGEST = 12
"""The number of hexadecimal digits that the faces show of a digest. They are enough to name it."""

SEPARATION_OF_DUTIES, QUORUM, ASKED_PEOPLE = "separation_of_duties", "quorum", "asked_people"
"""The rules that cannot be checked for a record without a reviewer."""


def check_answer(answer: Review, row: StoredReview) -> None:
    """Refuse a decision that cannot be carried out, or that is about other content than the review shows.

    Raises:
        InvalidInput: it names another task, or lacks the output or the reason that the decision needs.
        StaleReview: it names the digest of other content.
    """
    where = f"the answer to review {row.review_id!r}"
    problems: list[str] = []
    if answer.task_id not in (None, row.shown.task.task_id):
        task_id = row.shown.task.task_id
        problems.append(f"{where}: task_id {answer.task_id!r} is not the task of this review, {task_id!r}")
    problems += [f"{where}: {problem}" for problem in _missing(answer)]
    if answer.human_decision.spec.approves_proposal and row.shown.routing.output is None:
        problems.append(f"{where}: the agent proposed nothing to approve; reject it, or override with an own output")
    if not _answers(answer.human_decision, row):
        problems.append(
            f"{where}: {answer.human_decision} is no answer to whether the call was carried out; approve if it was, "
            "reject if it was not, or escalate"
        )
    if _changes_nothing(answer, row):
        problems.append(
            f"{where}: the edited output equals the proposal; approve it, or edit it with output= (--output)"
        )
    if problems:
        raise InvalidInput(problems)
    if answer.shown_digest is not None and not _names(answer.shown_digest, row.digest):
        raise StaleReview(row.review_id, str(answer.shown_digest), row.digest)


def _answers(decision: HumanDecision, row: StoredReview) -> bool:
    """Return whether a decision answers the question of a review: what happened cannot be edited."""
    return row.shown.task.task_type != EXECUTION_CHECK or not decision.spec.takes_output


def _changes_nothing(answer: Review, row: StoredReview) -> bool:
    """Return whether a decision that needs an edited output repeats the proposal.

    Not in a blind review: the refusal would tell the reviewer what the agent proposed.
    """
    shown, edited = row.shown.routing, answer.modified_output
    if not answer.human_decision.spec.needs_output or edited is None or shown.output is None:
        return False
    return not shown.decision.requirements.blind and same(
        edited.model_dump(mode="json"), shown.output.agent_output.model_dump(mode="json")
    )


def _names(prefix: str, digest: str) -> bool:
    """Return whether this is the digest, or at least the leading digits that the faces show."""
    return len(prefix) >= SHORT_DIGEST and digest.startswith(prefix)


def _missing(answer: Review) -> list[str]:
    decision, spec = answer.human_decision, answer.human_decision.spec
    problems = []
    if spec.needs_output and answer.modified_output is None:
        problems.append(
            f"{decision} needs the edited output; give it with output= (--output), or choose another decision"
        )
    if spec.needs_reason and not answer.stated_reason:
        problems.append(f"{decision} needs a reason; give one with reason= (--reason)")
    if not spec.takes_output and answer.modified_output is not None:
        problems.append(f"{decision} takes no output; leave output= (--output) out, or {' or '.join(WITH_OUTPUT)}")
    return problems


def options(row: StoredReview, decided_in: str, chain: RoleChain) -> tuple[HumanDecision, ...]:
    """Return the decisions that a reviewer in this role may take: those that `check_answer` accepts."""
    has_proposal = row.shown.routing.output is not None
    is_top = chain.above(chain.higher(row.role, decided_in)) is None
    return tuple(
        decision
        for decision in HumanDecision
        if (has_proposal or not decision.spec.approves_proposal)
        and not (is_top and decision.spec.escalates)
        and _answers(decision, row)
    )


def role_to_decide_in(reviewer: Reviewer, needed: str, domain: str, chain: RoleChain, named: str | None) -> str:
    """Return the role in which this reviewer may decide: the lowest held one that is high enough.

    `named` is the role that the decision names, if any.

    Raises:
        NotAuthorized: the reviewer lacks a sufficient role, the domain, or the role they name.
    """
    if "*" not in reviewer.domains and domain not in reviewer.domains:
        where = ", ".join(reviewer.domains)
        raise NotAuthorized(reviewer.reviewer_id, f"the case is in {domain!r}, their domains are {where}")
    held = [role for role in chain.roles if role in reviewer.roles and chain.reaches(role, needed)]
    if not held:
        mine = ", ".join(reviewer.roles)
        raise NotAuthorized(
            reviewer.reviewer_id, f"it needs {needed!r} or a role above it, they hold {mine}; ask a holder of that role"
        )
    if named is not None and named not in held:
        why = f"the answer names the role {named!r}, which they do not hold or which is below {needed!r}"
        raise NotAuthorized(reviewer.reviewer_id, why)
    return named or held[0]


def role_to_pass_to(row: StoredReview, decided_in: str, chain: RoleChain) -> str:
    """Return the role above the one in which a case is escalated.

    Raises:
        TopOfChain: there is none.
    """
    above = chain.above(chain.higher(row.role, decided_in))
    if above is None:
        raise TopOfChain(row.case_id, decided_in, FINAL)
    return above


def unchecked_rules(recorded: Review, requirements: ReviewRequirements) -> tuple[str, ...]:
    """Return the rules that cannot be checked for a record, because it names a role and no reviewer."""
    if recorded.reviewer_id is not None:
        return ()
    quorum = (QUORUM,) if requirements.approvals > 1 else ()
    asked = (ASKED_PEOPLE,) if requirements.teams or requirements.not_by else ()
    return (SEPARATION_OF_DUTIES, *quorum, *asked)


def unfit_record(recorded: Review, task: Task | None, latest: datetime) -> Iterator[str]:
    """Yield each problem that prevents the replay of a record, with its field. `modify` needs no edited output here.

    `task` is the decided task, or None if it is not known yet; later times than `latest` count as future.
    """
    if recorded.timestamp is None:
        yield "timestamp: this field is required in a recorded review: the time of the decision"
    elif task is not None and task.timestamp is not None and recorded.timestamp < task.timestamp:
        yield f"timestamp: {recorded.timestamp.isoformat()} lies before the task's, {task.timestamp.isoformat()}"
    elif recorded.timestamp > latest:
        yield f"timestamp: {recorded.timestamp.isoformat()} lies in the future; a recorded review must lie in the past"
    if task is not None and recorded.task_id not in (None, task.task_id):
        yield f"task_id: {recorded.task_id!r} is another task"
    if recorded.human_decision.spec.needs_reason and not recorded.stated_reason:
        yield f"human_decision: {recorded.human_decision} needs a reason, in human_feedback or reason"
    if not recorded.human_decision.spec.takes_output and recorded.modified_output is not None:
        yield f"modified_output: {recorded.human_decision} takes no output; only {' and '.join(WITH_OUTPUT)} do"
