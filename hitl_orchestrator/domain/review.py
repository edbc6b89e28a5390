"""Reviewers, their decisions, and the reviews that they decide."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import Field

from hitl_orchestrator.domain.decision import RaisedSignal, Routing
from hitl_orchestrator.domain.enums import (
    Action,
    Assessment,
    AssessmentName,
    Authentication,
    DecisionName,
    DecisionSource,
    FinalDecision,
    HumanDecision,
    OnTimeout,
    ReviewStatus,
    RiskLevel,
    Signal,
)
from hitl_orchestrator.domain.task import Proposal, Task
from hitl_orchestrator.domain.value import (
    Confidence,
    EmailAddress,
    Identifier,
    Label,
    Text,
    UtcDatetime,
    Value,
    canonical_json,
    public,
    text_digest,
)
from hitl_orchestrator.domain.working_hours import Absence, WorkingHours

Item = TypeVar("Item")
_SHOWN = 3


class Page(list[Item], Generic[Item]):
    """The first items of a list, at most as many as asked for.

    `more` states whether items were left out; `as_of` is the time of reading by the database's clock. `total` is the
    number of items on all pages where it was asked for and the database can count them, else None.
    """

    def __init__(self, items: Iterable[Item] = (), *, more: bool, as_of: datetime, total: int | None = None) -> None:
        super().__init__(items)
        self.more, self.as_of, self.total = more, as_of, total

    def __repr__(self) -> str:
        """Return the number of items, whether there are more, and the first items."""
        first = ", ".join(map(repr, self[:_SHOWN])) + (", ..." if len(self) > _SHOWN else "")
        return f"<Page of {len(self)}{', and more' if self.more else ''}{': ' if self else ''}{first}>"


@public
class Reviewer(Value):
    """An account that may decide reviews in its `domains`; `*` is every domain.

    Accounts with the same `person` belong to one person, who counts once. Working hours and absences only steer the
    assignment of reviews; a reviewer may decide at any time. `max_open_claims` limits the reviews held at a time.
    `aliases` and `emails` are further names by which tasks and submitters may name this person.
    """

    reviewer_id: Identifier
    name: Label
    roles: tuple[Label, ...] = Field(min_length=1)
    domains: tuple[Label, ...] = ("*",)
    person: Identifier | None = None
    aliases: tuple[Label, ...] = ()
    emails: tuple[EmailAddress, ...] = ()
    working_hours: WorkingHours | None = None
    away: tuple[Absence, ...] = ()
    max_open_claims: int | None = Field(default=None, ge=1)

    if TYPE_CHECKING:  # what may be written for each field; pydantic makes the function

        def __init__(
            self,
            *,
            reviewer_id: str,
            name: str,
            roles: Sequence[str],
            domains: Sequence[str] = ...,
            person: str | None = None,
            aliases: Sequence[str] = (),
            emails: Sequence[str] = (),
            working_hours: WorkingHours | Mapping[str, Any] | None = None,
            away: Sequence[Absence | Mapping[str, Any]] = (),
            max_open_claims: int | None = None,
        ) -> None: ...

    @property
    def human(self) -> str:
        """The id of the person behind this account."""
        return self.person or self.reviewer_id

    def __repr__(self) -> str:
        """Return the id and the roles."""
        return f"<Reviewer {self.reviewer_id} {', '.join(self.roles)}>"


@public
class Review(Value):
    """A reviewer's decision on an open review.

    `modified_output` is the edited or own output of a `modify` or `override`; `shown_digest` names the exact content
    that the reviewer saw. A live decision may leave out `review_id`, `task_id`, `human_role` and `timestamp`; they are
    filled from the review. `reason_code` is one of the organization's reason codes.

    `idempotency_key` is the caller's name for this decision: the same key from the same person returns the first
    receipt, and is refused with other content.
    """

    human_decision: HumanDecision
    reviewer_id: Identifier | None = None
    review_id: Identifier | None = None
    task_id: Identifier | None = None
    human_role: Label | None = None
    human_feedback: Text = ""
    confidence_assessment: Assessment | None = None
    timestamp: UtcDatetime | None = None
    modified_output: Proposal | None = None
    reason: Text = ""
    reason_code: Label | None = None
    shown_digest: Label | None = None
    idempotency_key: Identifier | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            human_decision: HumanDecision | DecisionName,
            reviewer_id: str | None = None,
            review_id: str | None = None,
            task_id: str | None = None,
            human_role: str | None = None,
            human_feedback: str = "",
            confidence_assessment: Assessment | AssessmentName | None = None,
            timestamp: datetime | str | None = None,
            modified_output: Proposal | Mapping[str, Any] | None = None,
            reason: str = "",
            reason_code: str | None = None,
            shown_digest: str | None = None,
            idempotency_key: str | None = None,
        ) -> None: ...

    @property
    def stated_reason(self) -> str:
        """The reason, or the feedback if there is no reason."""
        return self.reason.strip() or self.human_feedback.strip()

    def __repr__(self) -> str:
        """Return the decision and the reviewer."""
        return f"<Review {self.human_decision.value} by {self.reviewer_id or self.human_role}>"


class ReviewSnapshot(Value):
    """The content that a review shows to its reviewer. The decision signs its digest.

    `level` counts the reviews of the case, `escalations` its escalations. `on_timeout` is the consequence of a missed
    deadline, None without one; `answer_within` is the time to the deadline if it is counted in working time. The random
    `salt` prevents confirming a guess of redacted content by its digest. A `replayed` one waits for a record of the
    past, not for a reviewer.
    """

    review_id: Identifier
    case_id: Identifier
    level: int = Field(ge=0)
    role: Label
    task: Task
    routing: Routing
    passed_up_because: Text = ""
    on_timeout: OnTimeout | None = None
    escalations: int = Field(default=0, ge=0)
    answer_within: timedelta | None = None
    salt: str = Field(default="", repr=False)
    replayed: bool = False

    @property
    def text(self) -> str:
        """The canonical JSON of this content, as it is stored."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """The SHA-256 of the text."""
        return text_digest(self.text)


class RecordedDecision(Value):
    """A recorded decision: the review, its time, and the rights of the reviewer at that time.

    `roles_held` and `domains_held` are the reviewer's, `options_offered` the decisions that they could have taken; they
    are empty for an imported record. With the source `timeout`, `review` states the consequence of the deadline; with
    `submitter` or `resubmission`, the case was withdrawn. `settles` is False for a vote that left the case open.
    `first_viewed_at` is the reviewer's first view, `own_label` their label before they saw the proposal; `person` is
    the person behind their account, and `people_hash` names the people in force. `unchecked` names the rules that could
    not be checked for a record of the past.
    """

    review: Review
    decided_at: UtcDatetime
    role: Label
    roles_held: tuple[Label, ...] = ()
    domains_held: tuple[Label, ...] = ()
    options_offered: tuple[HumanDecision, ...] = ()
    authenticated: Authentication = Authentication.NONE
    channel: Label
    source: DecisionSource = DecisionSource.HUMAN
    settles: bool = True
    first_viewed_at: UtcDatetime | None = None
    own_label: Text = ""
    person: Identifier | None = None
    people_hash: Label | None = None
    unchecked: tuple[Label, ...] = ()

    @property
    def final(self) -> FinalDecision | None:
        """The final decision that this leads to; None for an escalation, and for a vote that leaves the case open."""
        if not self.settles:
            return None
        return _WITHDRAWN.get(self.source, self.review.human_decision.final)


CLOCK_TOLERANCE = timedelta(minutes=5)
"""Clocks of the machines that use one store may differ by this much."""

_WITHDRAWN = {
    DecisionSource.SUBMITTER: FinalDecision.CANCELED,
    DecisionSource.RESUBMISSION: FinalDecision.SUPERSEDED,
}


class StoredReview(Value):
    """A row of the review table, open or decided.

    `opened_at` is the time of opening by the clock of the process that opened it. By the database's clock it was opened
    at `queued_at`, is due at `due_at`, and accepts no decision from `expires_at` on. From `claimed_since` until
    `claimed_until` only `claimed_by` may decide it; `delegated_by` is the reviewer who delegated it and gets it back.

    `seal` is a MAC over all fields but the claim, with a key outside of the database. A row without a valid seal is
    ignored.
    """

    review_id: Identifier
    case_id: Identifier
    level: int = Field(ge=0)
    role: Label
    domain: Label
    status: ReviewStatus
    version: int
    digest: Label
    shown: ReviewSnapshot
    opened_at: UtcDatetime
    queued_at: UtcDatetime | None = None
    due_at: UtcDatetime | None = None
    expires_at: UtcDatetime | None = None
    verdict: RecordedDecision | None = None
    claimed_by: Identifier | None = None
    claimed_since: UtcDatetime | None = None
    claimed_until: UtcDatetime | None = None
    delegated_by: Identifier | None = None
    seal: str = Field(default="", repr=False)

    @property
    def task(self) -> Task:
        """The task as the review shows it."""
        return self.shown.task

    @property
    def proposal(self) -> Proposal | None:
        """The proposal as the review shows it; None if there is none, or it is hidden."""
        output = self.shown.routing.output
        return None if output is None else output.agent_output

    def __repr__(self) -> str:
        """Return the id of the task, the status, and the role that decides."""
        return f"<StoredReview {self.shown.task.task_id} {self.status.value} for {self.role}>"

    def holder(self, now: datetime) -> str | None:
        """Return the reviewer whose claim binds others at a time of the store's clock, None if there is none.

        A claim that begins in the future is of a clock that was wrong, and has ended.
        """
        if self.claimed_since is None or self.claimed_until is None:
            return None
        return self.claimed_by if self.claimed_since <= now + CLOCK_TOLERANCE and self.claimed_until > now else None


@public
class ReviewRequest(Value):
    """An open review as the inbox offers it to reviewers.

    `needed_role` is the role that may decide now: the review's own, or a higher one where a stricter policy is active.
    `missing_role` is the review's own role if the chain of the people lacks it; the top then decides. Of these only
    members of all `teams` may decide, and no account of the persons of `not_by`.
    `choices` are the decisions that this role may take. Pass `shown_digest` to `decide`, so that a decision about
    anything else than this content is refused. `hidden` names the fields that are left out until the reviewer has
    committed an own label (blind review): `proposal`, `confidence` and `reason` are then None, and
    there are no `signals`; `raised` has the reasons of the signals. It waits since `queued_at` by the database's clock,
    since `opened_at` by the clock of the process that opened it.
    `classifier_error` is why the classifier gave no proposal; `unreadable` names the fields of the output that scoring
    could not read. `asked_about` is the call of which an execution check asks whether it happened.
    """

    review_id: Identifier
    case_id: Identifier
    task_id: Identifier
    task: Task
    proposal: Proposal | None
    confidence: Confidence | None
    risk_level: RiskLevel
    routing_decision: Action
    rule_id: Label
    reason: Text | None
    needed_role: Label
    missing_role: Label | None = None
    teams: tuple[Label, ...] = ()
    not_by: tuple[Identifier, ...] = ()
    choices: tuple[HumanDecision, ...] = ()
    opened_at: UtcDatetime
    queued_at: UtcDatetime
    due_at: UtcDatetime | None = None
    claimed_by: Identifier | None = None
    claimed_until: UtcDatetime | None = None
    delegated_by: Identifier | None = None
    signals: tuple[Signal, ...] = ()
    raised: tuple[RaisedSignal, ...] = ()
    unreadable: tuple[Label, ...] = ()
    message: Text = ""
    asked_about: Text = ""
    escalated_because: Text = ""
    on_timeout: OnTimeout | None = None
    approvals_given: int = Field(default=0, ge=0)
    approvals_needed: int = Field(default=1, ge=1)
    shown_digest: Label
    level: int = Field(ge=0)
    hidden: tuple[Label, ...] = ()
    classifier_error: Text | None = None

    @property
    def approvals(self) -> str:
        """The agreeing votes so far, such as `1 of 2`."""
        return f"{self.approvals_given} of {self.approvals_needed}"

    def __repr__(self) -> str:
        """Return the task and the role it waits for."""
        return f"<ReviewRequest {self.task_id} for {self.needed_role}>"
