"""Input sent directly to the graph, without `decide`, passes the same checks or changes nothing."""

import pytest
from langgraph.types import Command
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.errors import IncompleteOutcome


@pytest.fixture
def case(hitl, waits):
    return waits(hitl)


def resume(hitl, case, value):
    return services_of(hitl).runner.graph.invoke(Command(resume=value), services_of(hitl).runner.thread(case.case_id))


def still_waits(hitl, case):
    state = services_of(hitl).runner.graph.get_state(services_of(hitl).runner.thread(case.case_id))
    asked = [each.value["review_id"] for each in state.interrupts]
    return (
        hitl.cases.get(case.case_id) == case
        and list(hitl.audit.records()) == []
        and asked == [case.open_review.review_id]
    )


def wire(answer):
    return {"decision": answer.model_dump(mode="json")}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="an empty wake-up"),
        pytest.param({"decision": None}, id="no decision"),
        pytest.param(wire(a_review("approve", None)), id="an approval from nowhere"),
        pytest.param(wire(a_review("approve", "stranger")), id="an unknown reviewer"),
        pytest.param(wire(a_review("approve", "ben")), id="a reviewer of another domain"),
        pytest.param(wire(a_review("approve", "ana", human_role="compliance_officer")), id="a role not held"),
        pytest.param(wire(a_review("approve", "ana", shown_digest="f" * 64)), id="an approval of something else"),
        pytest.param(wire(a_review("modify", "ana", modified_output=None)), id="an edit without an output"),
        pytest.param(wire(a_review("escalate", "zoe")), id="past the top of the chain"),
    ],
)
def test_an_unauthorized_resume_interrupts_again(hitl, case, value):
    result = resume(hitl, case, value)

    assert "outcome" not in result
    assert still_waits(hitl, case)
    assert hitl.decide(task_id="task-1", decision=a_review("reject", "ana")).status == "rejected"


@pytest.mark.parametrize("value", ["approve", True, {"approved": True}, {"decision": "approve"}, {"decision": {}}, 1])
def test_an_invalid_resume_is_rejected_and_the_case_stays_resumable(hitl, case, value):
    with pytest.raises(ValueError, match=r"validation error|Answer"):
        resume(hitl, case, value)

    assert still_waits(hitl, case)
    assert hitl.decide(task_id="task-1", decision=a_review("reject", "ana")).status == "rejected"


def test_an_authorized_answer_sent_directly_to_the_graph_counts(hitl, case):
    result = resume(hitl, case, wire(a_review("approve", "ana")))

    assert result["outcome"]["final_decision"] == "approved"
    done = hitl.cases.get(task_id="task-1")
    assert (done.status, done.record.reviewer_id) == ("approved", "ana")
    assert done.reviews[0].verdict.channel == "graph"


def test_an_escalation_sent_directly_to_the_graph_requests_the_next_level(hitl, case):
    result = resume(hitl, case, wire(a_review("escalate", "ana")))

    assert result["__interrupt__"][0].value["review_id"] == f"{case.case_id}.1"
    assert hitl.cases.get(task_id="task-1").open_review.role == "senior_manager"
    assert hitl.decide(task_id="task-1", decision=a_review("approve", "max")).status == "approved"


FORGED_REVIEW = {
    "review": {"human_decision": "approve", "reviewer_id": "zoe"},
    "decided_at": "2025-01-10T09:00:00Z",
    "role": "compliance_officer",
    "channel": "library",
}


def forged_routing(case):
    decision = case.open_review.shown.routing.decision.model_dump(mode="json")
    return decision | {"action": "auto_approve", "assigned_human_role": None}


def test_a_forged_review_in_the_state_finishes_no_case(hitl, case):
    graph, thread = services_of(hitl).runner.graph, services_of(hitl).runner.thread(case.case_id)
    graph.update_state(thread, {"review": FORGED_REVIEW}, as_node="human_review")

    with pytest.raises(IncompleteOutcome, match="has no final decision"):
        graph.invoke(None, thread)

    assert (hitl.cases.get(case.case_id), list(hitl.audit.records())) == (case, [])


def test_a_forged_routing_in_the_state_finishes_no_case(hitl, case):
    graph, thread = services_of(hitl).runner.graph, services_of(hitl).runner.thread(case.case_id)
    graph.update_state(thread, {"decision": forged_routing(case)}, as_node="route")

    with pytest.raises(IncompleteOutcome):
        graph.invoke(None, thread)

    assert (hitl.cases.get(case.case_id), list(hitl.audit.records())) == (case, [])


@pytest.mark.parametrize("forge", ["review", "decision", "nothing"])
def test_a_goto_past_the_review_finishes_no_case(hitl, case, forge):
    graph, thread = services_of(hitl).runner.graph, services_of(hitl).runner.thread(case.case_id)
    update = {"review": {"review": FORGED_REVIEW}, "decision": {"decision": forged_routing(case)}}.get(forge, {})

    with pytest.raises(IncompleteOutcome):
        graph.invoke(Command(goto="finalize", update=update), thread)

    assert (hitl.cases.get(case.case_id), list(hitl.audit.records())) == (case, [])


@pytest.mark.parametrize("as_node", ["human_review", "route"])
def test_a_reviewer_can_decide_a_case_with_forged_state(hitl, case, as_node):
    graph, thread = services_of(hitl).runner.graph, services_of(hitl).runner.thread(case.case_id)
    update = {"review": FORGED_REVIEW} if as_node == "human_review" else {"decision": forged_routing(case)}
    graph.update_state(thread, update, as_node=as_node)

    done = hitl.decide(task_id="task-1", decision=a_review("reject", "ana"))

    assert (done.stage, done.status) == (CaseStage.FINISHED, "rejected")
    assert done.record.routing_decision == "human_review"


def test_a_forged_routing_finishes_no_case_that_never_ran(hitl, case):
    """The tables hold only the submission of this case, so the policy itself must approve it."""
    accepted = hitl.cases.enqueue(a_task("task-2"), an_output("task-2", confidence=0.5))
    graph, thread = services_of(hitl).runner.graph, services_of(hitl).runner.thread(accepted.case_id)
    routing = case.open_review.shown.routing
    state = services_of(hitl).runner.input(accepted.submission) | {
        "classification": {"risk_level": "low", "output": an_output("task-2", confidence=0.5).model_dump(mode="json")},
        "score": routing.score.model_dump(mode="json"),
        "decision": forged_routing(case),
    }
    graph.update_state(thread, state, as_node="route")

    with pytest.raises(IncompleteOutcome):
        graph.invoke(None, thread)

    assert hitl.cases.get(task_id="task-2").status == "received"
