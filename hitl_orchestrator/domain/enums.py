"""Closed sets of values, and the table of human decisions. Other values are refused."""

from enum import StrEnum
from typing import Literal, NamedTuple

from hitl_orchestrator.domain.value import public

RiskName = Literal["low", "medium", "high"]
DecisionName = Literal["approve", "reject", "modify", "override", "escalate"]
AssessmentName = Literal["low", "medium", "high"]
OnClassifierErrorName = Literal["human_review", "raise"]
"""The values of the enumerations, for annotations: code may write the word instead of the member."""


@public
class RiskLevel(StrEnum):
    """The harm that a wrong output can do."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@public
class Action(StrEnum):
    """The action of a routing rule."""

    AUTO_APPROVE = "auto_approve"
    HUMAN_REVIEW = "human_review"
    ESCALATE = "escalate"

    @property
    def strictness(self) -> int:
        """The rank of the action: 0 approves, 1 requires a review, 2 a review by a higher role."""
        return list(Action).index(self)


@public
class Signal(StrEnum):
    """A warning raised while scoring."""

    LOW_CONFIDENCE = "low_confidence"
    AMBIGUOUS = "ambiguous"
    UNUSUAL = "unusual"
    RISKY = "risky"


class ConfidenceSource(StrEnum):
    """The origin of a confidence."""

    REPORTED = "reported"
    LOG_PROBABILITY = "log_probability"
    SELF_CONSISTENCY = "self_consistency"
    VERBALISED = "verbalised"
    JUDGE = "judge"
    WEIGHTED = "weighted"
    LOWEST = "lowest"
    MISSING = "missing"


@public
class FinalDecision(StrEnum):
    """The outcome of a finished case."""

    APPROVED = "approved"
    REJECTED = "rejected"
    MODIFIED_AND_APPROVED = "modified_and_approved"
    OVERRIDE_APPROVED = "override_approved"
    CANCELED = "canceled"
    """The submitter canceled the case before a decision."""
    SUPERSEDED = "superseded"
    """A resubmission of the task replaced the case before a decision."""


@public
class HumanDecision(StrEnum):
    """A reviewer's decision. `escalate` passes the case up the chain; all others are final."""

    APPROVE = "approve"
    REJECT = "reject"
    MODIFY = "modify"
    OVERRIDE = "override"
    ESCALATE = "escalate"

    @property
    def spec(self) -> "DecisionSpec":
        """The properties of this decision."""
        return DECISION_SPECS[self]

    @property
    def final(self) -> FinalDecision | None:
        """The final decision that this decision leads to; None for `escalate`."""
        return self.spec.final


class DecisionSpec(NamedTuple):
    """The properties of one human decision. All code that treats decisions differently reads them here.

    `effect`, `effect_on_change` and `effect_on_check` describe to the reviewer the effect on an output, on a governed
    change, and on an execution whose end is unknown; `{above}` in them is the next role up the chain.
    `approves_proposal` executes the agent's proposal unchanged, so it needs one. `rejects` executes nothing: it may
    settle a case alone when too few reviewers are left to agree.
    """

    final: FinalDecision | None
    key: str
    label: str
    effect: str
    effect_on_change: str = "the {changed} stays unchanged"
    effect_on_check: str = "it is recorded that the call was not carried out"
    approves_proposal: bool = False
    rejects: bool = False
    takes_output: bool = False
    needs_output: bool = False
    needs_reason: bool = False

    @property
    def escalates(self) -> bool:
        """Whether the decision passes the case up the chain instead of finishing it."""
        return self.final is None


DECISION_SPECS = {
    HumanDecision.APPROVE: DecisionSpec(
        final=FinalDecision.APPROVED,
        key="a",
        label="Approve",
        effect="the proposal is carried out unchanged",
        effect_on_change="the change of the {changed} is carried out",
        effect_on_check="it is recorded that the call was carried out",
        approves_proposal=True,
    ),
    HumanDecision.REJECT: DecisionSpec(
        final=FinalDecision.REJECTED, key="r", label="Reject", effect="nothing is carried out", rejects=True
    ),
    HumanDecision.MODIFY: DecisionSpec(
        final=FinalDecision.MODIFIED_AND_APPROVED,
        key="m",
        label="Modify",
        effect="your edited output is carried out instead",
        takes_output=True,
        needs_output=True,
    ),
    HumanDecision.OVERRIDE: DecisionSpec(
        final=FinalDecision.OVERRIDE_APPROVED,
        key="o",
        label="Override",
        effect="your own output is carried out, or nothing if you give none; a reason is required",
        takes_output=True,
        needs_reason=True,
    ),
    HumanDecision.ESCALATE: DecisionSpec(
        final=None,
        key="e",
        label="Escalate",
        effect="the case goes up to {above}, who decides; a reason is required",
        effect_on_change="the case goes up to {above}, who decides; a reason is required",
        effect_on_check="the case goes up to {above}, who decides; a reason is required",
        needs_reason=True,
    ),
}
"""One row per human decision."""

FINAL = tuple(decision for decision, spec in DECISION_SPECS.items() if not spec.escalates)
APPROVING = tuple(decision for decision, spec in DECISION_SPECS.items() if spec.approves_proposal)
WITH_OUTPUT = tuple(decision for decision, spec in DECISION_SPECS.items() if spec.takes_output)
WITH_REASON = tuple(decision for decision, spec in DECISION_SPECS.items() if spec.needs_reason)


