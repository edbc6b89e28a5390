"""The facade itself: its names, its representation, its warnings and its log."""

import gc
import logging

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

import hitl_orchestrator
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, UnknownCase
from hitl_orchestrator.orchestrator.facade import Orchestrator as Facade
from hitl_orchestrator.review.view import AGENT_FIELDS


def test_the_facade_has_few_verbs_and_namespaces(hitl):
    names = {name for name in dir(hitl) if not name.startswith("_")}

    verbs = {"open", "submit", "submit_many", "ask", "inbox", "decide", "wait", "decided_since"}
    verbs |= {"recover", "run_maintenance", "close"}
    spaces = {"acting_as", "cases", "reviews", "executions", "policy", "people", "audit", "insights", "resumers"}
    assert names == verbs | spaces


def test_public_names_belong_to_the_package():
    assert Orchestrator is Facade
    assert Orchestrator.__module__ == "hitl_orchestrator"
    assert hitl_orchestrator.__version__


def test_the_representation_names_the_store_and_the_policy(hitl, store):
    active = services_of(hitl).registry.active.hash

    assert repr(hitl).startswith("<Orchestrator '")
    assert repr(hitl).endswith(f" policy={active[:6]!r}>")
    assert store.rpartition("/")[2] in repr(hitl)


def abandon_an_orchestrator():
    Orchestrator.open("memory://").acting_as("ana")
    gc.collect()


def test_an_orchestrator_that_is_not_closed_warns():
    with pytest.warns(ResourceWarning, match=r"unclosed orchestrator on memory://; call close\(\)"):
        abandon_an_orchestrator()


def test_a_case_is_named_by_its_own_id_or_by_its_task(hitl, waits):
    case = waits(hitl)

    assert hitl.cases.get(case.case_id) == hitl.cases.get(task_id="task-1") == case
    for wrong in ({"case_id": "task-1"}, {"task_id": case.case_id}):
        with pytest.raises(UnknownCase):
            hitl.cases.get(**wrong)
    for wrong in ({}, {"case_id": case.case_id, "task_id": "task-1"}):
        with pytest.raises(InvalidInput, match="exactly one"):
            hitl.cases.get(**wrong)


def test_a_bound_view_acts_for_its_reviewer_over_its_channel(hitl, waits):
    case = waits(hitl)
    bound = hitl.acting_as("ana", channel="web")

    with pytest.raises(NotAuthorized, match="reviewers act for themselves only"):
        bound.decide(case.case_id, "approve", reviewer="two")
    with pytest.raises(NotAuthorized, match="reviewers act for themselves only"):
        bound.decide(case.case_id, a_review("approve", "two"))
    record = bound.decide(case.case_id, "approve").record

    assert (record.reviewer_id, record.channel) == ("ana", "web")


def test_a_request_names_the_role_the_choices_and_the_approvals(team):
    hitl = team(approvals=2, blind=True)
    hitl.submit(a_task(), an_output())

    (request,) = hitl.inbox()

    assert (request.needed_role, request.approvals) == ("domain_reviewer", "0 of 2")
    assert "approve" in request.choices
    assert (request.proposal, request.hidden) == (None, AGENT_FIELDS)
    assert [each.review_id for each in hitl.inbox(reviewer="r1")] == [request.review_id]


def test_the_inbox_of_a_reviewer_lists_the_reviews_that_they_may_decide(hitl, waits):
    waits(hitl, "task-1")
    waits(hitl, "task-2", risk="high")

    assert [each.task_id for each in hitl.inbox(reviewer="ana")] == ["task-1"]
    assert hitl.inbox(reviewer="ben") == []
    with pytest.raises(NotAuthorized):
        hitl.inbox(reviewer="mallory")


def test_the_log_names_cases_and_events_and_no_contents(hitl, caplog):
    with caplog.at_level(logging.INFO, logger="hitl_orchestrator"):
        case = hitl.submit(a_task(task_description="a secret"), an_output(confidence=0.5, label="secret"))
        hitl.decide(case.case_id, "approve", reviewer="ana")

    events = [entry.event for entry in caplog.records if getattr(entry, "case_id", None) == case.case_id]
    assert events == ["submitted", "waiting", "approve", "finished"]
    assert "secret" not in caplog.text


@pytest.mark.parametrize("name", ["case_id", "task_id"])
def test_an_id_that_is_not_text_is_invalid_input(hitl, name):
    with pytest.raises(InvalidInput, match=rf"{name}: 5 is not text"):
        hitl.cases.get(**{name: 5})
