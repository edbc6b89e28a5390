"""Replay is evidence, never an order: a replayed case is marked, hands out no output, and no live verb reaches it."""

import pytest
from langgraph.types import Command
from support.builders import NINE, a_review, a_task, an_output, minutes
from support.internals import services_of
from support.teams import TEAM, a_policy

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, ReplayedCase, TaskConflict
from hitl_orchestrator.services.acting import RESERVED_CHANNELS

LIVE_VERBS = {
    "decide": lambda hitl, case: hitl.decide(case.case_id, "approve", reviewer="max"),
    "decide many": lambda hitl, case: hitl.reviews.decide_many([case.case_id], "approve", reviewer="max"),
    "claim": lambda hitl, case: hitl.reviews.claim(case.case_id, reviewer="max"),
    "take over": lambda hitl, case: hitl.reviews.claim(case.case_id, reviewer="max", take_over=True),
    "release": lambda hitl, case: hitl.reviews.release(case.case_id, reviewer="max"),
    "delegate": lambda hitl, case: hitl.reviews.delegate(case.case_id, reviewer="max", to="zoe"),
    "label": lambda hitl, case: hitl.reviews.label(case.case_id, reviewer="max", label="a label"),
    "cancel": lambda hitl, case: hitl.cases.cancel(case.case_id, submitted_by="bot", reason="no"),
    "submit live": lambda hitl, case: hitl.submit(a_task(), an_output(confidence=0.5), submitted_by="bot"),
    "resubmit live": lambda hitl, case: hitl.submit(
        a_task(task_description="other"), an_output(confidence=0.5), submitted_by="bot", resubmit=True
    ),
}


def replayed(hitl, task_id="task-1", confidence=0.5, *, who="max", by="bot", resubmit=False, **task):
    output = an_output(task_id, confidence=confidence)
    replaying = hitl.acting_as(who)
    return replaying.submit(a_task(task_id, **task), output, replay=True, submitted_by=by, resubmit=resubmit)


def record(hitl, case, *, reviewer=None, role=None, minute=1, who="max", **fields):
    recorded = a_review("approve", reviewer, human_role=role, timestamp=minutes(minute), **fields)
    return hitl.acting_as(who).cases.replay(recorded, case.case_id)


@pytest.fixture
def squad(opened, store):
    """Open the store with a team, under one rule."""
    return lambda **asking: opened(store, reviewers=TEAM, policy=a_policy(**asking))


def test_a_replayed_case_is_marked_and_hands_out_no_output(hitl):
    automatic, decided = replayed(hitl, "automatic", 0.95), record(hitl, replayed(hitl), reviewer="ana")

    for case in (automatic, decided):
        assert (case.status, case.final_output) == ("replayed", None)
        assert (case.record.replayed, case.record.final_decision, case.record.final_output) == (True, "approved", None)
        assert hitl.cases.get(case.case_id) == case
    assert decided.record.latency_seconds == 60
    assert decided.record.human_decision == "approve"


@pytest.mark.parametrize("stage", ["waiting", "finished"])
@pytest.mark.parametrize("verb", LIVE_VERBS)
def test_no_live_verb_reaches_a_replayed_case(opened, verb, stage):
    hitl = opened("memory://")
    case = replayed(hitl) if stage == "waiting" else record(hitl, replayed(hitl), reviewer="ana")
    before = hitl.cases.history(case.case_id)

    with pytest.raises(ReplayedCase, match=f"'{case.case_id}' repeats a record of the past and cannot be"):
        LIVE_VERBS[verb](hitl, case)

    assert hitl.cases.history(case.case_id) == before
    assert hitl.cases.get(case.case_id) == case


def test_the_queue_leaves_replayed_cases_out(hitl):
    replayed(hitl, "past")
    live = hitl.submit(a_task("live"), an_output("live", confidence=0.5))

    assert [row.task_id for row in hitl.inbox()] == ["live"]
    assert [row.task_id for row in hitl.inbox(limit=1)] == ["live"]
    assert [row.task_id for row in hitl.inbox(reviewer="ana")] == ["live"]
    assert [each.review.task_id for each in hitl.reviews.assign(reviewer="max")] == ["live"]
    hitl.decide(live.case_id, "approve", reviewer=hitl.inbox()[0].claimed_by)
    assert hitl.reviews.next(reviewer="max") is None


def test_a_view_of_a_replayed_case_offers_no_decision_and_records_nothing(hitl):
    case = replayed(hitl)

    view = hitl.reviews.view(case.case_id, reviewer="max")

    assert (view.choices, view.may_decide) == ((), ())
    assert "repeats a record of the past" in view.why_not
    assert EventKind.VIEWED not in {event.kind for event in hitl.cases.history(case.case_id)}


