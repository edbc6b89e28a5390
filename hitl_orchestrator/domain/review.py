"""A person's answer, who may give it, and what was shown to them."""

from datetime import timedelta

from pydantic import Field

from hitl_orchestrator.domain.decision import Routing
from hitl_orchestrator.domain.enums import (
    Action,
    Assessment,
    Authentication,
    DecisionSource,
    FinalDecision,
    HumanDecision,
    OnTimeout,
    ReviewStatus,
    RiskLevel,
    Signal,
)
from hitl_orchestrator.domain.task import Proposal, Task
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Text, UtcDatetime, Value, digest
from hitl_orchestrator.domain.working_hours import Absence, WorkingHours


class Reviewer(Value):
    """An account of a person (or a seat) who may decide. `domains` lists where; `*` is everywhere.

    Accounts with the same `person` are one human being, who counts once. Working hours and absences say when work
    comes to them; nobody is kept from deciding outside. `max_open_claims` is how many reviews they may hold at a time.
    """

    reviewer_id: Identifier
    name: Label
    roles: tuple[Label, ...] = Field(min_length=1)
    domains: tuple[Label, ...] = ("*",)
    person: Identifier | None = None
    working_hours: WorkingHours | None = None
    away: tuple[Absence, ...] = ()
    max_open_claims: int | None = Field(default=None, ge=1)

    @property
    def human(self) -> str:
        """Return what names the human being behind this account."""
        return self.person or self.reviewer_id


class Review(Value):
    """A person's answer to an open review.

    `modified_output` is the new proposal where the person edited it or gave an own one; `shown_digest`, where
    given, names exactly what the person saw. Fields a live answer leaves out (`review_id`, `task_id`,
    `human_role`, `timestamp`) are filled from the review that it answers.

    `reason_code` is one of the organization's short list of reasons.

    An `idempotency_key` is the caller's name for this one answer: the same key of the same person again is the same
    receipt, whatever happened to the case since, and with other content it is refused.
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

    @property
    def stated_reason(self) -> str:
        """The reason given, or the feedback where that is all there is."""
        return self.reason.strip() or self.human_feedback.strip()


class ReviewSnapshot(Value):
    """All that a review shows to the person who decides it. Its digest is what the decision signs.

    `level` counts the reviews of the case, `escalations` how often it was passed up. `on_timeout` is what becomes of
    this very review if nobody answers it in time; None where no time is set. `answer_within` is that time where it is
    counted in working time.
    Without the random `salt` the digest, which outlives what it is of, would confirm a guess at it.
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

    @property
    def digest(self) -> str:
        """The SHA-256 of exactly this."""
        return digest(self.model_dump(mode="json"))


class RecordedDecision(Value):
    """A decision as it was recorded: the answer, when it counts from, and by what right.

    `roles_held` and `domains_held` are the person's at that time, `options_offered` the answers that would have been
    taken from them, `authenticated` is how it is known who they are. Of a record of the past nobody knows the first
    three.
    Where the source is `timeout`, nobody answered, and `review` says what was done instead; where it is `submitter` or
    `resubmission`, the case was taken back. `settles` is False for a vote that left the case open for another's.
    `first_viewed_at` is when the one who answered first looked at it, as far as a face told, `own_label` what they said
    before they saw the agent's answer; `person` is the human being behind their account.
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

    @property
    def final(self) -> FinalDecision | None:
        """The final decision that this leads to; None for a vote that settles nothing, and for one passed up."""
        if not self.settles:
            return None
        return _WITHDRAWN.get(self.source, self.review.human_decision.final)


_WITHDRAWN = {
    DecisionSource.SUBMITTER: FinalDecision.CANCELED,
    DecisionSource.RESUBMISSION: FinalDecision.SUPERSEDED,
}


class StoredReview(Value):
    """One review in the inbox, open or answered.

    It is due at `due_at`; from `expires_at` on, by the store's own clock, it takes no answer. Until `claimed_until` it
    takes the answer of nobody but `claimed_by`. `delegated_by` is who gave it to them, and gets it back.

    `seal` is made over all the rest but the claim, with a key that is not in the database. Without a sound one a row
    counts for nothing.
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
    due_at: UtcDatetime | None = None
    expires_at: UtcDatetime | None = None
    verdict: RecordedDecision | None = None
    claimed_by: Identifier | None = None
    claimed_until: UtcDatetime | None = None
    delegated_by: Identifier | None = None
    seal: str = Field(default="", repr=False)


class ReviewRequest(Value):
    """An open review as the inbox offers it to reviewers.

    `needed_role` is the role that may decide now: the review's own, or a higher one where a stricter policy is active.
    `choices` are the decisions that this role may take. Pass `shown_digest` to `decide`, so that a decision about
    anything else than this content is refused. `hidden` names the fields that are left out until the reviewer has
    committed an own label (blind review): `proposal`, `confidence` and `reason` are then None.
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
    choices: tuple[HumanDecision, ...] = ()
    opened_at: UtcDatetime
    due_at: UtcDatetime | None = None
    claimed_by: Identifier | None = None
    claimed_until: UtcDatetime | None = None
    delegated_by: Identifier | None = None
    signals: tuple[Signal, ...] = ()
    message: Text = ""
    escalated_because: Text = ""
    on_timeout: OnTimeout | None = None
    approvals_given: int = Field(default=0, ge=0)
    approvals_needed: int = Field(default=1, ge=1)
    shown_digest: Label
    level: int = Field(ge=0)
    hidden: tuple[Label, ...] = ()

    @property
    def approvals(self) -> str:
        """The agreeing votes so far, such as `1 of 2`."""
        return f"{self.approvals_given} of {self.approvals_needed}"

    def __repr__(self) -> str:
        """Return the task and the role it waits for."""
        return f"<ReviewRequest {self.task_id} for {self.needed_role}>"
