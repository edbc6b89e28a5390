"""Intake, review, decision and outcome of a case, as the ledger port promises them, on every store."""

import pytest
from support.builders import (
    AGENT,
    NINE,
    PERSON,
    a_routing,
    a_shown,
    a_submission,
    a_task,
    a_verdict,
    an_outcome,
    an_output,
    minutes,
)
from support.stores import open_rows

from hitl_orchestrator.domain.enums import CaseStage, DecisionSource, EventKind, ReviewStatus
from hitl_orchestrator.errors import (
    CaseChanged,
    IncompleteOutcome,
    ReviewAlreadyDecided,
    StaleReview,
    TaskConflict,
    UnknownCase,
)

AUTO = a_routing("auto_approve")


def kinds(ledger, case_id=None):
    return [event.kind.value for event in ledger.events(case_id)]


def waiting(ledger, case_id="case-1", at=NINE, **shown):
    """Take a case in and open its review."""
    task = a_task(f"task-of-{case_id}", **({"domain": shown.pop("domain")} if "domain" in shown else {}))
    ledger.receive(a_submission(case_id, task), AGENT)
    return ledger.open_review(a_shown(case_id, task=task, **shown), at)


def decided(ledger, case_id="case-1", decision="approve"):
    return ledger.decide(waiting(ledger, case_id), a_verdict(decision), PERSON)


# Intake.


def test_a_received_case_can_be_read(ledger):
    submission = a_submission("case-1")

    case = ledger.receive(submission, AGENT)

    assert (case.stage, case.submission, case.reviews, case.record) == (CaseStage.RECEIVED, submission, (), None)
    assert ledger.case("case-1") == case
    (event,) = ledger.events("case-1")
    assert (event.kind, event.actor, event.at) == (EventKind.SUBMITTED, AGENT, NINE)


def test_the_same_content_is_the_same_case_whatever_case_id_comes_with_it(ledger):
    first = ledger.receive(a_submission("case-1"), AGENT)

    again = ledger.receive(a_submission("case-2", received_at=minutes(5)), AGENT)

    assert again == first
    assert kinds(ledger) == ["submitted"]
    with pytest.raises(UnknownCase):
        ledger.case("case-2")


@pytest.mark.parametrize("resubmit", [True, False])
def test_the_same_content_is_the_same_case_even_as_a_resubmission(ledger, resubmit):
    ledger.receive(a_submission("case-1"), AGENT)

    assert ledger.receive(a_submission("case-2"), AGENT, resubmit=resubmit).case_id == "case-1"


def test_the_same_content_finds_the_case_as_it_stands_now(ledger):
    ledger.receive(a_submission("case-1"), AGENT)
    record = ledger.finish(an_outcome(a_submission("case-1")), AUTO, NINE)

    again = ledger.receive(a_submission("case-2"), AGENT)

    assert (again.stage, again.record) == (CaseStage.FINISHED, record)


@pytest.mark.parametrize(
    "other",
    [
        {"task": a_task(task_description="another")},
        {"task": a_task(metadata={"amount": 2})},
        {"output": an_output(confidence=0.91)},
        {"output": an_output(note="more")},
        {"output": None},
    ],
)
def test_other_content_is_rejected(ledger, other):
    ledger.receive(a_submission("case-1"), AGENT)

    with pytest.raises(TaskConflict, match="'task-1' was already submitted with other content as case 'case-1'"):
        ledger.receive(a_submission("case-2", **other), AGENT)

    assert kinds(ledger) == ["submitted"]


def test_other_content_becomes_the_next_attempt_on_request(ledger):
    ledger.receive(a_submission("case-1"), AGENT)

    second = ledger.receive(a_submission("case-2", output=an_output(confidence=0.5)), AGENT, resubmit=True)

    assert (second.case_id, second.submission.attempt) == ("case-2", 2)
    assert ledger.case("case-2") == second
    assert ledger.case("case-1").submission.attempt == 1


def test_a_submission_is_compared_with_the_latest_attempt_only(ledger):
    old, new = a_submission("case-1"), a_submission("case-2", output=None)
    ledger.receive(old, AGENT)
    ledger.receive(new, AGENT, resubmit=True)

    with pytest.raises(TaskConflict, match="case-2"):
        ledger.receive(old.model_copy(update={"case_id": "case-3"}), AGENT)
    third = ledger.receive(old.model_copy(update={"case_id": "case-3"}), AGENT, resubmit=True)

    assert (third.case_id, third.submission.attempt) == ("case-3", 3)


# Opening.


