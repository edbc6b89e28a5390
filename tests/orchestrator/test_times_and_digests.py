"""When a decision counts, what it signs, and which cases take recorded answers."""

import pytest
from support.builders import a_review, a_task, an_output, minutes

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.errors import NotAuthorized, StaleReview


def test_a_live_decision_is_timed_by_our_clock(hitl, waits, clock):
    waits(hitl)
    clock.tick(300)

    case = hitl.decide(task_id="task-1", decision=a_review("approve", "ana", timestamp=minutes(-1000)))

    assert (case.record.timestamp, case.record.latency_seconds) == (minutes(5), 300)
    assert case.reviews[0].verdict.decided_at == minutes(5)
    assert case.reviews[0].verdict.review.timestamp == minutes(-1000)
    assert hitl.cases.history(task_id="task-1")[3].at == minutes(5)


def test_a_decision_on_other_content_than_shown_is_rejected(hitl, waits):
    waits(hitl)
    hitl.decide(task_id="task-1", decision=a_review("escalate", "ana"))
    below, shown = hitl.cases.get(task_id="task-1").reviews

    with pytest.raises(StaleReview, match="read the case again"):
        hitl.decide(task_id="task-1", decision=a_review("approve", "max", shown_digest=below.digest))
    assert hitl.cases.get(task_id="task-1").open_review == shown

    assert (
        hitl.decide(task_id="task-1", decision=a_review("approve", "max", shown_digest=shown.digest)).status
        == "approved"
    )


def test_every_decision_carries_the_digest_of_the_shown_content(hitl, waits):
    case = waits(hitl)

    decided = hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert decided.reviews[0].verdict.review.shown_digest == case.open_review.shown.digest
    body = hitl.cases.history(task_id="task-1")[3].body
    assert body["digest"] == body["verdict"]["review"]["shown_digest"] == case.open_review.digest


def replayed(hitl, **task):
    return hitl.acting_as("max").submit(a_task(**task), an_output(confidence=0.5), replay=True)


def test_a_recorded_decision_keeps_its_own_time(hitl, clock):
    replayed(hitl)
    clock.tick(10_000)

    case = hitl.acting_as("max").cases.replay(
        a_review("approve", None, human_role="domain_reviewer", timestamp=minutes(7)), task_id="task-1"
    )

    assert (case.record.timestamp, case.record.latency_seconds) == (minutes(7), 420)
    assert (case.record.reviewer_id, case.record.human_role) == (None, "domain_reviewer")
    assert hitl.cases.history(task_id="task-1")[3].actor.kind == "record"


def test_the_latency_of_an_auto_approved_replay_is_that_of_its_run(hitl):
    case = hitl.acting_as("max").submit(a_task(timestamp=minutes(-60)), an_output(), replay=True)

    assert (case.record.timestamp, case.record.latency_seconds) == (minutes(-60), 0)


def test_a_live_case_accepts_no_recorded_decision(hitl, waits):
    waits(hitl)

    with pytest.raises(InvalidInput, match="was submitted live; a reviewer decides it"):
        hitl.acting_as("max").cases.replay(a_review("approve", None, timestamp=minutes(7)), task_id="task-1")

    assert hitl.cases.get(task_id="task-1").status == "waiting"


@pytest.mark.parametrize(
    ("recorded", "error", "match"),
    [
        (a_review("approve", None), InvalidInput, "required in a recorded review: the time of the decision"),
        (a_review("approve", None, timestamp=minutes(-1)), InvalidInput, "lies before the task"),
        (a_review("approve", None, timestamp=minutes(1), task_id="task-2"), InvalidInput, "'task-2' is another task"),
        (a_review("override", None, timestamp=minutes(1), reason=""), InvalidInput, "override needs a reason"),
        (a_review("approve", "ben", timestamp=minutes(1)), NotAuthorized, "their domains are finance"),
        (a_review("approve", "stranger", timestamp=minutes(1)), NotAuthorized, "no such reviewer"),
    ],
)
def test_a_record_that_does_not_fit_its_case_is_refused(hitl, recorded, error, match):
    replayed(hitl)

    with pytest.raises(error, match=match):
        hitl.acting_as("max").cases.replay(recorded, task_id="task-1")

    assert hitl.cases.get(task_id="task-1").status == "waiting"


def test_a_record_of_a_role_below_the_needed_one_is_refused(hitl):
    replayed(hitl, risk_level="high")

    with pytest.raises(InvalidInput, match="'domain_reviewer' is below 'senior_manager'"):
        hitl.acting_as("max").cases.replay(
            a_review("approve", None, human_role="domain_reviewer", timestamp=minutes(1)), task_id="task-1"
        )


def test_a_recorded_approval_without_a_proposal_is_rejected(hitl):
    hitl.acting_as("max").submit(a_task(), replay=True)

    with pytest.raises(InvalidInput, match="there is no proposal to approve"):
        hitl.acting_as("max").cases.replay(
            a_review("approve", None, human_role="domain_reviewer", timestamp=minutes(1)), task_id="task-1"
        )


def test_a_recorded_edit_without_an_output_has_no_final_output(hitl):
    replayed(hitl)

    case = hitl.acting_as("max").cases.replay(
        a_review("modify", None, modified_output=None, timestamp=minutes(1)), task_id="task-1"
    )

    assert (case.record.final_decision, case.final_output) == ("modified_and_approved", None)


def test_equal_records_of_two_levels_escalate_twice(hitl):
    replayed(hitl)
    for role in ("domain_reviewer", "senior_manager", "senior_manager"):
        case = hitl.acting_as("max").cases.replay(
            a_review("escalate", None, human_role=role, timestamp=minutes(1)), task_id="task-1"
        )

    assert [row.role for row in case.reviews] == ["domain_reviewer", "senior_manager", "compliance_officer"]
