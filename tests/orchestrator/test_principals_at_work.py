"""Principals at work: lists show what they reach, and entries record who ordered what."""

import pytest
from support.builders import a_task, an_output
from support.policy_changes import checked
from support.principals import ELSEWHERE, HERE, PEOPLE, WHO, principal

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.principal import PrincipalKind
from hitl_orchestrator.errors import NotAuthorized, UnknownCase


def test_lists_show_only_what_the_principal_reaches(opened, durable_store):
    hitl = opened(durable_store, reviewers=PEOPLE)
    for task_id, domain, by in (("a", HERE, "bot"), ("b", ELSEWHERE, "bot"), ("c", ELSEWHERE, "ana"), ("d", HERE, "x")):
        hitl.submit(a_task(task_id, domain=domain), an_output(task_id, confidence=0.95), submitted_by=by)
        hitl.submit(a_task(f"open-{task_id}", domain=domain), an_output(f"open-{task_id}", confidence=0.1))
    hitl = {who: hitl.acting_as(principal=named) for who, named in WHO.items()}

    seen = {who: {record.task_id for record in hitl[who].audit.records()} for who in ("agent", "ana", "auditor")}

    assert seen == {"agent": {"a", "b"}, "ana": {"a", "c", "d"}, "auditor": {"a", "b", "c", "d"}}
    assert {request.task_id for request in hitl["ana"].inbox()} == {"open-a", "open-d"}
    assert len(hitl["auditor"].inbox()) == 4


def test_insights_cover_only_what_the_principal_reaches(opened, durable_store):
    pytest.importorskip("polars")
    hitl = opened(durable_store, reviewers=PEOPLE)
    for task_id, domain, by in (("a", HERE, "bot"), ("b", ELSEWHERE, "bot"), ("c", ELSEWHERE, "ana"), ("d", HERE, "x")):
        hitl.submit(a_task(task_id, domain=domain), an_output(task_id, confidence=0.95), submitted_by=by)
        hitl.submit(a_task(f"open-{task_id}", domain=domain), an_output(f"open-{task_id}", confidence=0.1))
    hitl = {who: hitl.acting_as(principal=named) for who, named in WHO.items()}
    reading = ("agent", "ana", "auditor", "operator")

    seen = {who: set(hitl[who].insights.frame()["task_id"]) for who in reading}
    counted = {who: hitl[who].insights.metrics().cases for who in reading}

    everything = {"a", "b", "c", "d"}
    assert seen == {"agent": {"a", "b"}, "ana": {"a", "c", "d"}, "auditor": everything, "operator": everything}
    assert {who: (each.decided, each.open) for who, each in counted.items()} == {
        "agent": (2, 0),
        "ana": (3, 2),
        "auditor": (4, 4),
        "operator": (4, 4),
    }
    with pytest.raises(NotAuthorized):
        hitl["system"].insights.frame()


def test_a_principal_acts_under_its_own_name_only(opened, store):
    hitl = opened(store, reviewers=PEOPLE)
    ana, bot = (hitl.acting_as(channel="web", principal=WHO[who]) for who in ("ana", "agent"))
    case = bot.submit(a_task(), an_output(confidence=0.1))

    assert case.submission.submitted_by == "bot"
    with pytest.raises(NotAuthorized, match="states 'ana' as the submitter"):
        bot.submit(a_task("task-2"), an_output("task-2"), submitted_by="ana")
    for another in (lambda: ana.inbox(reviewer="max"), lambda: bot.reviews.claim(case.case_id, reviewer="ana")):
        with pytest.raises(NotAuthorized, match="reviewers act for themselves only"):
            another()
    with pytest.raises(NotAuthorized, match="reviewers act for themselves only"):
        hitl.acting_as("max", principal=WHO["ana"])
    decided = ana.acting_as(channel="web").decide(case.case_id, "approve")
    assert (decided.record.reviewer_id, decided.record.authenticated) == ("ana", "authenticated")
    [event] = [event for event in hitl.cases.history(case.case_id) if event.kind == "decided"]
    assert (event.actor.id, event.actor.authenticated, event.actor.os_user) == ("ana", "authenticated", None)


def test_the_submitter_of_a_case_may_cancel_it_and_others_learn_nothing(opened, store):
    hitl = opened(store, reviewers=PEOPLE)
    bot = hitl.acting_as(principal=WHO["agent"])
    case = bot.submit(a_task(), an_output(confidence=0.1))
    other = hitl.acting_as(principal=principal(PrincipalKind.AGENT, subject="other-bot"))

    with pytest.raises(UnknownCase):
        other.cases.cancel(case.case_id, reason="mine now")

    assert bot.cases.cancel(case.case_id, reason="no longer wanted").status == "canceled"


def test_quality_checks_assignments_and_replays_record_who_ordered_them(opened, store):
    hitl = opened(store, reviewers=PEOPLE, policy=checked(0))
    for call in (
        lambda: hitl.reviews.add_gold_case(a_task(), an_output(confidence=0.1), HumanDecision.REJECT, reviewer="ana"),
        lambda: hitl.reviews.assign(reviewer="ana"),
        lambda: hitl.acting_as("ana").submit(a_task(), an_output(), replay=True),
    ):
        with pytest.raises(NotAuthorized, match=r"it takes 'senior_manager' or a role above it, .* ask max or zoe"):
            call()

    gold = hitl.reviews.add_gold_case(a_task(), an_output(confidence=0.1), HumanDecision.REJECT, reviewer="max")
    assert [each.to for each in hitl.reviews.assign(reviewer="zoe")] == ["ana"]

    submitted, *_, claimed = hitl.cases.history(gold.case_id)
    assert (submitted.actor.id, submitted.actor.kind) == ("max", "human")
    assert (claimed.actor.id, claimed.body["for"]) == ("zoe", "ana")
