"""The calls of the desk to the orchestrator, for one reviewer. Nothing here draws."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, Self, TypeVar

from hitl_orchestrator.cli.desk.draft import DELEGATE, Draft
from hitl_orchestrator.cli.output.errors import problems_of
from hitl_orchestrator.cli.output.formatting import local_clock
from hitl_orchestrator.cli.session import CHANNEL
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import DecisionSource, HumanDecision, ReviewStatus, RiskLevel
from hitl_orchestrator.domain.review import Page, Reviewer, ReviewRequest, StoredReview
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.errors import HitlError, RequestRejected, ReviewClaimed
from hitl_orchestrator.orchestrator import CaseView, HistoryItem, Orchestrator

MAX_LISTED = 500
T = TypeVar("T")


class DeskError(Exception):
    """A call that failed, in plain sentences. `rejected` if repeating it is useless."""

    def __init__(self, sentences: Sequence[str], *, rejected: bool) -> None:
        super().__init__("\n".join(sentences))
        self.sentences, self.rejected = tuple(sentences), rejected


@dataclass(frozen=True)
class Filters:
    """The filters of the queue. Unless `all_roles`, only reviews that the reviewer may decide are listed."""

    role: str | None = None
    domain: str | None = None
    task_type: str | None = None
    risk_level: str | None = None
    overdue: bool = False
    mine: bool = False
    unclaimed: bool = False
    all_roles: bool = False

    def toggled(self, name: str) -> "Filters":
        """Return these filters with one switch changed."""
        changes: dict[str, Any] = {name: not getattr(self, name)}
        return replace(self, **changes)

    @property
    def active(self) -> tuple[str, ...]:
        """The active filters in words."""
        words = [value for value in (self.role, self.domain, self.task_type) if value]
        words += [f"{self.risk_level} risk"] if self.risk_level else []
        words += [name for name in ("overdue", "mine", "unclaimed") if getattr(self, name)]
        return (*words, *(["all reviewers"] if self.all_roles else []))


class Opened(NamedTuple):
    """The view of an opened case, and the reason if it could not be claimed."""

    view: CaseView
    rejection: str = ""


class Recorded(NamedTuple):
    """The case after a decision or delegation, and the result in a sentence."""

    case: Case
    sentence: str


@dataclass(frozen=True)
class DeskClient:
    """One reviewer on one store; `everything` is not bound to them. The methods run in threads.

    The queue lists at most `most` reviews, or `only` those of some cases, which then alone are next.
    """

    hitl: Orchestrator
    reviewer: Reviewer
    everything: Orchestrator
    most: int = MAX_LISTED
    only: Collection[str] | None = None

    @classmethod
    def of(cls, hitl: Orchestrator, reviewer_id: str) -> Self:
        """Return the client of a reviewer. Raises `NotAuthorized` if the id is unknown."""
        return cls(hitl.acting_as(reviewer_id, channel=CHANNEL), hitl.reviews.person(reviewer_id), hitl)

    def queue(self, filters: Filters) -> Page[ReviewRequest]:
        """Return the open reviews, the earliest deadline first."""
        me, hitl = self.reviewer.reviewer_id, self.everything if filters.all_roles else self.hitl
        page = hitl.inbox(
            filters.role,
            filters.domain,
            self.most,
            task_type=filters.task_type,
            risk_level=None if filters.risk_level is None else RiskLevel(filters.risk_level),
            overdue=filters.overdue,
            claimed_by=me if filters.mine else None,
            unclaimed=filters.unclaimed,
        )
        if self.only is None:
            return page
        return Page([row for row in page if row.case_id in self.only], more=page.more, as_of=page.as_of)

    def open(self, case_id: str) -> Opened:
        """Claim a case and return its view. A case that cannot be claimed may still be read."""
        rejection = ""
        try:
            self.hitl.reviews.claim(case_id)
        except ReviewClaimed as exc:
            rejection = f"{exc.reviewer} has claimed it until {local_clock(exc.until)}."
        except RequestRejected as exc:
            rejection = str(exc)
        return Opened(self.view(case_id), rejection)

    def next(self) -> Opened | None:
        """Claim the most urgent review and return its view; None if no review is available."""
        if self.only is not None:
            left = self.queue(Filters(unclaimed=True))
            return self.open(left[0].case_id) if left else None
        request = self.hitl.reviews.next()
        return None if request is None else Opened(self.view(request.case_id))

    def next_after(self, claimed: str | None) -> Opened | None:
        """Return the next case, and then release the claimed one, so that it is not the next one."""
        opened = self.next()
        if claimed is not None and (opened is None or opened.view.case_id != claimed):
            self.release(claimed)
        return opened

    def view(self, case_id: str) -> CaseView:
        """Return the reviewer's view of a case, which extends their claim."""
        return self.hitl.reviews.view(case_id)

    def case(self, case_id: str) -> Case:
        """Return a case without recording a view."""
        return self.hitl.cases.get(case_id)

    def history(self, case_id: str) -> Sequence[HistoryItem]:
        """Return the history of a case without recording a view."""
        return self.everything.reviews.view(case_id).history

    def release(self, case_id: str) -> None:
        """Release the claim on a case, if it still waits."""
        try:
            self.hitl.reviews.release(case_id)
        except RequestRejected:
            return

    def label(self, view: CaseView, label: str) -> CaseView:
        """Commit the reviewer's own label, and return the new view."""
        return self.hitl.reviews.label(view.case_id, label=label)

    def commit(self, view: CaseView, draft: Draft) -> "Recorded":
        """Record a pending decision, and return the case and the result in a sentence."""
        if draft.act == DELEGATE and draft.delegate_to is not None:
            self.hitl.reviews.delegate(view.case_id, to=draft.delegate_to, reason=draft.text)
            sentence = f"Recorded: {draft.delegate_to} has {view.task_id} now; when released, it returns to you."
            return Recorded(self.case(view.case_id), sentence)
        case = self.hitl.decide(view.case_id, draft.review(view))
        waiting = case.open_review
        voted = any(row.review_id == view.review_id and row.status is ReviewStatus.VOTED for row in case.reviews)
        if waiting is None:
            state = f"the case is finished: {case.status}"
        else:
            number = f"vote {view.votes_given + 1} of {view.requirements.approvals}; " if voted else ""
            state = number + (f"it waits for another {waiting.role}" if voted else f"it waits for {waiting.role} now")
        nothing = case.record is not None and case.final_output is None and draft.act == HumanDecision.OVERRIDE
        return Recorded(case, f"Recorded: {draft.act}; {state}{', and nothing is executed' if nothing else ''}.")

    def colleagues(self, view: CaseView) -> list[Reviewer]:
        """Return the other reviewers who may decide a case."""
        able = set(view.may_decide) - {self.reviewer.reviewer_id}
        return [person for person in self.hitl.reviews.people() if person.reviewer_id in able]

    def roles(self) -> tuple[str, ...]:
        """Return all roles, the lowest first."""
        return self.hitl.reviews.roles()