def test_opening_a_review_moves_the_case_to_waiting(ledger):
    shown = a_shown("case-1")
    ledger.receive(a_submission("case-1"), AGENT)

    row = ledger.open_review(shown, minutes(1))

    assert (row.status, row.version, row.verdict) == (ReviewStatus.OPEN, 1, None)
    assert (row.shown, row.digest, row.opened_at) == (shown, shown.digest, minutes(1))
    assert (row.role, row.domain, row.level) == ("domain_reviewer", "customer_support", 0)
    assert ledger.case("case-1").stage is CaseStage.WAITING
    assert ledger.case("case-1").open_review == row
    assert kinds(ledger) == ["submitted", "routed", "review_opened"]


def test_opening_is_idempotent(ledger):
    ledger.receive(a_submission("case-1"), AGENT)
    first = ledger.open_review(a_shown("case-1"), NINE)

    again = ledger.open_review(a_shown("case-1", role="senior_manager"), minutes(1))

    assert again == first
    assert kinds(ledger) == ["submitted", "routed", "review_opened"]


def test_opening_after_an_escalation_returns_the_latest_review(ledger):
    row = waiting(ledger)
    ledger.decide(row, a_verdict("escalate"), PERSON, a_shown(level=1, role="senior_manager"))

    again = ledger.open_review(a_shown("case-1"), NINE)

    assert (again.review_id, again.level, again.role) == ("case-1.1", 1, "senior_manager")


def test_no_review_is_opened_for_a_finished_case(ledger):
    ledger.receive(a_submission("case-1"), AGENT)
    ledger.finish(an_outcome(a_submission("case-1")), AUTO, NINE)

    with pytest.raises(CaseChanged, match="'case-1' was moved to 'finished'"):
        ledger.open_review(a_shown("case-1"), NINE)

    assert ledger.latest_review("case-1") is None


def test_no_review_is_opened_for_an_unknown_case(ledger):
    with pytest.raises(UnknownCase):
        ledger.open_review(a_shown("unknown"), NINE)

    assert (kinds(ledger), open_rows(ledger)) == ([], [])


# Deciding.


@pytest.mark.parametrize("decision", ["approve", "reject", "modify", "override"])
def test_a_final_verdict_moves_the_case_to_decided(ledger, decision):
    row = waiting(ledger)
    verdict = a_verdict(decision)

    receipt = ledger.decide(row, verdict, PERSON)

    assert (receipt.status, receipt.version, receipt.verdict) == (ReviewStatus.DECIDED, 2, verdict)
    assert ledger.latest_review("case-1") == receipt
    assert ledger.case("case-1").stage is CaseStage.DECIDED
    assert ledger.case("case-1").open_review is None
    assert kinds(ledger)[-1] == "decided"
    assert list(ledger.events())[-1].actor == PERSON


def test_repeating_an_answer_returns_the_same_receipt(ledger):
    row = waiting(ledger)
    receipt = ledger.decide(row, a_verdict(at=minutes(1)), PERSON)

    again = ledger.decide(row, a_verdict(at=minutes(9)), PERSON)

    assert again == receipt
    assert again.verdict.decided_at == minutes(1)
    assert kinds(ledger).count("decided") == 1


@pytest.mark.parametrize(
    "other",
    [
        a_verdict("reject"),
        a_verdict("approve", reviewer="ben"),
        a_verdict("approve", human_feedback="but"),
        a_verdict("approve", reason="because"),
        a_verdict("approve", confidence_assessment="low"),
        a_verdict("modify"),
    ],
)
def test_another_answer_is_rejected_with_the_recorded_one(ledger, other):
    row = waiting(ledger)
    receipt = ledger.decide(row, a_verdict(at=minutes(1)), PERSON)

    with pytest.raises(ReviewAlreadyDecided, match="by 'ana': approve at 2025-01-10T09:01:00") as refusal:
        ledger.decide(row, other, PERSON)

    assert (refusal.value.reviewer, refusal.value.decision, refusal.value.decided_at) == ("ana", "approve", minutes(1))
    assert ledger.latest_review("case-1") == receipt
    assert kinds(ledger).count("decided") == 1


@pytest.mark.parametrize("seen", [{"version": 2}, {"version": 0}, {"digest": "f" * 64}])
def test_a_verdict_on_an_outdated_review_is_stale(ledger, seen):
    row = waiting(ledger)

    with pytest.raises(StaleReview, match="read the case again"):
        ledger.decide(row.model_copy(update=seen), a_verdict(), PERSON)

    assert ledger.latest_review("case-1") == row
    assert kinds(ledger) == ["submitted", "routed", "review_opened"]


