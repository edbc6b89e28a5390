"""Nothing is approved that no rule and no person approved, and the ledger alone explains every outcome."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import NINE, FakeClock, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import InvalidInput, Orchestrator, RequestRejected, Review
from hitl_orchestrator.domain.decision import Facts, Routing
from hitl_orchestrator.domain.enums import CaseStage, EventKind, HumanDecision, RiskLevel, Signal
from hitl_orchestrator.policies.engine.compiled import decide
from hitl_orchestrator.policies.language.model import Policy

ROLES = ("domain_reviewer", "senior_manager", "compliance_officer")
bounds = st.sampled_from([0.0, 0.2, 0.5, 0.6, 0.75, 0.8, 0.95, 1.0])
risks = st.sampled_from([risk.value for risk in RiskLevel])
domains = st.sampled_from(["customer_support", "finance"])
conditions = st.fixed_dictionaries(
    {},
    optional={
        "risk_level": st.lists(risks, min_size=1, max_size=2, unique=True),
        "domain": domains,
        "min_confidence": bounds,
        "signals": st.lists(st.sampled_from([signal.value for signal in Signal]), min_size=1, max_size=2, unique=True),
    },
)
rules = st.fixed_dictionaries(
    {"conditions": conditions, "priority": st.integers(0, 9)},
).flatmap(
    lambda rule: st.sampled_from(["auto_approve", "human_review", "escalate"]).flatmap(
        lambda action: st.sampled_from([None] if action == "auto_approve" else [None, *ROLES]).map(
            lambda role: {**rule, "action": action, "assigned_human_role": role}
        )
    )
)
policies = st.lists(rules, max_size=5).map(
    lambda found: {"policy_id": "p", "rules": [{**rule, "rule_id": f"r{n}"} for n, rule in enumerate(found)]}
)
confidences = st.none() | st.floats(0, 1) | bounds
outputs = st.none() | st.fixed_dictionaries(
    {"confidence": confidences},
    optional={
        "unusual": st.booleans(),
        "alternatives": st.dictionaries(st.sampled_from(["Refund", "Other"]), st.floats(0, 1), max_size=2),
        "samples": st.lists(st.sampled_from(["Refund", "Other"]), max_size=4),
    },
)
tasks = st.fixed_dictionaries({"domain": domains, "risk_level": st.none() | risks})
answers = st.builds(
    lambda decision, reviewer, note: Review.model_validate(
        {
            "human_decision": decision,
            "reviewer_id": reviewer,
            "human_feedback": note,
            "modified_output": {"predicted_label": "Edited"} if decision == "modify" else None,
        }
    ),
    st.sampled_from([decision.value for decision in HumanDecision]),
    st.sampled_from([*ROLES, "stranger", None]),
    st.sampled_from(["", "because"]),
)


def facts_in(task: dict, routing: Routing) -> Facts:
    """Read the facts of a case from its events."""
    return Facts(
        risk_level=routing.risk_level,
        domain=task["domain"],
        task_type=task["task_type"],
        confidence=routing.score.confidence,
        signals=frozenset(routing.score.signals),
        has_proposal=routing.output is not None,
    )


def explained(events: list, policies_by_hash: dict) -> tuple[str, object, str]:
    """Derive the outcome of a case from its events alone: decision, output, and reviewer."""
    stated = {event.kind: event.body for event in events}
    routing = Routing.model_validate(stated[EventKind.ROUTED])
    policy = Policy.model_validate(policies_by_hash[stated[EventKind.SUBMITTED]["policy_hash"]])
    again = decide(policy, facts_in(stated[EventKind.SUBMITTED]["task"], routing))
    assert (again.action, again.rule_id, again.reason) == (
        routing.decision.action,
        routing.decision.rule_id,
        routing.decision.reason,
    )
    proposed = None if routing.output is None else routing.output.agent_output.model_dump(mode="json")
    if not again.needs_human:
        assert EventKind.DECIDED not in stated
        return "approved", proposed, "agent"
    answer = stated[EventKind.DECIDED]["verdict"]["review"]
    final = {"approve": "approved", "reject": "rejected", "modify": "modified_and_approved"}
    output = proposed if answer["human_decision"] == "approve" else answer["modified_output"]
    return final.get(answer["human_decision"], "override_approved"), output, "human"


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(policies, st.lists(st.tuples(tasks, outputs, st.lists(answers, max_size=4)), min_size=1, max_size=4))
def test_every_approval_has_a_rule_or_a_reviewer_in_the_ledger(policy, given_cases):
    with Orchestrator.open("memory://", policy=policy, clock=FakeClock()) as hitl:
        accepted = {}
        for number, (task, output, stated) in enumerate(given_cases):
            task_id = f"task-{number}"
            extra = dict(output or {})
            proposed = None if output is None else an_output(task_id, extra.pop("confidence"), **extra)
            hitl.submit(a_task(task_id, **task), proposed)
            answered: list[Review] = []
            for answer in stated:
                try:
                    hitl.decide(task_id=task_id, decision=answer)
                except (RequestRejected, InvalidInput):
                    continue
                # An answer that is given again is only confirmed, also after a later one.
                accepted[task_id] = accepted.get(task_id) if answer in answered else answer
                answered.append(answer)

        recorded = {
            event.body["policy_hash"]: event.body["policy"]
            for event in services_of(hitl).ledger.events(None)
            if event.kind is EventKind.POLICY_RECORDED
        }
        for number in range(len(given_cases)):
            case = hitl.cases.get(task_id=f"task-{number}")
            if case.record is None:
                assert case.stage is CaseStage.WAITING
                continue
            record = case.record
            final, output, source = explained(hitl.cases.history(case.case_id), recorded)
            assert (record.final_decision, record.decision_source) == (final, source)
            assert (record.final_output and record.final_output.model_dump(mode="json")) == output
            if source == "agent":
                assert any(
                    rule["action"] == "auto_approve" and rule["rule_id"] == record.rule_id for rule in policy["rules"]
                )
                assert record.confidence_score is not None
                assert record.proposed_output is not None
            else:
                assert record.reviewer_id == accepted[case.task_id].reviewer_id
                assert accepted[case.task_id].human_decision.final == record.final_decision


contents = st.integers(0, 3)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(contents, st.booleans()), min_size=1, max_size=10))
def test_submissions_of_a_task_are_numbered_attempts(history):
    """The model: the same content as the latest attempt is that attempt; other content needs `resubmit`."""
    attempts: list[int] = []
    cases: list[str] = []
    numbers = count(1)
    with Orchestrator.open("memory://", clock=FakeClock()) as hitl:
        for content, resubmit in history:
            task = a_task("task-1", task_description=f"content {content}", metadata={"try": next(numbers) * 0})
            refused = bool(attempts) and content != attempts[-1] and not resubmit
            if refused:
                with pytest.raises(RequestRejected, match="was already submitted with other content"):
                    hitl.submit(task, an_output())
                continue
            case = hitl.submit(task, an_output(), resubmit=resubmit)
            if not attempts or content != attempts[-1]:
                attempts.append(content)
                cases.append(case.case_id)
            assert (case.case_id, case.submission.attempt) == (cases[-1], len(attempts))
            assert case.submission.task.timestamp == NINE

        assert len(set(cases)) == len(cases)
        assert [record.case_id for record in hitl.audit.records()] == cases
