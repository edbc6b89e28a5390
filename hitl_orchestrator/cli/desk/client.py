"""What the desk asks of the orchestrator, one call for each wish. Nothing here draws, and everything may be refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from hitl_orchestrator.cli.desk.draft import DELEGATE, Draft
from hitl_orchestrator.cli.output.errors import problems_of
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import DecisionSource, ReviewStatus, RiskLevel
from hitl_orchestrator.domain.invisible_characters import visible
from hitl_orchestrator.domain.review import Reviewer, StoredReview
from hitl_orchestrator.errors import HitlError, NotAuthorized, RequestRejected
from hitl_orchestrator.orchestrator import Orchestrator
from hitl_orchestrator.review.authority import role_to_decide_in
from hitl_orchestrator.review.view import CaseView
from hitl_orchestrator.services.reviews.inbox import role_needed

CHANNEL = "cli"
MOST_LISTED = 500
T = TypeVar("T")


class DeskError(Exception):
    """Something that was asked for did not happen, said in plain sentences. `refused`: the answer is no, for good."""

    def __init__(self, sentences: Sequence[str], *, refused: bool) -> None:
        super().__init__("\n".join(sentences))
        self.sentences, self.refused = tuple(sentences), refused


@dataclass(frozen=True)
class Filters:
    """Which reviews are listed. Unless `all_roles`, only those that this reviewer may decide."""

    role: str | None = None
    domain: str | None = None
    task_type: str | None = None
    risk_level: str | None = None
    overdue: bool = False
    mine: bool = False
    unclaimed: bool = False
    all_roles: bool = False

    def toggled(self, name: str) -> "Filters":
        """Return these with one switch turned."""
        turned: dict[str, Any] = {name: not getattr(self, name)}
        return replace(self, **turned)

    @property
    def told(self) -> tuple[str, ...]:
        """What is filtered by, a few words each."""
        words = [value for value in (self.role, self.domain, self.task_type) if value]
        words += [f"{self.risk_level} risk"] if self.risk_level else []
        words += [name for name in ("overdue", "mine", "unclaimed") if getattr(self, name)]
        return (*words, *(["everybody's"] if self.all_roles else []))


class Opened(NamedTuple):
    """A case as it was opened: what is seen of it, and why it could not be claimed where it could not."""

    view: CaseView
    refusal: str = ""


@dataclass(frozen=True)
class DeskClient:
    """One reviewer's work on one store. Its methods are called in threads; they raise `DeskError` and nothing else."""

    hitl: Orchestrator
    reviewer: Reviewer

    def queue(self, filters: Filters) -> Sequence[StoredReview]:
        """Return the open reviews, the soonest due first."""
        rows = self.hitl.inbox(
            filters.role,
            filters.domain,
            MOST_LISTED,
            task_type=filters.task_type,
            risk_level=None if filters.risk_level is None else RiskLevel(filters.risk_level),
            overdue=filters.overdue,
            claimed_by=self.reviewer.reviewer_id if filters.mine else None,
            unclaimed=filters.unclaimed,
        )
        return [row for row in rows if filters.all_roles or self.may_decide(row)]

    def may_decide(self, row: StoredReview) -> bool:
        """Whether this reviewer holds the role and the domain of a review."""
        chain = self.hitl.services.people.chain
        try:
            role_to_decide_in(
                self.reviewer, role_needed(row, self.hitl.services.rulebook, chain), row.domain, chain, None
            )
        except NotAuthorized:
            return False
        return True

    def open(self, given_id: str) -> Opened:
        """Claim a case for this reviewer, and look at it. What may not be claimed may still be read."""
        refusal = ""
        try:
            self.hitl.acting_as(channel=CHANNEL).reviews.claim(task_id=given_id, reviewer=self.reviewer.reviewer_id)
        except RequestRejected as exc:
            refusal = str(exc)
        return Opened(self.look(given_id), refusal)

    def next(self) -> Opened | None:
        """Claim the case that is best taken next, and look at it; None where nothing waits for this reviewer."""
        row = self.hitl.acting_as(channel=CHANNEL).reviews.next(reviewer=self.reviewer.reviewer_id)
        return None if row is None else Opened(self.look(row.case_id))

    def next_but(self, held: str | None) -> Opened | None:
        """Go on to the next case, and let go of the one that is held: last, so that it is not the next one."""
        opened = self.next()
        if held is not None and (opened is None or opened.view.case_id != held):
            self.release(held)
        return opened

    def look(self, given_id: str) -> CaseView:
        """Return what this reviewer sees of a case; their claim is renewed."""
        return self.hitl.acting_as(channel=CHANNEL).reviews.view(task_id=given_id, reviewer=self.reviewer.reviewer_id)

    def stands(self, given_id: str) -> Case:
        """Return how a case stands, without being seen to look."""
        return self.hitl.cases.get(task_id=given_id)

    def release(self, given_id: str) -> None:
        """Let go of a case. One that waits no more needs no letting go."""
        try:
            self.hitl.acting_as(channel=CHANNEL).reviews.release(task_id=given_id, reviewer=self.reviewer.reviewer_id)
        except RequestRejected:
            return

    def label(self, view: CaseView, label: str) -> CaseView:
        """Commit the reviewer's own label, and look at the case again."""
        return self.hitl.acting_as(channel=CHANNEL).reviews.label(
            view.case_id, reviewer=self.reviewer.reviewer_id, label=label
        )

    def commit(self, view: CaseView, draft: Draft) -> str:
        """Record a pending answer, and return in a sentence what came of it."""
        me = self.reviewer.reviewer_id
        if draft.act == DELEGATE and draft.delegate_to is not None:
            self.hitl.acting_as(channel=CHANNEL).reviews.delegate(
                view.case_id, reviewer=me, to=draft.delegate_to, reason=draft.text
            )
            return f"Recorded: {draft.delegate_to} has {view.task_id} now, and it comes back to you if they let go."
        case = self.hitl.acting_as(channel=CHANNEL).decide(view.case_id, draft.review(view), reviewer=me)
        waits = case.open_review
        voted = any(row.review_id == view.review_id and row.status is ReviewStatus.VOTED for row in case.reviews)
        another = f"it waits for another {waits.role}" if waits and voted else ""
        then = another or (f"it waits for {waits.role} now" if waits else f"the case is finished: {case.status}")
        return f"Recorded: {draft.act}; {then}."

    def colleagues(self, view: CaseView) -> list[Reviewer]:
        """Return who else may decide a case."""
        able = set(view.may_decide) - {self.reviewer.reviewer_id}
        return [one for one in self.hitl.services.people if one.reviewer_id in able]


