"""Activation, rollback, canary and shadow of a policy: the rights, the second person, and atomicity."""

from decimal import Decimal
from fractions import Fraction
from itertools import count
from operator import attrgetter

import pytest
from support.builders import AGENT, a_review, a_task, an_output
from support.internals import services_of
from support.policy_changes import ASKS_ALWAYS, BY_MAX, LOOSE, STRICT, USUAL, goes_ahead, hash_of, kinds, submitted

from hitl_orchestrator.domain.enums import PolicyChange
from hitl_orchestrator.errors import InvalidInput, NoPreviousPolicy, NotAuthorized, PolicyMismatch
from hitl_orchestrator.policies.lifecycle.history import in_canary
from hitl_orchestrator.services.acting import Acting


@pytest.fixture
def ruled(opened, store):
    """A store that the usual policy rules, since it was opened with it."""
    return ruling(opened(store, policy=USUAL))


@pytest.fixture
def in_memory(opened):
    """A fixture of wider scope for tests that use no store."""
    return ruling(opened("memory://", policy=USUAL))


def ruling(hitl):
    assert hitl.policy.activate(USUAL, **BY_MAX).in_force
    return hitl


def test_a_stricter_policy_is_active_at_once_and_recorded_with_its_author_and_reason(ruled):
    done = ruled.policy.activate(STRICT, **BY_MAX)

    assert (done.in_force, done.case) == (True, None)
    reported = ruled.policy.history()[-1]
    assert (reported.kind, reported.actor.id, reported.body["reason"]) == ("policy_activated", "max", "we agreed so")
    assert submitted(ruled, "task-1", 0.92).status == "waiting"
    assert ruled.audit.verify().sound


def test_a_looser_policy_waits_for_a_second_person_who_sees_the_loosened_regions(ruled):
    done = ruled.policy.activate(LOOSE, **BY_MAX)

    shown = done.case.open_review.shown
    assert (done.in_force, done.case.status, shown.role) == (False, "waiting", "senior_manager")
    assert shown.routing.decision.rule_id == "policy_change"
    assert "a confidence of 0.5" in shown.routing.output.agent_output.explanation
    assert submitted(ruled, "task-1", 0.6).status == "waiting"

    choices = {choice.decision: choice.does for choice in ruled.reviews.view(done.case.case_id, reviewer="zoe").choices}
    assert choices["approve"] == "the change of the policy is carried out"
    assert choices["modify"] == choices["override"] == "the policy stays unchanged"
    with pytest.raises(NotAuthorized, match="they submitted this case"):
        ruled.decide(done.case.case_id, a_review("approve", "max"))
    with pytest.raises(NotAuthorized, match="the case is in 'policy'"):
        ruled.decide(done.case.case_id, a_review("approve", "ana"))
    assert ruled.decide(done.case.case_id, a_review("approve", "two")).status == "approved"
    assert submitted(ruled, "task-2", 0.6).status == "approved"
    assert ruled.audit.verify().sound
    reported = ruled.policy.history()[-1].body
    assert (reported["by"], reported["approved_by"], reported["case_id"]) == ("max", "two", done.case.case_id)
    assert list(ruled.reviews.feedback()) == []


def test_the_case_of_a_looser_policy_says_what_its_check_and_the_past_cases_say(ruled):
    for confidence in (0.6, 0.7, 0.8, 0.95):
        submitted(ruled, f"task-{confidence}", confidence)
    warns = {**LOOSE, "rules": [{**LOOSE["rules"][0], "conditions": {"min_confidence": 0.5}}]}

    waits = ruled.policy.activate(warns, **BY_MAX).case

    shown = ruled.cases.get(waits.case_id).submission.output.agent_output.explanation
    assert "Its check reports 1 warning" in shown
    assert "- sure: " in shown
    assert "Of 4 past cases 3 would be routed differently, 3 of them looser: 25.0 % went ahead" in shown
    assert f"'hitl policy review {hash_of(warns)[:12]}' shows all of it" in shown


