"""The closed sets of words. Whoever says another word is refused."""

from enum import StrEnum


class RiskLevel(StrEnum):
    """How much harm a wrong output does."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Action(StrEnum):
    """What a routing rule asks for."""

    AUTO_APPROVE = "auto_approve"
    HUMAN_REVIEW = "human_review"
    ESCALATE = "escalate"

    @property
    def strictness(self) -> int:
        """0 lets it through, 1 asks a person, 2 asks a person higher up."""
        return list(Action).index(self)


class Signal(StrEnum):
    """A named warning raised while scoring."""

    LOW_CONFIDENCE = "low_confidence"
    AMBIGUOUS = "ambiguous"
    UNUSUAL = "unusual"
    RISKY = "risky"


class ConfidenceSource(StrEnum):
    """Where a confidence comes from."""

    REPORTED = "reported"
    LOG_PROBABILITY = "log_probability"
    SELF_CONSISTENCY = "self_consistency"
    VERBALISED = "verbalised"
    MISSING = "missing"


class HumanDecision(StrEnum):
    """What a person may answer. Escalating passes the case up; the other four are final."""

    APPROVE = "approve"
    REJECT = "reject"
    MODIFY = "modify"
    OVERRIDE = "override"
    ESCALATE = "escalate"

    @property
    def final(self) -> "FinalDecision | None":
        """The final decision that this answer leads to; None for `escalate`."""
        return _FINAL.get(self)


class FinalDecision(StrEnum):
    """How a case ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    MODIFIED_AND_APPROVED = "modified_and_approved"
    OVERRIDE_APPROVED = "override_approved"
    CANCELED = "canceled"
    """Whoever submitted it took it back before anybody decided."""
    SUPERSEDED = "superseded"
    """A newer attempt at the same task took its place before anybody decided."""


_FINAL = {
    HumanDecision.APPROVE: FinalDecision.APPROVED,
    HumanDecision.REJECT: FinalDecision.REJECTED,
    HumanDecision.MODIFY: FinalDecision.MODIFIED_AND_APPROVED,
    HumanDecision.OVERRIDE: FinalDecision.OVERRIDE_APPROVED,
}


class OnTimeout(StrEnum):
    """What becomes of a review that nobody answers in time. Nothing is ever approved by waiting."""

    ESCALATE = "escalate"
    """It passes up the chain; at the top it waits."""
    REJECT = "reject"
    WAIT = "wait"


class DecisionSource(StrEnum):
    """Who decided."""

    AGENT = "agent"
    HUMAN = "human"
    TIMEOUT = "timeout"
    SUBMITTER = "submitter"
    """Whoever submitted the case canceled it."""
    RESUBMISSION = "resubmission"
    """A newer attempt at the task took the place of the case."""


class Agreement(StrEnum):
    """How the persons whom a rule asks together come to one answer."""

    UNANIMITY = "unanimity"
    """All agree; the first who does not passes the case up."""
    MAJORITY = "majority"
    """So many agree before all of one less than twice as many were asked; else it passes up."""


class QualityCheckKind(StrEnum):
    """Why a case is in the queue that nobody will ever carry out."""

    KNOWN_ANSWER = "known_answer"
    SECOND_REVIEW = "second_review"
    SPOT_CHECK = "spot_check"
    """A case that went ahead by itself, looked at afterwards."""


class Assessment(StrEnum):
    """How sure a reviewer is of the own answer."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class CaseStage(StrEnum):
    """How far a case has come. It only ever moves down this list."""

    RECEIVED = "received"
    WAITING = "waiting"
    DECIDED = "decided"
    FINISHED = "finished"


class ReviewStatus(StrEnum):
    """Whether a review still asks, or how it ended.

    It was decided, was one vote of several, was passed up the chain, was rejected by its deadline, was taken back by
    who submitted the case, or gave way to a newer attempt.
    """

    OPEN = "open"
    DECIDED = "decided"
    VOTED = "voted"
    ESCALATED = "escalated"
    EXPIRED = "expired"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"


POLICY_CHANGE = "policy_change"
"""The task type of a change of the policy itself that takes a second person. No agent can submit one."""


class PolicyChange(StrEnum):
    """What is to be done with a version of the policy."""

    ACTIVATE = "activate"
    ROLLBACK = "rollback"
    CANARY = "canary"


class EventKind(StrEnum):
    """What the ledger can tell."""

    POLICY_RECORDED = "policy_recorded"
    POLICY_VERSION = "policy_version"
    POLICY_PROPOSED = "policy_proposed"
    POLICY_ACTIVATED = "policy_activated"
    POLICY_CANARY = "policy_canary"
    POLICY_SHADOW = "policy_shadow"
    POLICY_DECLINED = "policy_declined"
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
    ALARM = "alarm"
    REDACTED = "redacted"


class ActorKind(StrEnum):
    """What kind of party did something."""

    AGENT = "agent"
    HUMAN = "human"
    SYSTEM = "system"
    RECORD = "record"


class Authentication(StrEnum):
    """How it is known that somebody is who they say they are."""

    NONE = "none"
    """Nobody asked, as for the machine itself and for agents; or the name is not known here."""
    STATED = "stated"
    """The caller of the library or of a command named a known person, and is believed."""
    RECORDED = "recorded"
    """A record of the past names them."""