@public
class OnClassifierError(StrEnum):
    """The treatment of a task whose classifier fails: it raises, overruns its limit, pauses, or answers nonsense."""

    HUMAN_REVIEW = "human_review"
    """The case goes to a reviewer, with the error as the reason."""
    RAISE = "raise"
    """The error is raised, and the case stays `received` until `recover` calls the classifier again."""


class OnTimeout(StrEnum):
    """The action at the deadline of a review. A timeout never approves."""

    ESCALATE = "escalate"
    """The case goes up the chain; at the top the review stays open."""
    REJECT = "reject"
    WAIT = "wait"


@public
class DecisionSource(StrEnum):
    """The source of an outcome."""

    AGENT = "agent"
    HUMAN = "human"
    TIMEOUT = "timeout"
    SUBMITTER = "submitter"
    """The submitter canceled the case."""
    RESUBMISSION = "resubmission"
    """A resubmission of the task replaced the case."""


class Agreement(StrEnum):
    """How the reviewers of one case reach a joint decision."""

    UNANIMITY = "unanimity"
    """All must agree; the first disagreement escalates the case."""
    MAJORITY = "majority"
    """N of at most 2N - 1 reviewers must agree; otherwise the case is escalated."""


class QualityCheckKind(StrEnum):
    """The kind of a case that measures reviewers. Its output is never executed."""

    KNOWN_ANSWER = "known_answer"
    """A gold case: the right decision is known."""
    SECOND_REVIEW = "second_review"
    """A decided case, reviewed again by another person."""
    SPOT_CHECK = "spot_check"
    """An auto-approved case, reviewed afterwards."""


@public
class Assessment(StrEnum):
    """A reviewer's confidence in their own decision."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@public
class CaseStage(StrEnum):
    """The stage of a case. A case only moves down this list."""

    RECEIVED = "received"
    WAITING = "waiting"
    DECIDED = "decided"
    FINISHED = "finished"


@public
class ReviewStatus(StrEnum):
    """Whether a review is open, or how it was closed.

    `voted` is one of several votes, `expired` a rejection by the deadline; `canceled` and `superseded` follow the case.
    """

    OPEN = "open"
    DECIDED = "decided"
    VOTED = "voted"
    ESCALATED = "escalated"
    EXPIRED = "expired"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"


POLICY_CHANGE, PEOPLE_CHANGE = "policy_change", "people_change"
"""The task types of changes of the policy and of the people that need a second person. Agents cannot submit them."""

GOVERNED_CHANGES = (POLICY_CHANGE, PEOPLE_CHANGE)

EXECUTION_CHECK = "execution_check"
"""The task type of the question whether an execution happened whose owner died. Agents cannot submit it."""

BY_SYSTEM = (*GOVERNED_CHANGES, EXECUTION_CHECK)
"""The task types that the system submits itself."""

OWN_QUESTIONS = (*GOVERNED_CHANGES, EXECUTION_CHECK)
"""The task types that the system submits itself, and that a person decides whatever the policies say."""

POLICY_DOMAIN = "policy"
"""The domain of these cases, and of the right to change the policy and the people."""


class PolicyChange(StrEnum):
    """The kind of a policy change."""

    ACTIVATE = "activate"
    ROLLBACK = "rollback"
    CANARY = "canary"
    UNDO = "undo"


class EventKind(StrEnum):
    """The kind of a ledger event."""

    POLICY_RECORDED = "policy_recorded"
    POLICY_VERSION = "policy_version"
    POLICY_PROPOSED = "policy_proposed"
    POLICY_ACTIVATED = "policy_activated"
    POLICY_CANARY = "policy_canary"
    POLICY_SHADOW = "policy_shadow"
    POLICY_DECLINED = "policy_declined"
    POLICY_UNDONE = "policy_undone"
    KEY_CHANGED = "key_changed"
    CLOCK_MOVED_BACK = "clock_moved_back"
    PEOPLE_RECORDED = "people_recorded"
    PEOPLE_PROPOSED = "people_proposed"
    PEOPLE_ACTIVATED = "people_activated"
    PEOPLE_DECLINED = "people_declined"
    CONFIGURATION_RECORDED = "configuration_recorded"
    SUBMITTED = "submitted"
    ROUTED = "routed"
    REVIEW_OPENED = "review_opened"
    CLAIMED = "claimed"
    DELEGATED = "delegated"
    RELEASED = "released"
    VIEWED = "viewed"
    LABELED = "labeled"
    REMINDED = "reminded"
    VOTED = "voted"
    ESCALATED = "escalated"
    DECIDED = "decided"
    EXPIRED = "expired"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    RESUMED = "resumed"
    FINISHED = "finished"
    EXECUTION_STARTED = "execution_started"
    EXECUTION_FINISHED = "execution_finished"
    EXECUTION_FAILED = "execution_failed"
    EXECUTION_UNKNOWN = "execution_unknown"
    ALARM = "alarm"
    REDACTED = "redacted"


class ActorKind(StrEnum):
    """The kind of an actor."""

    AGENT = "agent"
    HUMAN = "human"
    SYSTEM = "system"
    RECORD = "record"


class Authentication(StrEnum):
    """How the identity of an actor was established."""

    NONE = "none"
    """Not established: the system itself, an agent, or an unknown name."""
    STATED = "stated"
    """The caller named a known person, without proof."""
    AUTHENTICATED = "authenticated"
    """The face authenticated the person."""
    RECORDED = "recorded"
    """Taken from a record of a past decision."""
