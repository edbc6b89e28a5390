"""The whole loop: submit, inbox, show, decide, replay, recover, close, on every store."""

import pytest
from support.builders import a_review, a_task, an_output, canonical, minutes

from hitl_orchestrator import AgentOutput, InvalidInput, Orchestrator, Review, Task
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.errors import CaseNotWaiting, ReviewAlreadyDecided, ReviewWithdrawn, TaskConflict, UnknownCase


def kinds(hitl, given_id):
    return [event.kind.value for event in hitl.cases.history(task_id=given_id)]


def test_a_case_that_a_rule_approves_is_finished_at_once(hitl):
    case = hitl.submit(a_task(), an_output(confidence=0.9))

    assert (case.status, case.open_review) == ("approved", None)
    assert case.final_output == an_output().agent_output
    record = case.record
    assert (record.routing_decision, record.rule_id, record.decision_source) == ("auto_approve", "rule_004", "agent")
    assert (record.human_involved, record.reviewer_id, record.review_probability) == (False, None, 0.0)
    assert hitl.cases.get(task_id="task-1") == case
    assert list(hitl.audit.records()) == [record]
    assert kinds(hitl, "task-1") == ["submitted", "routed", "finished"]


def test_a_case_that_needs_a_person_waits_in_the_inbox(hitl, waits):
    case = waits(hitl)

    assert (case.status, case.record, case.final_output) == ("waiting", None, None)
    row = case.open_review
    assert [(each.review_id, each.shown_digest) for each in hitl.inbox()] == [(row.review_id, row.digest)]
    assert hitl.inbox("domain_reviewer", "customer_support") == hitl.inbox()
    assert list(hitl.inbox("senior_manager")) == []
    assert case.open_review.shown.routing.output == an_output(confidence=0.5)
    assert list(hitl.audit.records()) == []


@pytest.mark.parametrize(
    ("decision", "status"),
    [
        ("approve", "approved"),
        ("reject", "rejected"),
        ("modify", "modified_and_approved"),
        ("override", "override_approved"),
    ],
)
def test_a_person_s_decision_finishes_the_case(hitl, waits, clock, decision, status):
    waits(hitl)
    clock.tick(90)

    case = hitl.decide(task_id="task-1", decision=a_review(decision, "ana", human_feedback="looked at it"))

    record = case.record
    assert (case.stage, case.status) == (CaseStage.FINISHED, status)
    assert (record.decision_source, record.human_involved, record.human_decision) == ("human", True, decision)
    assert (record.reviewer_id, record.human_role, record.human_feedback) == ("ana", "domain_reviewer", "looked at it")
    assert (record.latency_seconds, record.review_probability) == (90, 1.0)
    assert list(hitl.inbox()) == []
    assert hitl.cases.get(case.case_id) == case
    assert kinds(hitl, "task-1") == ["submitted", "routed", "review_opened", "decided", "resumed", "finished"]


def test_the_final_output_is_the_decided_one(hitl, waits):
    edited = {"predicted_label": "Other", "explanation": "é", "steps": [1, {"a": None}]}
    outcomes = {
        "approve": an_output(confidence=0.5).agent_output.model_dump(),
        "reject": None,
        "modify": edited,
        "override": None,
    }
    for decision in outcomes:
        waits(hitl, decision)
        fields = {"modified_output": edited} if decision == "modify" else {}
        hitl.decide(task_id=decision, decision=a_review(decision, "ana", **fields))

    found = {record.task_id: record.final_output for record in hitl.audit.records()}

    assert {key: value and value.model_dump() for key, value in found.items()} == outcomes


def test_an_override_may_contain_an_output(hitl, waits):
    waits(hitl)

    case = hitl.decide(
        task_id="task-1", decision=a_review("override", "ana", modified_output={"predicted_label": "Mine"})
    )

    assert case.final_output.predicted_label == "Mine"
    assert case.record.proposed_output.predicted_label == "Refund"


def test_the_same_submission_is_the_same_case(hitl, waits):
    first = waits(hitl)
    again = waits(hitl)
    hitl.decide(task_id="task-1", decision=a_review("reject", "ana"))
    after = waits(hitl)

    assert again == first
    assert (after.case_id, after.status) == (first.case_id, "rejected")
    assert kinds(hitl, "task-1").count("submitted") == 1