def changed(view: CaseView, case: Case, me: str, now: datetime) -> str:
    """Return a sentence about changes to a case since it was opened; empty if there are none."""
    row = case.open_review
    if row is None or row.review_id != view.review_id:
        before = next((each for each in case.reviews if each.review_id == view.review_id), None)
        state = f"it waits for {row.role} now" if row else f"it is {case.status}"
        return f"{_end_of(before)}; {state}."
    mine = row.claimed_by == me and (row.claimed_until is None or row.claimed_until > now)
    if view.claimed_by != me or mine:
        return ""
    if row.claimed_by not in (None, me):
        return f"Your claim has lapsed, and {row.claimed_by} has the case now."
    return "Your claim has lapsed: any reviewer may take the case now. Ctrl+R claims it again."


def _end_of(row: StoredReview | None) -> str:
    """Return how a review ended, and by whom."""
    if row is None or row.verdict is None:
        return "This case has changed meanwhile"
    review, at = row.verdict.review, local_clock(row.verdict.decided_at)
    if row.verdict.source is DecisionSource.TIMEOUT:
        return f"Its deadline passed at {at}"
    if row.verdict.source is DecisionSource.HUMAN:
        return f"{review.reviewer_id or row.verdict.role} has decided this review: {review.human_decision} at {at}"
    end = "canceled by its submitter" if row.status is ReviewStatus.CANCELED else "superseded by a newer attempt"
    return f"This case was {end} at {at}"


def run_plainly(call: Callable[[], T]) -> T:
    """Run a call, and turn its errors into plain sentences.

    Raises:
        DeskError: the call failed.
    """
    try:
        return call()
    except HitlError as exc:
        sentences = [escape_invisible(problem) for problem in problems_of(exc)]
        raise DeskError(sentences, rejected=isinstance(exc, RequestRejected)) from exc
    except Exception as exc:
        first = escape_invisible((str(exc).strip() or type(exc).__name__).splitlines()[0])
        raise DeskError(
            [f"the store cannot be used just now ({first}); nothing you typed is lost"], rejected=False
        ) from exc
