"""Whether this answer, by this person, may decide this review. Deny by default, and say what would help."""

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Review, Reviewer, StoredReview
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, StaleReview, TopOfChain

SHORT_DIGEST = 12
"""So many hexadecimal digits of a digest are shown to people, and are enough to name it."""


def check_answer(answer: Review, row: StoredReview) -> None:
    """Refuse an answer that could not be carried out, or that speaks of something else than the review shows.

    Raises:
        InvalidInput: it names another task, brings no output to `modify` or no reason to `override`, or the like.
        StaleReview: it names the digest of something else than what is shown.
    """
    where = f"the answer to review {row.review_id!r}"
    found: list[str] = []
    if answer.task_id not in (None, row.shown.task.task_id):
        found.append(f"{where}: task_id {answer.task_id!r} is not the task of this review, {row.shown.task.task_id!r}")
    found += [f"{where}: {problem}" for problem in _missing(answer)]
    if answer.human_decision is HumanDecision.APPROVE and row.shown.routing.output is None:
        found.append(f"{where}: the agent proposed nothing to approve; reject it, or override with an own output")
    if found:
        raise InvalidInput(found)
    if answer.shown_digest is not None and not _names(answer.shown_digest, row.digest):
        raise StaleReview(row.review_id, str(answer.shown_digest), row.digest)


def _names(given: str, digest: str) -> bool:
    """Whether these are the digest, or as many of its first digits as we show to people."""
    return len(given) >= SHORT_DIGEST and digest.startswith(given)


def _missing(answer: Review) -> list[str]:
    said = answer.human_decision
    found = []
    if said is HumanDecision.MODIFY and answer.modified_output is None:
        found.append("modify needs the edited output; give it as JSON, or choose another decision")
    if said in (HumanDecision.OVERRIDE, HumanDecision.ESCALATE) and not answer.stated_reason:
        found.append(f"{said} needs a reason; say why")
    if said not in (HumanDecision.MODIFY, HumanDecision.OVERRIDE) and answer.modified_output is not None:
        found.append(f"{said} takes no output; to change the output, modify or override")
    return found


def options(row: StoredReview, decided_in: str, chain: RoleChain) -> tuple[HumanDecision, ...]:
    """Return the answers that would be taken from somebody who decides in this role: what `check_answer` lets pass."""
    impossible = set()
    if row.shown.routing.output is None:
        impossible.add(HumanDecision.APPROVE)
    if chain.above(chain.higher(row.role, decided_in)) is None:
        impossible.add(HumanDecision.ESCALATE)
    return tuple(word for word in HumanDecision if word not in impossible)


def role_to_decide_in(reviewer: Reviewer, needed: str, domain: str, chain: RoleChain, named: str | None) -> str:
    """Return the role in which this reviewer may decide: the lowest held one that is high enough.

    `named` is the role the answer claims to be given in, if any.

    Raises:
        NotAuthorized: the person lacks the role, the domain, or the role they name.
    """
    if "*" not in reviewer.domains and domain not in reviewer.domains:
        where = ", ".join(reviewer.domains)
        raise NotAuthorized(reviewer.reviewer_id, f"the case is in {domain!r}, their domains are {where}")
    held = [role for role in chain.roles if role in reviewer.roles and chain.reaches(role, needed)]
    if not held:
        mine = ", ".join(reviewer.roles)
        raise NotAuthorized(
            reviewer.reviewer_id, f"it needs {needed!r} or a role above it, they hold {mine}; ask such a person"
        )
    if named is not None and named not in held:
        why = f"the answer is given as {named!r}, which they do not hold or which is below {needed!r}"
        raise NotAuthorized(reviewer.reviewer_id, why)
    return named or held[0]


def role_to_pass_to(row: StoredReview, decided_in: str, chain: RoleChain) -> str:
    """Return who stands above the one who passes a case up.

    Raises:
        TopOfChain: nobody does.
    """
    above = chain.above(chain.higher(row.role, decided_in))
    if above is None:
        raise TopOfChain(row.case_id, decided_in)
    return above