def test_an_escalation_opens_the_next_review_in_the_same_transaction(ledger):
    row = waiting(ledger)
    above = a_shown("case-1", level=1, role="senior_manager", passed_up_because="beyond me")

    receipt = ledger.decide(row, a_verdict("escalate", at=minutes(3)), PERSON, above)

    case = ledger.case("case-1")
    assert receipt.status is ReviewStatus.ESCALATED
    assert case.stage is CaseStage.WAITING
    assert case.reviews[0] == receipt
    assert (case.open_review.shown, case.open_review.opened_at) == (above, minutes(3))
    assert ledger.latest_review("case-1") == case.open_review
    assert kinds(ledger)[-2:] == ["escalated", "review_opened"]


def test_a_rejected_escalation_opens_no_review(ledger):
    row = waiting(ledger)
    ledger.decide(row, a_verdict(), PERSON)
    before = list(ledger.events())

    with pytest.raises(ReviewAlreadyDecided):
        ledger.decide(row, a_verdict("escalate"), PERSON, a_shown("case-1", level=1))

    assert len(ledger.case("case-1").reviews) == 1
    assert list(ledger.events()) == before


def test_an_escalated_review_accepts_no_answer(ledger):
    row = waiting(ledger)
    ledger.decide(row, a_verdict("escalate"), PERSON, a_shown("case-1", level=1))

    with pytest.raises(ReviewAlreadyDecided, match="escalate"):
        ledger.decide(row, a_verdict("approve"), PERSON)

    assert ledger.case("case-1").stage is CaseStage.WAITING


# Finishing.


def test_a_case_without_a_review_finishes_with_its_routing(ledger):
    ledger.receive(a_submission("case-1"), AGENT)
    record = an_outcome(a_submission("case-1"))

    assert ledger.finish(record, AUTO, minutes(1)) == record

    assert ledger.case("case-1").stage is CaseStage.FINISHED
    assert ledger.case("case-1").record == record
    assert kinds(ledger) == ["submitted", "routed", "finished"]
    assert AUTO.model_dump(mode="json") == list(ledger.events())[1].body


def test_a_decided_case_finishes_without_a_second_routing(ledger):
    row = decided(ledger)

    ledger.finish(an_outcome(ledger.case("case-1").submission, row), a_routing(), NINE)

    assert kinds(ledger) == ["submitted", "routed", "review_opened", "decided", "resumed", "finished"]


@pytest.mark.parametrize("reviewed", [True, False])
def test_finishing_again_returns_the_recorded_outcome(ledger, reviewed):
    row = decided(ledger) if reviewed else None
    submission = ledger.case("case-1").submission if reviewed else ledger.receive(a_submission(), AGENT).submission
    record = ledger.finish(an_outcome(submission, row), AUTO, NINE)
    other = record.model_copy(update={"reason": "another", "latency_seconds": 9.0})

    assert ledger.finish(other, AUTO, minutes(9)) == record

    assert kinds(ledger).count("finished") == 1
    assert list(ledger.records()) == [record]


def test_a_human_outcome_requires_a_human_verdict(ledger):
    ledger.receive(a_submission("case-1"), AGENT)
    claimed = an_outcome(a_submission("case-1")).model_copy(update={"human_involved": True, "decision_source": "human"})

    with pytest.raises(IncompleteOutcome, match="no reviewer's decision is recorded"):
        ledger.finish(claimed, AUTO, NINE)

    assert kinds(ledger) == ["submitted"]


@pytest.mark.parametrize("source", list(DecisionSource))
def test_a_waiting_case_cannot_finish(ledger, source):
    row = waiting(ledger)
    claimed = an_outcome(ledger.case("case-1").submission).model_copy(update={"decision_source": source})

    with pytest.raises(IncompleteOutcome, match="'case-1' cannot be finished"):
        ledger.finish(claimed, AUTO, NINE)

    assert ledger.latest_review("case-1") == row
    assert list(ledger.records()) == []


def test_an_escalation_is_no_final_verdict(ledger):
    ledger.decide(waiting(ledger), a_verdict("escalate"), PERSON, a_shown("case-1", level=1))
    claimed = an_outcome(ledger.case("case-1").submission).model_copy(
        update={"human_involved": True, "decision_source": "human"}
    )

    with pytest.raises(IncompleteOutcome):
        ledger.finish(claimed, AUTO, NINE)


def test_a_decided_case_cannot_finish_with_an_agent_outcome(ledger):
    decided(ledger, decision="reject")
    claimed = an_outcome(ledger.case("case-1").submission)

    with pytest.raises(IncompleteOutcome):
        ledger.finish(claimed, AUTO, NINE)


@pytest.mark.parametrize("source", list(DecisionSource))
def test_an_unknown_case_cannot_finish(ledger, source):
    claimed = an_outcome(a_submission("unknown")).model_copy(update={"decision_source": source})

    with pytest.raises(IncompleteOutcome, match="'unknown' cannot be finished"):
        ledger.finish(claimed, AUTO, NINE)

    assert kinds(ledger) == []