def test_activating_the_active_policy_changes_nothing(in_memory):
    before = kinds(in_memory)

    assert in_memory.policy.activate(USUAL, **BY_MAX).in_force
    assert kinds(in_memory) == before


def test_proposing_a_waiting_policy_again_returns_its_case(ruled):
    first = ruled.policy.activate(LOOSE, **BY_MAX).case.case_id

    assert ruled.policy.activate(LOOSE, reviewer="zoe", reason="I want it too").case.case_id == first


@pytest.mark.parametrize("answer", ["reject", "modify", "override"])
def test_only_an_approval_activates_a_proposed_policy(in_memory, answer):
    waits = in_memory.policy.activate(LOOSE, **BY_MAX).case

    in_memory.decide(waits.case_id, a_review(answer, "zoe"))

    assert kinds(in_memory)[-1] == "policy_declined"
    assert services_of(in_memory).registry.active.hash == hash_of(USUAL)
    assert not in_memory.policy.status().pending
    assert in_memory.audit.verify().sound


def test_a_proposer_may_withdraw_a_policy_change(ruled):
    waits = ruled.policy.activate(LOOSE, **BY_MAX).case

    ruled.cases.cancel(waits.case_id, submitted_by="max", reason="not yet")

    assert (kinds(ruled)[-1], ruled.policy.status().pending) == ("policy_declined", {})


def test_an_approval_covers_the_shown_change_and_lapses_with_the_compared_policy(ruled):
    waits = ruled.policy.activate(LOOSE, **BY_MAX).case
    ruled.policy.activate(STRICT, **BY_MAX)

    ruled.decide(waits.case_id, a_review("approve", "zoe"))

    assert services_of(ruled).registry.active.hash == hash_of(STRICT)
    assert "activated since" in ruled.policy.history()[-1].body["why"]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("stranger", "may not .*: there is no such reviewer"),
        ("ana", "in the domain 'policy' or in all .* they hold senior_manager in finance; ask max"),
        ("low", "it takes 'senior_manager' or a role above it, .* they hold domain_reviewer in all domains; ask max"),
    ],
)
def test_changing_the_policy_needs_the_second_role_of_the_chain(opened, who, why):
    people = [
        {"reviewer_id": "low", "name": "Low", "roles": ["domain_reviewer"]},
        {"reviewer_id": "ana", "name": "Ana", "roles": ["senior_manager"], "domains": ["finance"]},
        {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]},
    ]
    hitl = opened("memory://", reviewers=people, policy=ASKS_ALWAYS)

    with pytest.raises(NotAuthorized, match=why):
        hitl.policy.activate(ASKS_ALWAYS, reviewer=who, reason="r")
    hitl.policy.activate(ASKS_ALWAYS, **BY_MAX)
    with pytest.raises(
        NotAuthorized, match=r"may not change the policy: it is looser .* no second person holds 'senior_man"
    ):
        hitl.policy.activate(USUAL, **BY_MAX)


def test_a_policy_with_check_errors_is_rejected_with_every_error_alone(opened):
    hitl = opened("memory://")
    rules = [
        {"rule_id": "all", "priority": 1, "conditions": {}, "action": "human_review"},
        {"rule_id": "never", "priority": 2, "conditions": {"risk_level": "high"}, "action": "escalate"},
        {"rule_id": "nor_this", "priority": 3, "conditions": {"risk_level": "low"}, "action": "human_review"},
    ]

    with pytest.raises(InvalidInput) as refused:
        hitl.policy.activate({"policy_id": "bad", "rules": rules}, **BY_MAX)

    assert any("error: never" in problem for problem in refused.value.problems)
    assert not any("nor_this" in problem for problem in refused.value.problems)
    assert kinds(hitl) == ["policy_recorded"]


def test_a_policy_change_needs_a_reason(opened):
    hitl = opened("memory://")
    with pytest.raises(InvalidInput, match="state why the policy changes"):
        hitl.policy.activate(ASKS_ALWAYS, reviewer="max", reason="  ")


