"""What a reviewer who can write the tables can make of a case: nothing that finishes it, and an alarm each time."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import decide_and_stop, services_of
from support.stores import sealed_under

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import (
    HitlError,
    IncompleteOutcome,
    LedgerDamaged,
    RecoveryIncomplete,
    TamperedReview,
    UnknownLedgerKey,
)
from hitl_orchestrator.ledger.keys.files import new_key
from hitl_orchestrator.ledger.keys.mac import hmac_under
from hitl_orchestrator.orchestrator import LedgerAudit

VERDICT = {
    "review": {"human_decision": "approve", "reviewer_id": "zoe"},
    "decided_at": "2025-01-10T09:00:00Z",
    "role": "compliance_officer",
    "channel": "library",
}
SHUT = {"status": "decided", "version": 2, "verdict": json.dumps(VERDICT)}


@pytest.fixture
def case(opened, durable_store, waits):
    with opened(durable_store) as hitl:
        return waits(hitl)


@pytest.fixture
def reopened(opened, durable_store) -> Callable[[], Orchestrator]:
    return lambda: opened(durable_store)


def alarms(hitl: Orchestrator, case_id: str) -> list[str]:
    return [event.body["cause"] for event in hitl.cases.history(case_id) if event.kind == "alarm"]


def refuses_to_finish(hitl: Orchestrator, case_id: str, says: str) -> None:
    """Three tries end alike: no outcome, and one alarm."""
    for _ in range(3):
        with pytest.raises(RecoveryIncomplete, match=says) as refusal:
            hitl.recover()
        assert isinstance(refusal.value.failures[case_id], TamperedReview)
    assert list(hitl.audit.records()) == []
    assert hitl.cases.get(case_id).stage == "decided"
    (cause,) = alarms(hitl, case_id)
    assert f"'{case_id}.0'" in cause


@pytest.mark.parametrize(
    ("seal", "says"),
    [
        ("", "it has no seal"),
        ("f" * 64, "it has no seal"),
        (f"hmac-sha256:{'0' * 16}:{'f' * 64}", "is not configured"),
        ("its own", "its seal does not match the row"),
        ("the same key", "its seal does not match the row"),
    ],
)
def test_a_forged_decision_finishes_no_case(reopened, case, intruder, seal, says):
    review_id = case.open_review.review_id
    own = intruder.row(review_id)["seal"]
    forged = {"its own": own, "the same key": f"{own.rpartition(':')[0]}:{'f' * 64}"}.get(seal, seal)
    intruder.change(review_id, **SHUT, seal=forged)
    intruder.move(case.case_id, "decided")

    refuses_to_finish(reopened(), case.case_id, says)


@pytest.fixture
def decided(opened, durable_store, case):
    """A case that was decided by Ana, and not yet finished."""
    with opened(durable_store) as hitl:
        decide_and_stop(hitl, a_review("reject", "ana"), task_id="task-1")
    return case


def test_an_unaltered_decision_finishes_its_case(opened, durable_store, decided):
    (done,) = opened(durable_store).recover()

    assert done.status == "rejected"
    assert alarms(opened(durable_store), done.case_id) == []


def approved(verdict: dict[str, Any]) -> dict[str, Any]:
    return verdict | {"review": verdict["review"] | {"human_decision": "approve"}}


ALTERED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "decision": approved,
    "reviewer": lambda verdict: verdict | {"review": verdict["review"] | {"reviewer_id": "zoe"}},
    "feedback": lambda verdict: verdict | {"review": verdict["review"] | {"human_feedback": "fine"}},
    "output": lambda verdict: verdict | {"review": verdict["review"] | {"modified_output": {"predicted_label": "x"}}},
    "digest": lambda verdict: verdict | {"review": verdict["review"] | {"shown_digest": "f" * 64}},
    "role": lambda verdict: verdict | {"role": "compliance_officer"},
    "roles held": lambda verdict: verdict | {"roles_held": ["compliance_officer"]},
    "time": lambda verdict: verdict | {"decided_at": "2025-01-10T09:00:01Z"},
    "channel": lambda verdict: verdict | {"channel": "replay"},
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_an_altered_decision_finishes_no_case(opened, durable_store, decided, intruder, change):
    review_id = decided.open_review.review_id
    verdict = json.loads(intruder.row(review_id)["verdict"])
    intruder.change(review_id, verdict=json.dumps(change(verdict)))

    refuses_to_finish(opened(durable_store), decided.case_id, "its seal does not match the row")


@pytest.mark.parametrize(
    "columns",
    [{"role": "senior_manager"}, {"domain": "finance"}, {"version": 3}, {"opened_at": "2025-01-10T08:00:00.000000Z"}],
    ids=lambda columns: next(iter(columns)),
)
def test_a_row_with_an_altered_column_finishes_no_case(opened, durable_store, decided, intruder, columns):
    intruder.change(decided.open_review.review_id, **columns)

    refuses_to_finish(opened(durable_store), decided.case_id, "its seal does not match the row")


def test_a_decision_on_other_content_finishes_no_case(opened, durable_store, decided, intruder):
    review_id = decided.open_review.review_id
    shown = json.loads(intruder.row(review_id)["shown"])
    shown["routing"]["output"]["agent_output"]["predicted_label"] = "Pay every claim"
    intruder.change(review_id, shown=json.dumps(shown))

    refuses_to_finish(opened(durable_store), decided.case_id, "its seal does not match the row")


@pytest.mark.parametrize("with_texts", [True, False])
def test_a_decision_copied_from_another_case_finishes_no_case(opened, durable_store, waits, intruder, with_texts):
    with opened(durable_store) as hitl:
        victim = waits(hitl, "victim")
        donor = waits(hitl, "donor")
        decide_and_stop(hitl, a_review("approve", "ana"), task_id="donor")
    given = intruder.row(donor.open_review.review_id)
    columns = ("status", "version", "verdict", "seal", *(("shown", "digest") if with_texts else ()))
    intruder.change(victim.open_review.review_id, **{name: given[name] for name in columns})
    intruder.move(victim.case_id, "decided")

    hitl = opened(durable_store)
    with pytest.raises(RecoveryIncomplete):
        hitl.recover()

    assert [record.case_id for record in hitl.audit.records()] == [donor.case_id]
    assert len(alarms(hitl, victim.case_id)) == 1
    assert alarms(hitl, donor.case_id) == []


def test_a_reverted_decision_cannot_be_repeated(opened, durable_store, case, intruder):
    before = intruder.row(case.open_review.review_id)
    with opened(durable_store) as hitl:
        decide_and_stop(hitl, a_review("reject", "ana"), task_id="task-1")
    intruder.change(before.pop("review_id"), **before)
    intruder.move(case.case_id, "waiting")

    hitl = opened(durable_store)
    for _ in range(2):
        with pytest.raises(TamperedReview, match="the row has none"):
            hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert (list(hitl.audit.records()), len(alarms(hitl, case.case_id))) == ([], 1)


def test_a_decision_without_a_ledger_entry_finishes_no_case(opened, durable_store, decided, intruder):
    intruder.disarm()
    intruder.run("DELETE FROM events WHERE kind = 'decided'")

    hitl = opened(durable_store)
    with pytest.raises(RecoveryIncomplete, match="the ledger records another answer to it, or none"):
        hitl.recover()
    assert (hitl.cases.get(decided.case_id).stage, list(hitl.audit.records())) == ("decided", [])
    with pytest.raises(LedgerDamaged, match="is not the last entry of the last signed head"):
        hitl.close()


@pytest.mark.parametrize("column", ["role", "shown"])
def test_an_altered_open_review_accepts_no_decision(opened, durable_store, waits, intruder, column):
    """Lowered to a role that an accomplice holds, or dressed up as something harmless."""
    with opened(durable_store) as hitl:
        case = waits(hitl, risk="high")
    shown = json.loads(intruder.row(case.open_review.review_id)["shown"])
    shown["role"] = "domain_reviewer"
    shown["task"]["risk_level"] = shown["routing"]["risk_level"] = "low"
    change = {"role": "domain_reviewer"} if column == "role" else {"shown": json.dumps(shown)}
    intruder.change(case.open_review.review_id, **change)

    hitl = opened(durable_store)
    with pytest.raises(TamperedReview):
        hitl.decide(task_id="task-1", decision=a_review("approve", "two"))

    assert hitl.cases.get(task_id="task-1").status == "waiting"
    assert len(alarms(hitl, case.case_id)) == 1


def test_a_forged_answer_gets_no_receipt(opened, durable_store, case, intruder):
    intruder.change(case.open_review.review_id, **SHUT, seal="x")
    intruder.move(case.case_id, "decided")

    with pytest.raises(TamperedReview):
        opened(durable_store).decide(task_id="task-1", decision=a_review("approve", "zoe"))


def test_a_forged_escalation_accepts_no_decision(opened, durable_store, case, intruder):
    row = intruder.row(case.open_review.review_id)
    intruder.change(row["review_id"], status="escalated", version=2, verdict=json.dumps(VERDICT))
    above = row | {"review_id": f"{case.case_id}.1", "level": 1, "role": "domain_reviewer"}
    intruder.run(f"INSERT INTO reviews VALUES ({', '.join('?' * len(above))})", *above.values())

    hitl = opened(durable_store)
    with pytest.raises(TamperedReview):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert list(hitl.audit.records()) == []


def test_a_forged_stage_has_no_outcome(opened, durable_store, case, intruder):
    intruder.move(case.case_id, "finished")

    with pytest.raises(HitlError):
        opened(durable_store).cases.get(task_id="task-1")


OLD, NEW = new_key(), new_key()


def rotated_to(key, store):
    with LedgerAudit(store, seal_key=[key, OLD]) as audit:
        audit.rotate_key()


def test_a_key_can_be_replaced_while_cases_wait(opened, durable_store, waits):
    with opened(sealed_under(durable_store, OLD), seal_key=OLD) as hitl:
        waits(hitl)
        waits(hitl, "task-2")
    rotated_to(NEW, durable_store)

    with opened(durable_store, seal_key=f"{NEW},{OLD}") as hitl:
        assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"
        waits(hitl, "task-3")

    with pytest.raises(UnknownLedgerKey, match="is not configured here; add that key to HITL_SEAL_KEY"):
        opened(durable_store, seal_key=NEW)


def test_a_function_can_seal_instead_of_a_key(opened, durable_store, waits):
    asked = []

    def kms(message: bytes) -> bytes:
        asked.append(message)
        return hmac_under(bytes.fromhex(OLD))(message)

    with opened(sealed_under(durable_store, OLD), seal_key=kms) as hitl:
        waits(hitl)
        assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"
    assert asked
    rotated_to(NEW, durable_store)

    with opened(durable_store, seal_key=[NEW, OLD]) as hitl:
        services_of(hitl).ledger.verified_review(f"{hitl.cases.get(task_id='task-1').case_id}.0")


def test_the_ledger_records_the_seal_of_every_request_and_answer(hitl, waits):
    case = waits(hitl)
    hitl.decide(task_id="task-1", decision=a_review("escalate", "ana"))
    hitl.decide(task_id="task-1", decision=a_review("approve", "max"))

    reported = [
        event.body["seal"] for event in hitl.cases.history(task_id="task-1") if event.kind in ("escalated", "decided")
    ]
    assert reported == [row.seal for row in hitl.cases.get(task_id="task-1").reviews]
    assert len(set(reported)) == 2
    assert case.open_review.seal not in reported


def test_a_forged_submission_or_routing_in_the_state_approves_nothing(hitl):
    """The person who may call the graph hands it another task, or surer facts, under the id of a case that came in."""
    accepted = hitl.cases.enqueue(a_task(), an_output(confidence=0.5))
    graph, thread = services_of(hitl).runner.graph, services_of(hitl).runner.thread(accepted.case_id)
    surer = accepted.submission.model_copy(update={"output": an_output(confidence=0.99)})

    with pytest.raises(HitlError, match="its submission is not the one that the ledger holds"):
        graph.invoke(services_of(hitl).runner.input(surer), thread)

    assert (hitl.cases.get(task_id="task-1").status, list(hitl.audit.records())) == ("received", [])
    assert len(alarms(hitl, accepted.case_id)) == 1


def surest(hitl, accepted) -> dict[str, Any]:
    """A whole state in which the case of a doubtful output goes ahead by itself."""
    sure = hitl.submit(a_task("sure"), an_output("sure", confidence=0.99)).record
    decision = {name: getattr(sure, name) for name in ("rule_id", "reason", "policy_id", "policy_hash")}
    output = an_output(confidence=0.99).model_dump(mode="json")
    return services_of(hitl).runner.input(accepted.submission) | {
        "classification": {"risk_level": "low", "output": output},
        "score": {"confidence": 0.99, "source": "reported"},
        "decision": {"action": "auto_approve", "assigned_human_role": None, **decision},
    }


@pytest.mark.parametrize("way", ["stored", "goto"])
def test_a_raised_confidence_in_the_state_approves_nothing(hitl, way):
    from langgraph.types import Command  # noqa: PLC0415

    accepted = hitl.cases.enqueue(a_task(), an_output(confidence=0.5))
    graph, thread = services_of(hitl).runner.graph, services_of(hitl).runner.thread(accepted.case_id)
    state = surest(hitl, accepted)
    given: Any = Command(goto="finalize", update=state)
    if way == "stored":
        graph.update_state(thread, state, as_node="route")
        given = None

    with pytest.raises(IncompleteOutcome):
        graph.invoke(given, thread)

    assert hitl.cases.get(task_id="task-1").status == "received"
    assert len(alarms(hitl, accepted.case_id)) == 1
    assert [case.status for case in hitl.recover()] == ["waiting"]


def test_a_forged_state_opens_no_review(hitl):
    accepted = hitl.cases.enqueue(a_task(risk_level="high"), an_output(confidence=0.5))
    graph, thread = services_of(hitl).runner.graph, services_of(hitl).runner.thread(accepted.case_id)
    harmless = surest(hitl, accepted)
    harmless["decision"] |= {"action": "human_review", "assigned_human_role": "domain_reviewer"}
    graph.update_state(thread, harmless, as_node="route")

    with pytest.raises(HitlError, match="no review of it was opened"):
        graph.invoke(None, thread)

    assert list(hitl.inbox()) == []
    assert len(alarms(hitl, accepted.case_id)) == 1
    assert [case.open_review.role for case in hitl.recover()] == ["senior_manager"]
