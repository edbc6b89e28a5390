"""What is drawn from many: always the same answer for the same names, and as often as its share says. Pure."""

from hashlib import sha256

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.enums import DecisionSource

_DIGITS = 13
_ALL = 1 << 4 * _DIGITS
_SPOT_CHECK = "spot check"


def is_drawn(share: float, *named: str) -> bool:
    """Whether something belongs to a share of all. What a share takes in, every larger one does too."""
    drawn = sha256("\n".join(named).encode()).hexdigest()[:_DIGITS]
    return int(drawn, 16) < int(share * _ALL)


def is_spot_checked(record: AuditRecord) -> bool:
    """Whether a case that went ahead by itself is to be looked at afterwards."""
    alone = record.decision_source is DecisionSource.AGENT and record.quality_check is None
    return alone and is_drawn(record.review_probability, _SPOT_CHECK, record.case_id)