@pytest.mark.parametrize("door", ["submit", "cases.enqueue"])
def test_a_policy_change_cannot_be_submitted(in_memory, door):
    with pytest.raises(InvalidInput, match="is reserved for changes of the routing policy"):
        attrgetter(door)(in_memory)(a_task(task_type="policy_change"), an_output())


def test_a_policy_change_case_without_a_proposal_activates_nothing(ruled):
    real = ruled.policy.activate(LOOSE, **BY_MAX).case.submission
    task = real.task.model_copy(update={"task_id": "forged"})
    output = real.output.model_copy(update={"task_id": "forged"})
    forged = real.model_copy(update={"case_id": "forged-1", "task": task, "output": output, "submitted_by": None})
    services_of(ruled).ledger.receive(forged, AGENT)
    ruled.recover()

    assert ruled.decide(task_id="forged", decision=a_review("approve", "zoe")).status == "approved"
    assert services_of(ruled).registry.active.hash == hash_of(USUAL)


def test_a_rollback_goes_back_one_version_and_a_looser_one_needs_approval(ruled):
    ruled.policy.activate(STRICT, **BY_MAX)
    ruled.policy.activate(ASKS_ALWAYS, **BY_MAX)

    for back_to in (STRICT, USUAL):
        waits = ruled.policy.rollback(**BY_MAX).case
        ruled.decide(waits.case_id, a_review("approve", "zoe"))
        assert services_of(ruled).registry.active.hash == hash_of(back_to)
    with pytest.raises(NoPreviousPolicy, match="no version was in force before"):
        ruled.policy.rollback(**BY_MAX)
    assert ruled.policy.rollback(hash_of(STRICT)[:12], **BY_MAX).in_force
    with pytest.raises(NoPreviousPolicy, match="no such version"):
        ruled.policy.rollback("f00", **BY_MAX)
    assert ruled.audit.verify().sound


def test_a_store_with_an_activated_policy_accepts_no_other_on_open(opened, durable_store):
    with opened(durable_store, policy=USUAL) as hitl:
        submitted(hitl, "task-1", 0.95)
        hitl.policy.activate(ASKS_ALWAYS, **BY_MAX)

    with pytest.raises(PolicyMismatch, match="'hitl policy activate'"):
        opened(durable_store, policy=USUAL)
    with opened(durable_store, policy=ASKS_ALWAYS) as hitl:
        assert submitted(hitl, "task-2", 0.95).status == "waiting"
    with opened(durable_store) as hitl:
        assert hitl.policy.rollback(**BY_MAX).case.status == "waiting"


def test_a_running_process_applies_a_policy_activated_by_another(opened, durable_store):
    running, other = opened(durable_store, policy=USUAL), opened(durable_store, policy=USUAL)
    assert submitted(running, "task-1", 0.92).status == "approved"
    waiting = submitted(running, "task-2", 0.5)

    other.policy.activate(ASKS_ALWAYS, **BY_MAX)

    assert submitted(running, "task-3", 0.92).status == "waiting"
    assert running.cases.get(task_id="task-2").submission.policy_hash == waiting.submission.policy_hash


def test_a_case_keeps_its_policy_unless_the_active_one_is_stricter(ruled):
    submitted(ruled, "task-1", 0.5)
    escalates = {"rule_id": "all", "priority": 1, "conditions": {}, "action": "escalate"}

    ruled.policy.activate({"policy_id": "escalates", "rules": [escalates]}, **BY_MAX)

    assert ruled.cases.get(task_id="task-1").submission.policy_hash == hash_of(USUAL)
    with pytest.raises(NotAuthorized, match="it needs 'senior_manager'"):
        ruled.decide(task_id="task-1", decision=a_review("approve", "ana"))