def test_other_content_of_a_task_is_rejected_or_becomes_the_next_attempt(hitl, waits):
    first = waits(hitl)

    with pytest.raises(TaskConflict, match=first.case_id):
        hitl.submit(a_task(), an_output(confidence=0.9))
    second = hitl.submit(a_task(), an_output(confidence=0.9), resubmit=True)

    assert (second.status, second.submission.attempt) == ("approved", 2)
    assert hitl.cases.get(task_id="task-1") == second
    assert hitl.cases.get(first.case_id).status == "superseded"
    with pytest.raises(ReviewWithdrawn, match="was superseded by a newer attempt at its task"):
        hitl.decide(first.case_id, a_review("reject", "ana"))


def test_an_output_for_another_task_is_refused_and_nothing_is_stored(hitl):
    with pytest.raises(InvalidInput, match="its output is for task 'task-2'"):
        hitl.submit(a_task("task-1"), an_output("task-2"))

    with pytest.raises(UnknownCase):
        hitl.cases.get(task_id="task-1")


def test_a_task_from_the_future_is_refused(hitl):
    assert hitl.submit(a_task("soon", timestamp=minutes(5)), an_output("soon")).record.latency_seconds == 0

    with pytest.raises(InvalidInput, match="lies in the future"):
        hitl.submit(a_task("later", timestamp=minutes(5.1)), an_output("later"))


@pytest.mark.parametrize("ask", ["get", "history"])
def test_an_unknown_id_is_rejected(hitl, ask):
    with pytest.raises(UnknownCase, match="'unknown'"):
        getattr(hitl.cases, ask)("unknown")


def test_an_unknown_case_cannot_be_decided(hitl):
    with pytest.raises(UnknownCase):
        hitl.decide(task_id="unknown", decision=a_review("approve", "ana"))


def test_an_approved_case_takes_no_decision(hitl):
    hitl.submit(a_task(), an_output())

    with pytest.raises(CaseNotWaiting, match="it is approved"):
        hitl.decide(task_id="task-1", decision=a_review("reject", "zoe"))


def test_a_repeated_decision_is_idempotent_and_another_is_rejected(hitl, waits, clock):
    waits(hitl)
    case = hitl.decide(task_id="task-1", decision=a_review("reject", "ana"))
    clock.tick(60)

    assert hitl.decide(task_id="task-1", decision=a_review("reject", "ana")) == case
    with pytest.raises(ReviewAlreadyDecided, match="by 'ana': reject at 2025-01-10T09:00:00"):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))
    with pytest.raises(ReviewAlreadyDecided, match="by 'ana'"):
        hitl.decide(task_id="task-1", decision=a_review("reject", "zoe"))

    assert kinds(hitl, "task-1").count("decided") == kinds(hitl, "task-1").count("finished") == 1


def test_an_accepted_case_is_run_by_recover(hitl):
    cases = [
        hitl.cases.enqueue(a_task(name), an_output(name, confidence)) for name, confidence in (("a", 0.9), ("b", 0.5))
    ]
    assert [case.status for case in cases] == ["received", "received"]
    heard = []

    moved = hitl.recover(heard.append)

    assert [(case.task_id, case.status) for case in moved] == [("a", "approved"), ("b", "waiting")]
    assert heard == moved
    assert hitl.recover() == []


def test_the_canonical_data_produce_the_canonical_records(store):
    outputs = {given["task_id"]: AgentOutput(**given) for given in canonical("agent_outputs")}
    reviews = {given["task_id"]: Review(**given) for given in canonical("human_reviews")}
    with Orchestrator.open(store) as opened:
        live = opened.acting_as("senior_manager")
        for given in canonical("tasks"):
            case = live.submit(Task(**given), outputs[given["task_id"]], replay=True)
            if case.status == "waiting":
                live.cases.replay(reviews[given["task_id"]], case.case_id)
        records = [record.model_dump(mode="json") for record in live.audit.records()]

    reported = ("task_id", "risk_level", "confidence_score", "routing_decision", "human_involved", "final_decision")
    expected = canonical("audit_logs")
    assert [{key: each[key] for key in reported} for each in records] == [
        {key: each[key] for key in reported} for each in expected
    ]
    assert [each["decision_source"] for each in records] == [each["decision_source"] for each in expected]
    assert [each["rule_id"] for each in records] == ["rule_004", "rule_003", "rule_001", "rule_004", "rule_003"]
    reviewed = [(each["latency_seconds"], each["timestamp"]) for each in records if each["human_involved"]]
    assert reviewed == [(each["latency_seconds"], each["timestamp"]) for each in expected if each["human_involved"]]


def test_close_is_idempotent(hitl, waits):
    waits(hitl)
    hitl.close()

    hitl.close()