def test_no_deadline_decides_a_replayed_case(opened, store, clock):
    rule = {"respond_within": "PT1S", "on_timeout": "reject"}
    hitl = opened(store, reviewers=TEAM, policy=a_policy(**rule))

    case = replayed(hitl, who="s1")
    clock.tick(3600)

    assert (case.open_review.due_at, case.open_review.shown.on_timeout) == (None, None)
    assert hitl.run_maintenance() == []
    assert hitl.cases.get(case.case_id).status == "waiting"


def test_an_answer_sent_to_the_graph_decides_no_replayed_case(opened):
    hitl = opened("memory://")
    case = replayed(hitl)
    runner = services_of(hitl).runner
    answer = {"decision": a_review("approve", "max").model_dump(mode="json", exclude_none=True)}

    result = runner.graph.invoke(Command(resume=answer), runner.thread(case.case_id))

    assert "outcome" not in result
    assert hitl.cases.get(case.case_id) == case
    assert record(hitl, case, reviewer="ana").status == "replayed"


def test_a_live_case_takes_no_record(hitl):
    case = hitl.submit(a_task(), an_output(confidence=0.5), submitted_by="bot")

    with pytest.raises(InvalidInput, match="was submitted live"):
        record(hitl, case, reviewer="ana")
    with pytest.raises(TaskConflict, match="no record may replace it"):
        replayed(hitl, task_description="other", resubmit=True)
    with pytest.raises(InvalidInput, match="was submitted live"):
        record(hitl, replayed(hitl), reviewer="ana")

    assert hitl.cases.get(case.case_id) == case
    assert hitl.decide(case.case_id, "approve", reviewer="ana").final_output is not None


def test_a_record_of_one_submitter_leaves_the_task_of_another_alone(hitl):
    past = record(hitl, replayed(hitl, by="importer"), reviewer="ana")

    live = hitl.submit(a_task(), an_output(confidence=0.5), submitted_by="bot")

    assert (past.status, live.status) == ("replayed", "waiting")


@pytest.mark.parametrize("channel", [*sorted(RESERVED_CHANNELS), "Replay", " replay "])
def test_no_caller_chooses_a_channel_of_the_system(hitl, channel):
    with pytest.raises(InvalidInput, match="reserved for the system"):
        hitl.acting_as("ana", channel=channel)


def test_separation_of_duties_holds_for_records(hitl):
    case = replayed(hitl, by="bot", metadata={"requested_by": "Ana"})

    with pytest.raises(NotAuthorized, match="the task was requested by them"):
        record(hitl, case, reviewer="ana")

    assert record(hitl, case, reviewer="max").record.unchecked == ()


def test_a_record_without_a_reviewer_says_what_was_not_checked(hitl):
    case = record(hitl, replayed(hitl, metadata={"requested_by": "ana"}), role="domain_reviewer")

    assert case.record.unchecked == ("separation_of_duties",)


def test_a_quorum_holds_for_records(squad):
    hitl = squad(approvals=2)
    case = record(hitl, replayed(hitl, who="s1"), reviewer="r1", who="s1")

    assert (case.status, case.record) == ("waiting", None)
    with pytest.raises(NotAuthorized, match="they have answered this case already"):
        record(hitl, case, reviewer="r1b", minute=2, who="s1")
    done = record(hitl, case, reviewer="r2", minute=3, who="s1")

    assert (done.status, done.record.final_decision, done.record.unchecked) == ("replayed", "approved", ())
    assert [vote.reviewer_id for vote in done.record.votes] == ["r1", "r2"]
    assert hitl.audit.verify().sound


def test_a_quorum_of_records_without_reviewers_says_so(squad):
    hitl = squad(approvals=2)
    case = record(hitl, replayed(hitl, who="s1"), role="domain_reviewer", who="s1")
    assert case.status == "waiting"

    done = record(hitl, case, role="domain_reviewer", minute=2, who="s1")

    assert done.record.unchecked == ("separation_of_duties", "quorum")


def test_a_replayed_case_survives_in_the_ledger(opened, durable_store):
    hitl = opened(durable_store)
    case = record(hitl, replayed(hitl), reviewer="ana")
    hitl.close()

    again = opened(durable_store)

    assert again.audit.verify().sound
    assert next(again.audit.records()).final_output is None
    assert again.cases.get(case.case_id).submission.made_at == NINE
