"""Recomputation of outcomes: what a case ended with must follow from its intake, its routing and its decision."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from hitl_orchestrator.domain.enums import Action, DecisionSource, EventKind, FinalDecision, HumanDecision
from hitl_orchestrator.domain.lifecycle import SETTLED
from hitl_orchestrator.ledger.events.chain import short_time

_Body = Mapping[str, Any]
_SETTLING = frozenset(EventKind(status.value) for status in SETTLED)
_WITHDRAWN = {
    DecisionSource.SUBMITTER: FinalDecision.CANCELED,
    DecisionSource.RESUBMISSION: FinalDecision.SUPERSEDED,
}
_TASK = ("task_id", "task_type", "domain")
_INTAKE = ("replayed", "received_at", "submitted_by", "supersedes")
_DECISION = ("rule_id", "reason", "policy_id", "policy_hash")
_SCORE = ("signals", "unreadable", "raised", "reviewed")
_SAME = (*_TASK, *_INTAKE, *_DECISION, *_SCORE)
"""The fields of a record that the entries before it have under the same names."""

_OF_TASK, _OF_INTAKE = itemgetter(*_TASK), itemgetter(*_INTAKE)
_OF_DECISION, _OF_SCORE = itemgetter(*_DECISION), itemgetter(*_SCORE)


class OutcomeFacts:
    """The entries of a case from which its outcome follows. Texts are compared by their digests in the entries."""

    def __init__(self) -> None:
        self._intake: _Body = {}
        self._routed: _Body | None = None
        self._opened: dict[str, _Body] = {}
        self._settled: _Body | None = None

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add the next entry of the case."""
        kind, body = entry["kind"], entry["body"]
        if kind == EventKind.SUBMITTED:
            self._intake = body
        elif kind == EventKind.ROUTED:
            self._routed = body
        elif kind == EventKind.REVIEW_OPENED:
            self._opened[body["review_id"]] = body
        elif kind in _SETTLING:
            self._settled = body

    def problem(self, record: _Body) -> str | None:
        """Return the fields of the final entry that do not follow from the entries before it; None if all do."""
        if self._routed is None:
            return "no entry records the routing of the case"
        expected = self._common(self._routed)
        if self._settled is not None:
            expected |= self._by_review(self._routed, self._settled)
        elif self._routed["decision"]["action"] == Action.AUTO_APPROVE:
            expected |= self._by_agent(self._routed)
        else:
            return "no entry records a decision, and no rule approves the case"
        if expected.items() <= record.items():
            return None
        differing = [name for name, value in expected.items() if record.get(name) != value]
        return f"its {' and '.join(differing)} does not follow from the earlier entries" if differing else None

    def _common(self, routed: _Body) -> dict[str, Any]:
        intake, decision, score = self._intake, routed["decision"], routed["score"]
        follows = (*_OF_TASK(intake["task"]), *_OF_INTAKE(intake), *_OF_DECISION(decision), *_OF_SCORE(score))
        return {
            **dict(zip(_SAME, follows, strict=True)),
            "routing_decision": decision["action"],
            "risk_level": routed["risk_level"],
            "confidence_score": score["confidence"],
            "confidence_source": score["source"],
            "proposed_output": _proposed(routed),
            "approvals_needed": decision["requirements"]["approvals"],
        }

    def _by_agent(self, routed: _Body) -> dict[str, Any]:
        return {
            "human_involved": False,
            "final_decision": FinalDecision.APPROVED,
            "decision_source": DecisionSource.AGENT,
            "reviewer_id": None,
            "final_output": self._carried_out(_proposed(routed)),
        }

    def _by_review(self, routed: _Body, settled: _Body) -> dict[str, Any]:
        verdict, opened = settled["verdict"], self._opened.get(settled["review_id"], {})
        source, answer = DecisionSource(verdict["source"]), verdict["review"]
        decision = HumanDecision(answer["human_decision"])
        by_person = source is DecisionSource.HUMAN
        output = _proposed(routed) if decision.spec.approves_proposal else answer["modified_output"]
        return {
            "human_involved": by_person,
            "final_decision": _WITHDRAWN.get(source, decision.final),
            "decision_source": source,
            "review_id": settled["review_id"],
            "assigned_human_role": opened.get("role"),
            "shown_digest": opened.get("digest"),
            "due_at": short_time(opened.get("due_at")),
            "channel": verdict["channel"],
            "reviewer_id": answer["reviewer_id"] if by_person else None,
            "human_role": verdict["role"] if by_person else None,
            "human_decision": decision if by_person else None,
            "final_output": self._carried_out(output) if by_person else None,
        }

    def _carried_out(self, output: Any) -> Any:
        """Return the output that may be carried out: none of a replay, or of a check of a reviewer."""
        return None if self._intake["replayed"] or self._intake["quality_check"] else output


def _proposed(routed: _Body) -> Any:
    return None if routed["output"] is None else routed["output"]["agent_output"]
