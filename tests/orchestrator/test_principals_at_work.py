"""Principals at work: lists show what they reach, and entries record who ordered what."""

import pytest
from support.builders import a_review, a_task, an_output
from support.policy_changes import checked
from support.principals import ELSEWHERE, HERE, PEOPLE, WHO, principal

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.principal import PrincipalKind
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, UnknownCase
from hitl_orchestrator.insights.metrics.model import StakeField


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


def test_who_may_decide_does_not_learn_from_insights_which_reviews_are_spot_checks(opened, durable_store):
    hitl = opened(durable_store, policy=checked(0.5), reviewers=PEOPLE)
    for number in range(12):
        hitl.submit(a_task(f"t{number}"), an_output(f"t{number}", confidence=0.9), submitted_by="bot")
    readers = {who: hitl.acting_as(principal=WHO[who]) for who in ("agent", "ana", "auditor", "boss of operations")}
    columns = ("is_drawn", "check_overturned", "review_probability", "looked_at", "look_weight")

    seen = {who: set(bound.insights.frame().select(columns).rows()) for who, bound in readers.items()}
    drawn = {row["case_id"] for row in readers["auditor"].insights.frame().rows(named=True) if row["is_drawn"]}

    assert 0 < len(drawn) < 12
    assert seen["auditor"] == {(is_drawn, None, 0.5, False, None) for is_drawn in (True, False)}
    assert [seen[who] for who in ("agent", "ana", "boss of operations")] == [{(False, None, 0.5, False, None)}] * 3
    records = {who: {each.drawn for each in readers[who].audit.records()} for who in ("agent", "ana", "auditor")}
    assert records == {"agent": {False}, "ana": {False}, "auditor": {True, False}}
    (one, *_) = drawn
    for who, is_shown in (("ana", False), ("auditor", True)):
        assert readers[who].cases.get(one).record.drawn is is_shown
        assert readers[who].cases.history(one)[-1].body["drawn"] is is_shown
    by_ana = readers["ana"].insights.metrics()
    assert (by_ana.automatic_errors.reviews, by_ana.cases.unanswered_checks) == (0, 0)
    before = readers["auditor"].insights.metrics().cases
    hitl.run_maintenance()
    after = readers["auditor"].insights.metrics().cases
    assert [(each.unanswered_checks, each.undecided) for each in (before, after)] == [(len(drawn), 0)] * 2
    assert (after.open, after.open_checks) == (len(drawn), len(drawn))

    readers["ana"].decide(readers["ana"].inbox()[0].case_id, a_review("approve", None))

    answered = readers["ana"].insights.frame().filter(is_drawn=True)
    assert answered.select("check_overturned", "review_probability").rows() == [(False, 0.5)]


def test_metrics_keep_the_policy_from_agents_and_the_quality_of_reviewers_from_their_peers(opened, durable_store):
    hitl = opened(durable_store, policy=checked(0), reviewers=PEOPLE)
    for number, person in enumerate(("ana", "max", "zoe")):
        hitl.submit(a_task(f"t{number}"), an_output(f"t{number}", confidence=0.1), submitted_by="bot")
        hitl.decide(task_id=f"t{number}", decision=a_review("approve", person))

    measured = {
        who: hitl.acting_as(principal=WHO[who]).insights.metrics() for who in ("agent", "ana", "max", "auditor")
    }

    everyone = {"ana", "max", "zoe"}
    assert {who: {each.reviewer for each in metrics.reviewers} for who, metrics in measured.items()} == {
        "agent": set(),
        "ana": {"ana"},
        "max": everyone,
        "auditor": everyone,
    }
    assert {who: (bool(metrics.rules), metrics.never_fired) for who, metrics in measured.items()} == {
        "agent": (False, ()),
        "ana": (True, ("sure",)),
        "max": (True, ("sure",)),
        "auditor": (True, ("sure",)),
    }
    assert {metrics.cases.decided for metrics in measured.values()} == {3}


def test_a_refused_stake_names_no_field_of_the_cases_of_others(opened, durable_store):
    hitl = opened(durable_store, reviewers=PEOPLE)
    for by in ("bot", "another"):
        hitl.submit(a_task(by, metadata={f"of_{by}": 5}), an_output(by, confidence=0.95), submitted_by=by)

    with pytest.raises(InvalidInput) as refused:
        hitl.acting_as(principal=WHO["agent"]).insights.metrics(stake=StakeField(field="amount"))

    assert ("of_bot" in str(refused.value), "of_another" in str(refused.value)) == (True, False)


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