def test_a_shadow_policy_is_recorded_and_hidden_from_reviewers(ruled):
    ruled.policy.start_shadow(LOOSE, **BY_MAX)

    cases = [submitted(ruled, f"task-{number}", confidence) for number, confidence in enumerate((0.4, 0.6, 0.95))]

    assert [case.status for case in cases] == ["waiting", "waiting", "approved"]
    found = ruled.policy.shadow_report()
    assert (found.cases, found.differing, found.looser, found.stricter) == (3, 1, 1, 0)
    waiting = ruled.cases.get(task_id="task-1")
    assert waiting.open_review.shown.routing.decision.shadow is None
    assert hash_of(LOOSE) not in ruled.reviews.view(task_id="task-1", reviewer="ana").model_dump_json()
    (routed,) = [event for event in ruled.cases.history(task_id="task-1") if event.kind == "routed"]
    assert routed.body["decision"]["shadow"]["action"] == "auto_approve"
    assert ruled.policy.stop_shadow(**BY_MAX)
    assert ruled.policy.shadow_report() is None
    assert not ruled.policy.stop_shadow(**BY_MAX)
    assert ruled.audit.verify().sound


def test_a_canary_is_reported_on_beside_the_rest_of_its_time(ruled):
    assert ruled.policy.canary_report() is None
    ruled.policy.start_canary(STRICT, 0.5, **BY_MAX)

    cases = [submitted(ruled, f"task-{number}", 0.92) for number in range(20)]
    ours = [case for case in cases if case.submission.policy_hash == hash_of(STRICT)]

    found = ruled.policy.canary_report()
    assert (found.policy_hash, found.share, found.until) == (hash_of(STRICT), 0.5, None)
    assert (found.canary.cases, found.rest.cases) == (len(ours), 20 - len(ours))
    assert (found.canary.endings["open"], found.canary.automatic.count) == (len(ours), 0)
    assert found.rest.automatic.count == found.rest.cases
    assert ruled.policy.stop_canary(**BY_MAX)
    ended = ruled.policy.canary_report(hash_of(STRICT)[:8])
    assert (ended.canary, ended.rest) == (found.canary, found.rest)
    with pytest.raises(NoPreviousPolicy, match="there was no canary of such a version"):
        ruled.policy.canary_report("0123456789")


def test_an_altered_shadow_policy_blocks_no_case(opened, durable_store, intruder):
    with opened(durable_store) as hitl:
        hitl.policy.start_shadow(LOOSE, **BY_MAX)
    intruder.disarm()
    intruder.run("UPDATE policies SET body = ? WHERE policy_hash = ?", "{}", hash_of(LOOSE))

    with opened(durable_store) as hitl:
        assert submitted(hitl, "task-1", 0.95).status == "approved"
        assert hitl.policy.shadow_report().cases == 0


def names_of(prefix):
    return (f"{prefix}-{number}" for number in count())


def test_a_canary_decides_its_share_and_the_stricter_policy_applies_after_withdrawal(ruled):
    waits = ruled.policy.start_canary(LOOSE, 0.5, **BY_MAX)
    assert submitted(ruled, "before", 0.6).status == "waiting"
    ruled.decide(waits.case.case_id, a_review("approve", "zoe"))
    canary, lot = ruled.policy.status().canary, services_of(ruled).ledger.lot

    names = [f"task-{number}" for number in range(24)]
    cases = [submitted(ruled, name, 0.6) for name in names]
    went = [case.case_id for case in cases if case.status == "approved"]

    assert went == [case.case_id for case in cases if in_canary(canary, case.task_id, lot)]
    assert 0 < len(went) < len(names)
    late = (ruled.cases.enqueue(a_task(name), an_output(name, confidence=0.6)) for name in names_of("late"))
    accepted = next(case.task_id for case in late if in_canary(canary, case.task_id, lot))
    assert ruled.policy.stop_canary(**BY_MAX)
    ruled.recover()
    assert ruled.cases.get(task_id=accepted).status == "waiting"
    assert ruled.cases.get(task_id=accepted).submission.policy_hash == hash_of(LOOSE)
    assert ruled.audit.verify().sound


