"""A rejected decision is recorded once: the reviewer, the decision, the channel and the cause."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import NINE, a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import InvalidInput, RequestRejected
from hitl_orchestrator.errors import NotAuthorized, ReviewAlreadyDecided, StaleReview, StoreUnavailable
from hitl_orchestrator.ledger.events.builders import answer_digest


def refusals(hitl, given_id="task-1"):
    return [event for event in hitl.cases.history(task_id=given_id) if event.kind == "refused"]


def test_a_rejected_attempt_is_recorded_with_actor_channel_and_cause(hitl, waits):
    case = waits(hitl)
    answer = a_review("reject", "ben", human_feedback="mine")

    with pytest.raises(NotAuthorized) as refused:
        hitl.acting_as(channel="cli").decide(task_id="task-1", decision=answer)

    (event,) = refusals(hitl)
    assert event.case_id == case.case_id
    assert event.actor.model_dump(mode="json") == {
        "kind": "human",
        "id": "ben",
        "authenticated": "stated",
        "roles": ["domain_reviewer"],
        "channel": "cli",
        "os_user": None,
    }
    assert event.body.pop("key")
    assert event.body == {
        "review_id": case.open_review.review_id,
        "human_decision": "reject",
        "cause": "NotAuthorized",
        "why": str(refused.value),
        "answer": answer_digest(answer),
    }


def test_an_unknown_name_is_recorded_without_authentication(hitl, waits):
    waits(hitl)

    with pytest.raises(NotAuthorized):
        hitl.decide(task_id="task-1", decision=a_review("approve", "mallory"))

    (event,) = refusals(hitl)
    assert (event.actor.id, event.actor.authenticated, event.actor.roles) == ("mallory", "none", ())


def test_attempts_on_a_decided_review_are_recorded_with_their_cause(hitl, waits):
    waits(hitl)
    hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))

    with pytest.raises(ReviewAlreadyDecided):
        hitl.decide(task_id="task-1", decision=a_review("reject", "zoe"))

    (event,) = refusals(hitl)
    assert (event.body["cause"], event.actor.id) == ("ReviewAlreadyDecided", "zoe")


def test_a_decision_on_a_finished_case_is_recorded_as_rejected(hitl):
    hitl.submit(a_task(), an_output())

    with pytest.raises(RequestRejected):
        hitl.decide(task_id="task-1", decision=a_review("reject", "ana"))

    (event,) = refusals(hitl)
    assert (event.body["cause"], event.body["review_id"]) == ("CaseNotWaiting", None)


def test_an_unreadable_answer_is_not_recorded(hitl, waits):
    waits(hitl)

    with pytest.raises(InvalidInput):
        hitl.decide(task_id="task-1", decision=a_review("approve", None))

    assert refusals(hitl) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(st.from_regex(r"x[a-z]{1,8}", fullmatch=True), st.text("ab", max_size=5)), max_size=30))
def test_a_flood_of_unknown_actors_leaves_one_entry_per_decision(opened, waits, names):
    hitl = opened("memory://")
    waits(hitl)

    for name, feedback in names:
        for decision in ("approve", "reject"):
            with suppress(RequestRejected):
                hitl.decide(task_id="task-1", decision=a_review(decision, name, human_feedback=feedback))

    assert len(refusals(hitl)) == (2 if names else 0)


def test_each_cause_of_rejection_is_recorded_once(hitl, waits):
    waits(hitl)

    with pytest.raises(StaleReview):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana", shown_digest="0" * 64))
    hitl.decide(task_id="task-1", decision=a_review("reject", "ana"))
    with pytest.raises(ReviewAlreadyDecided):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert [event.body["cause"] for event in refusals(hitl)] == ["StaleReview", "ReviewAlreadyDecided"]


def test_an_unwritable_ledger_does_not_change_the_rejection(hitl, waits, monkeypatch):
    waits(hitl)

    def is_away(*given):
        raise StoreUnavailable("the store", "it is away")

    monkeypatch.setattr(services_of(hitl).ledger, "refuse", is_away)

    with pytest.raises(NotAuthorized, match="'ben' may not decide this"):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ben"))


def test_an_invalid_answer_to_the_graph_is_recorded(hitl, waits):
    case = waits(hitl)
    row = case.open_review

    services_of(hitl).ports.hear(row, a_review("approve", "mallory"))

    (event,) = refusals(hitl)
    assert (event.actor.channel, event.actor.id, event.body["cause"]) == ("graph", "mallory", "NotAuthorized")


def test_every_event_states_how_its_actor_was_authenticated(hitl, waits):
    waits(hitl)
    hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))
    hitl.acting_as("max").submit(a_task("task-2"), an_output("task-2", confidence=0.5), replay=True)
    hitl.acting_as("max").cases.replay(
        a_review("approve", None, human_role="domain_reviewer", task_id="task-2", timestamp=NINE), task_id="task-2"
    )

    known = {(event.kind.value, event.actor.authenticated.value) for event in services_of(hitl).ledger.events()}
    assert {how for kind, how in known if kind == "decided"} == {"stated", "recorded"}
    assert {how for kind, how in known if kind != "decided"} == {"none"}