def changed(view: CaseView, case: Case, me: str, now: datetime) -> str:
    """Return in a sentence what happened to a case since it was opened; empty where nothing that matters did."""
    row = case.open_review
    if row is None or row.review_id != view.review_id:
        before = next((one for one in case.reviews if one.review_id == view.review_id), None)
        now_it = f"it waits for {row.role} now" if row else f"it is {case.status}"
        return f"{_ended(before)}; {now_it}."
    held_by_me = row.claimed_by == me and (row.claimed_until is None or row.claimed_until > now)
    if view.claimed_by != me or held_by_me:
        return ""
    if row.claimed_by not in (None, me):
        return f"Your claim has lapsed, and {row.claimed_by} has the case now."
    return "Your claim has lapsed: anyone may take the case now. Ctrl+R claims it again."


def _ended(row: StoredReview | None) -> str:
    """Return who ended a review, and how."""
    if row is None or row.verdict is None:
        return "This case has moved on meanwhile"
    said, at = row.verdict.review, f"{row.verdict.decided_at:%H:%M} UTC"
    if row.verdict.source is DecisionSource.TIMEOUT:
        return f"Its time to answer was up at {at}"
    if row.verdict.source is DecisionSource.HUMAN:
        return f"{said.reviewer_id or row.verdict.role} has answered this review: {said.human_decision} at {at}"
    done = "was canceled by who submitted it" if row.status is ReviewStatus.CANCELED else "gave way to a newer attempt"
    return f"This case {done} at {at}"


def told_plainly(doing: Callable[[], T]) -> T:
    """Do something, and turn whatever goes wrong into plain sentences.

    Raises:
        DeskError: it went wrong.
    """
    try:
        return doing()
    except HitlError as exc:
        raise DeskError([visible(one) for one in problems_of(exc)], refused=isinstance(exc, RequestRejected)) from exc
    except Exception as exc:
        first = visible((str(exc).strip() or type(exc).__name__).splitlines()[0])
        raise DeskError(
            [f"the store cannot be used just now ({first}); nothing you typed is lost"], refused=False
        ) from exc