@pytest.mark.parametrize("decides", ["a looser canary", "a stricter canary"])
def test_submitting_a_task_again_neither_reaches_a_canary_nor_evades_it(ruled, decides):
    policy, confidence = (LOOSE, 0.6) if decides == "a looser canary" else (STRICT, 0.92)
    started = ruled.policy.start_canary(policy, 0.5, **BY_MAX)
    if started.case is not None:
        ruled.decide(started.case.case_id, a_review("approve", "zoe"))

    went = {}
    for number in range(24):
        task = f"task-{number}"
        for attempt in range(3):
            case = ruled.submit(a_task(task, metadata={"n": attempt}), an_output(task, confidence), resubmit=True)
            went.setdefault(task, set()).add(case.submission.policy_hash)

    assert all(len(policies) == 1 for policies in went.values())
    assert len(set.union(*went.values())) == 2
    assert ruled.audit.verify().sound


def test_a_stricter_canary_needs_one_person_and_ends_at_the_next_activation(ruled):
    assert ruled.policy.start_canary(STRICT, 1.0, **BY_MAX).in_force
    assert submitted(ruled, "task-1", 0.92).status == "waiting"

    ruled.policy.activate(goes_ahead(0.91), **BY_MAX)

    assert ruled.policy.status().canary is None
    assert submitted(ruled, "task-2", 0.92).status == "approved"


def test_a_canary_share_lies_between_0_and_1(in_memory):
    for share in (0, 1.5, -1, float("nan")):
        with pytest.raises(InvalidInput, match="is not in"):
            in_memory.policy.start_canary(STRICT, share, **BY_MAX)


@pytest.mark.parametrize("share", [True, "0.5", Decimal("0.5"), Fraction(1, 2), None])
def test_a_canary_share_must_be_a_number(opened, durable_store, share):
    with ruling(opened(durable_store, policy=USUAL)) as hitl:
        with pytest.raises(InvalidInput, match=r"share: .* is not a number"):
            hitl.policy.start_canary(STRICT, share, **BY_MAX)
        assert hitl.policy.start_canary(STRICT, 1, **BY_MAX).in_force

    with opened(durable_store) as hitl:
        assert hitl.policy.status().canary.share == 1.0


def test_a_policy_change_without_a_reviewer_is_rejected(in_memory):
    before = kinds(in_memory)
    for change in (
        lambda: in_memory.acting_as(channel="").policy.activate(STRICT, **BY_MAX),
        lambda: in_memory.acting_as(channel="").policy.start_shadow(STRICT, **BY_MAX),
        lambda: in_memory.acting_as(channel="").policy.stop_shadow(**BY_MAX),
    ):
        with pytest.raises(InvalidInput, match=r"channel: .*name the channel"):
            change()
    assert kinds(in_memory) == before


@pytest.mark.parametrize("policy", [STRICT, LOOSE])
def test_an_unreadable_entry_is_never_written(in_memory, policy):
    before = kinds(in_memory)
    admin, max_ = services_of(in_memory).policy, services_of(in_memory).people.named("max")
    wanted = admin._request(PolicyChange.CANARY, admin._read(policy), max_, "we agreed so", Acting())
    with pytest.raises(InvalidInput, match=r"the store stays unchanged: .*could not be read again"):
        admin._change(wanted._replace(share=True))
    assert kinds(in_memory) == before


def test_every_policy_version_is_recorded_with_its_author_and_reason(ruled):
    ruled.policy.activate(STRICT, **BY_MAX)
    ruled.policy.start_shadow(LOOSE, reviewer="zoe", reason="to see what it would do")

    life = ruled.policy.status()

    found = {one.policy_id: (one.author, one.reason) for one in life.versions.values()}
    agreed = ("max", "we agreed so")
    assert found == {
        "from_0.9": (None, ""),
        "from_0.95": agreed,
        "from_0.5": ("zoe", "to see what it would do"),
    }
    assert (life.states(hash_of(STRICT)), life.states(hash_of(LOOSE))) == (("active",), ("shadow",))
    assert services_of(ruled).ledger.policy(hash_of(LOOSE))["policy_id"] == "from_0.5"
