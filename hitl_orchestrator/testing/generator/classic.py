"""The first five cases of every generated set, which `default_policy_v1` with its fallback routes in all three ways.

t01 is low at 0.91 and approved automatically; t02 is medium at 0.68, which no rule covers, and rejected by a person;
t03 is high at 0.83, escalated and approved; t04 is medium at 0.75 and approved by a person; t05 is low at 0.62, which
no rule covers, and corrected.
"""

from datetime import timedelta
from typing import Any

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.testing.generator.drafts import STARTS, Draft, proposal_of, time_text
from hitl_orchestrator.testing.generator.work import FIRST_VERSION

CLASSIC = 5
_APPROVE, _REJECT, _MODIFY = HumanDecision.APPROVE, HumanDecision.REJECT, HumanDecision.MODIFY

# Each: hours after the start, risk, confidence, task, label and reason of the agent, the right label, the decision.
_CASES: tuple[tuple[float, str, float, dict[str, Any], str, str, str, HumanDecision | None], ...] = (
    (
        -1.5,
        "low",
        0.91,
        {
            "task_type": "email_triage",
            "task_description": "J. Almeida was charged 39.90 EUR twice for one order",
            "domain": "customer_support",
            "metadata": {"amount": 39.9, "currency": "EUR", "language": "en"},
        },
        "Billing Issue",
        "The letter names a charge and an invoice",
        "Billing Issue",
        None,
    ),
    (
        -1.25,
        "medium",
        0.68,
        {
            "task_type": "refund_decision",
            "task_description": "Decide the refund of 480.00 EUR for a headset that K. Hansen bought two years ago",
            "domain": "customer_support",
            "metadata": {"amount": 480.0, "currency": "EUR"},
        },
        "Refund in Full",
        "The return is within 30 days and the fault is ours",
        "No Refund",
        _REJECT,
    ),
    (
        -1.0,
        "high",
        0.83,
        {
            "task_type": "loan_precheck",
            "task_description": "S. Costa applies for a loan of 24,000.00 EUR with a steady income for six years",
            "domain": "lending",
            "metadata": {"amount": 24_000.0, "currency": "EUR"},
        },
        "Eligible",
        "Income and term fit the amount",
        "Eligible",
        _APPROVE,
    ),
    (
        -0.75,
        "medium",
        0.75,
        {
            "task_type": "content_moderation",
            "task_description": "A comment that names T. Farkas and their workplace, angry in tone",
            "domain": "trust_and_safety",
            "metadata": {"tone": "angry"},
        },
        "Harassment",
        "The comment targets one person",
        "Harassment",
        _APPROVE,
    ),
    (
        -0.5,
        "low",
        0.62,
        {
            "task_type": "incident_triage",
            "task_description": "L. Dubois is locked out of the build server after a new password",
            "domain": "it_operations",
            "metadata": {},
        },
        "Network",
        "A floor is out",
        "Account",
        _MODIFY,
    ),
)
_AGENTS = {
    "email_triage": "mailroom",
    "refund_decision": "mailroom",
    "loan_precheck": "loan-assistant",
    "content_moderation": "moderator",
    "incident_triage": "service-desk",
}
_OPENING = timedelta(hours=9)


def classic(number: int, task_id: str) -> Draft:
    """Return case `number`, from 1 to 5."""
    hours, risk, confidence, fields, label, reason, truth, word = _CASES[number - 1]
    at = STARTS + _OPENING + timedelta(hours=hours) - timedelta(days=3)
    about = {name: value for name, value in fields.items() if name != "metadata"}
    more = {"risk_level": risk, "timestamp": time_text(at), "metadata": fields["metadata"]}
    task = {"task_id": task_id, **about, **more}
    proposal = proposal_of(label, reason, _AGENTS[fields["task_type"]], FIRST_VERSION)
    output = {"task_id": task_id, "agent_output": proposal, "confidence_score": confidence}
    return Draft(number, at, task, output, truth, word)
