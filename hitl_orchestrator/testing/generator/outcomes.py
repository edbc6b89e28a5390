"""The outcomes of generated cases as rows, for benchmarks: as if the cases had been decided live, with spot checks."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hitl_orchestrator.domain.audit import is_drawn
from hitl_orchestrator.domain.decision import FALLBACK
from hitl_orchestrator.domain.enums import Action, ConfidenceSource, DecisionSource, HumanDecision, QualityCheckKind
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.domain.value import text_digest
from hitl_orchestrator.policies.engine.compiled import compile_policy
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.testing.generator.cases import GeneratedCase, RecordedReview, generate, reviews_of

SPOT_CHECKED = Policy.model_validate(
    {
        "policy_id": "generated",
        "description": "High risk is escalated; of the outputs approved automatically, 5 in 100 are checked",
        "rules": [
            {"rule_id": "high_risk", "priority": 1, "conditions": {"risk_level": "high"}, "action": "escalate"},
            {
                "rule_id": "sure_enough",
                "priority": 2,
                "conditions": {"risk_level": ["low", "medium"], "min_confidence": 0.8},
                "action": "auto_approve",
                "spot_check": 0.05,
            },
            {
                "rule_id": "not_sure",
                "priority": 3,
                "conditions": {"risk_level": ["low", "medium"]},
                "action": "human_review",
                "respond_within": "P1D",
            },
        ],
    }
)
"""A policy with spot checks. Without them nothing is known about the cases that are approved automatically."""

_UNANSWERED, _LOOKED = 0.1, 0.8
_DUE = timedelta(days=1)
_AGENT = ("agent_id", "model", "model_version")


def outcomes(tasks: int, seed: int = 0, policy: Policy = SPOT_CHECKED) -> Iterator[dict[str, Any]]:
    """Yield one row for each generated case, and one for each answered spot check, which follows its case.

    The names are those of the columns of `outcomes` in a store. One in ten drawn spot checks has no answer.
    """
    hashed, seq = compile_policy(policy, DEFAULT_CHAIN).hash, 0
    for case in generate(tasks, seed, policy):
        dice = Random(f"{seed}/outcome/{case.draft.number}")  # noqa: S311 - chances, not secrets
        case_id = _case_id(case.draft.at, dice)
        seq += 5
        drawn = not case.reviews and is_drawn(case.routing.spot_check, text_digest(case_id))
        row = _row(case, case_id, case.reviews, dice) | {
            "finished_seq": seq,
            "policy_hash": hashed,
            "drawn": int(drawn),
        }
        yield row
        if drawn:
            if dice.random() < _UNANSWERED:
                continue
            seq += 5
            yield row | _check(case, case_id, dice) | {"finished_seq": seq}


def _row(case: GeneratedCase, case_id: str, reviews: tuple[RecordedReview, ...], dice: Random) -> dict[str, Any]:
    task, output, routing = case.draft.task, case.draft.output, case.routing
    proposal, confidence = output["agent_output"], output["confidence_score"]
    automatic = routing.action is Action.AUTO_APPROVE
    source = ConfidenceSource.MISSING if confidence is None else ConfidenceSource.REPORTED
    return {
        "case_id": case_id,
        "task_id": task["task_id"],
        "task_type": task["task_type"],
        "domain": task["domain"],
        "risk_level": task["risk_level"],
        "confidence_score": confidence,
        "confidence_source": source.value,
        "signals": " ".join(signal.value for signal in sorted(case.signals)),
        "has_proposal": 1,
        "predicted_label": proposal["predicted_label"],
        "shown_length": len(json.dumps(proposal)),
        "routing_decision": routing.action.value,
        "rule_id": routing.rule_id,
        "policy_id": routing.policy_id,
        "review_probability": routing.spot_check if automatic else 1.0,
        "assigned_human_role": routing.assigned_human_role,
        "approvals_needed": 1,
        "quality_check": None,
        "quality_check_expected": None,
        "quality_check_of": None,
        "replayed": 0,
        "classifier_failed": 0,
        "unreadable": 0,
        "redacted": 0,
        "submitted_by": proposal["agent_id"],
        "prompt_version": None,
        **{name: proposal[name] for name in _AGENT},
        "task_timestamp": _time(case.draft.at),
        "received_at": _time(case.draft.at),
        "metadata_digest": None,
        **_ended(case, reviews, dice),
    }


def _ended(case: GeneratedCase, reviews: tuple[RecordedReview, ...], dice: Random) -> dict[str, Any]:
    """Return the columns of the decision."""
    last = reviews[-1] if reviews else None
    word, fields = (None, {}) if last is None else (last.decision, last.fields)
    final, decided = HumanDecision.APPROVE.final if word is None else word.final, last.decided if last else case.decided
    edited = fields.get("modified_output")
    label = case.draft.output["agent_output"]["predicted_label"]
    changed = edited["predicted_label"] != label if edited else word is None or word.spec.approves_proposal or None
    worked = None if last is None else (last.decided - last.viewed).total_seconds()
    return {
        "escalations": max(0, len(reviews) - 1),
        "final_decision": None if final is None else final.value,
        "decision_source": (DecisionSource.AGENT if last is None else DecisionSource.HUMAN).value,
        "human_decision": None if word is None else word.value,
        "human_role": fields.get("human_role"),
        "reviewer_id": fields.get("reviewer_id"),
        "confidence_assessment": fields.get("confidence_assessment"),
        "reason_code": fields.get("reason_code"),
        "votes": None,
        "label_changed": None if changed is None else int(bool(edited) and changed),
        "review_opened_at": None if last is None else _time(last.opened),
        "due_at": None if last is None or case.routing.action is Action.ESCALATE else _time(last.opened + _DUE),
        "review_seconds": worked,
        "seconds_looked_at": worked if worked is not None and dice.random() < _LOOKED else None,
        "timestamp": _time(decided),
        "latency_seconds": (decided - case.draft.at).total_seconds(),
    }


def _check(case: GeneratedCase, case_id: str, dice: Random) -> dict[str, Any]:
    """Return the columns in which the answered spot check of a case differs from its case."""
    answers = tuple(reviews_of(case.draft, DEFAULT_CHAIN.roles[0], dice, since=case.decided))
    return {
        "case_id": _case_id(case.decided, dice),
        "task_id": f"{case.draft.task['task_id']}-{dice.getrandbits(40):012}",
        "routing_decision": Action.HUMAN_REVIEW.value,
        "rule_id": FALLBACK,
        "assigned_human_role": DEFAULT_CHAIN.roles[0],
        "review_probability": 1.0,
        "drawn": 0,
        "quality_check": QualityCheckKind.SPOT_CHECK.value,
        "quality_check_of": case_id,
        **_ended(case, answers, dice),
    }


def _case_id(at: datetime, dice: Random) -> str:
    """Return a UUIDv7 of this time."""
    tail = f"{dice.getrandbits(64):016x}"
    head = f"{int(at.timestamp() * 1000):012x}"
    return f"{head[:8]}-{head[8:]}-7{tail[:3]}-a{tail[3:6]}-{tail[4:]}"


def _time(at: datetime) -> str:
    """Return the text form of a time in a store."""
    return f"{at.isoformat(timespec='microseconds')[:-6]}Z"
