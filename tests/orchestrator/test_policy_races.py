"""Policy changes under races, crashes and forged approvals: applied exactly once or not at all."""

from concurrent.futures import ThreadPoolExecutor
from signal import SIGKILL
from threading import Barrier

import pytest
from support.builders import NINE, PERSON, a_review
from support.internals import services_of
from support.policy_changes import ASKS_ALWAYS, BY_MAX, LOOSE, checked, hash_of, kinds

from hitl_orchestrator.domain.enums import PolicyChange
from hitl_orchestrator.ledger.events.policy_builders import activated, proposed
from hitl_orchestrator.wiring.clocks import now_in_utc


def test_concurrent_activations_are_serialized(opened, durable_store):
    both = [opened(durable_store, policy=ASKS_ALWAYS), opened(durable_store, policy=ASKS_ALWAYS)]
    both[0].policy.activate(ASKS_ALWAYS, **BY_MAX)
    together = Barrier(2)

    def activate(number):
        together.wait()
        rules = [{"rule_id": f"r{number}", "priority": 1, "conditions": {}, "action": "escalate"}]
        return both[number].policy.activate({"policy_id": f"p{number}", "rules": rules}, **BY_MAX).in_force

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(activate, range(2))) == [True, True]

    reported = [event.body for event in both[0].policy.history() if event.kind == "policy_activated"]
    assert [one["before"] for one in reported[1:]] == [one["policy_hash"] for one in reported[:-1]]
    assert {hitl.policy.status().active for hitl in both} == {reported[-1]["policy_hash"]}
    assert both[0].audit.verify().sound


@pytest.mark.parametrize("last_word", ["decided", "finished", "policy_activated"])
def test_recovery_activates_a_policy_after_a_crash(process, opened, tmp_path, last_word):
    store = f"sqlite:///{tmp_path}/hitl.db"
    with opened(store, reviewers=None, policy=ASKS_ALWAYS) as hitl:
        by = {"reviewer": "senior_manager", "reason": "r"}
        hitl.policy.activate(ASKS_ALWAYS, **by)
        case = hitl.policy.activate(LOOSE, **by).case.case_id

    died = process("approve", store=store, case=case, reviewer="compliance_officer", die_before=f'"kind":"{last_word}"')

    assert (died["status"], died["lines"]) == (-SIGKILL, [])
    with opened(store, reviewers=None) as hitl:
        assert hitl.policy.status().active == hash_of(ASKS_ALWAYS)
        hitl.recover()
        if last_word != "policy_activated":
            assert hitl.cases.get(case).status == "waiting"
            hitl.decide(case, a_review("approve", "compliance_officer"))
        hitl.recover()
        assert hitl.policy.status().active == hash_of(LOOSE)
        assert kinds(hitl).count("policy_activated") == 1
        assert hitl.audit.verify().sound


BY_THE_MANAGER = {"reviewer": "senior_manager", "reason": "r"}


@pytest.fixture
def dies_proposing(process, opened, sqlite_store):
    """Kill a process right before it writes an event while it proposes a policy; return its store."""

    def propose(last_word, *, activated=True):
        with opened(sqlite_store, reviewers=None, policy=ASKS_ALWAYS) as hitl:
            if activated:
                hitl.policy.activate(ASKS_ALWAYS, **BY_THE_MANAGER)
        order = {"to": LOOSE, "reviewer": "senior_manager", "policy": ASKS_ALWAYS}
        died = process("activate", store=sqlite_store, **order, die_before=f'"kind":"{last_word}"')
        assert (died["status"], died["lines"]) == (-SIGKILL, [])
        return opened(sqlite_store, reviewers=None, clock=now_in_utc)

    return propose


def test_a_policy_can_be_proposed_again_after_a_crash(dies_proposing):
    hitl = dies_proposing("policy_proposed")

    hitl.recover()
    assert not hitl.inbox()
    assert not hitl.policy.status().pending
    assert hitl.policy.activate(LOOSE, **BY_THE_MANAGER).case.status == "waiting"


@pytest.mark.parametrize("activated", [True, False])
@pytest.mark.parametrize("goes_on", ["recover", "run_maintenance"])
def test_a_proposal_without_a_case_after_a_crash_gets_one_decidable_case(dies_proposing, goes_on, activated):
    hitl = dies_proposing("submitted", activated=activated)
    (proposed,) = hitl.policy.status().pending
    assert not hitl.inbox()

    for _ in range(2):
        getattr(hitl, goes_on)()
        assert [row.case_id for row in hitl.inbox()] == [proposed]

    assert hitl.cases.get(proposed).submission.submitted_by == "senior_manager"
    assert "a confidence of 0.5" in hitl.cases.get(proposed).submission.output.agent_output.explanation
    assert hitl.policy.activate(LOOSE, **BY_THE_MANAGER).case.case_id == proposed
    hitl.decide(proposed, a_review("approve", "compliance_officer"))
    assert hitl.policy.status().active == hash_of(LOOSE)
    assert hitl.audit.verify().sound


def test_proposing_again_after_a_crash_returns_the_case_of_the_first_proposal(dies_proposing):
    hitl = dies_proposing("submitted")
    (proposed,) = hitl.policy.status().pending

    again = hitl.policy.activate(LOOSE, reviewer="compliance_officer", reason="I want it too").case

    assert (again.case_id, again.status, again.submission.submitted_by) == (proposed, "waiting", "senior_manager")
    assert list(hitl.policy.status().pending) == [proposed]
    hitl.cases.cancel(proposed, submitted_by="senior_manager", reason="not yet")
    assert not hitl.policy.status().pending
    assert hitl.audit.verify().sound


def test_concurrent_recoveries_open_one_case_per_proposal(opened, durable_store):
    both = [opened(durable_store, policy=ASKS_ALWAYS), opened(durable_store, policy=ASKS_ALWAYS)]
    both[0].policy.activate(ASKS_ALWAYS, **BY_MAX)
    both[0].policy.start_shadow(LOOSE, **BY_MAX)
    stated = {"change": "activate", "policy_hash": hash_of(LOOSE), "base": hash_of(ASKS_ALWAYS), "share": None}
    stated |= {"reason": "r", "people_hash": both[0].people.status().current}
    drafts = [proposed("lost", stated, PERSON, NINE)]
    assert services_of(both[0]).ledger.govern(drafts, both[0].policy.status().seen)
    together = Barrier(2)

    def recover(number):
        together.wait()
        both[number].recover()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(recover, range(2)))

    assert [row.case_id for row in both[1].inbox()] == ["lost"]
    both[1].decide("lost", a_review("approve", "zoe"))
    assert both[0].policy.status().active == hash_of(LOOSE)
    assert both[0].audit.verify().sound


def test_a_proposal_without_its_compared_policy_is_declined(opened, store):
    hitl = opened(store, policy=ASKS_ALWAYS)
    hitl.policy.activate(ASKS_ALWAYS, **BY_MAX)
    hitl.policy.start_shadow(LOOSE, **BY_MAX)
    stated = {"change": "activate", "policy_hash": hash_of(LOOSE), "base": "b" * 64, "share": None, "reason": "r"}
    stated |= {"people_hash": hitl.people.status().current}
    services_of(hitl).ledger.govern([proposed("no-such-case", stated, PERSON, NINE)], hitl.policy.status().seen)

    hitl.recover()

    assert not hitl.policy.status().pending
    assert "propose it again" in hitl.policy.history()[-1].body["why"]
    assert hitl.audit.verify().sound


def test_equal_proposals_and_approvals_activate_once(opened, durable_store):
    both = [opened(durable_store, policy=ASKS_ALWAYS), opened(durable_store, policy=ASKS_ALWAYS)]
    both[0].policy.activate(ASKS_ALWAYS, **BY_MAX)
    together = Barrier(2)

    def propose(number):
        together.wait()
        who = ("max", "zoe")[number]
        return both[number].policy.activate(LOOSE, reviewer=who, reason="r").case.case_id

    with ThreadPoolExecutor(2) as pool:
        cases = set(pool.map(propose, range(2)))
    for hitl, case in zip(both, cases, strict=False):
        hitl.decide(case, a_review("approve", "two"))

    assert kinds(both[0]).count("policy_activated") == 1
    assert both[1].policy.status().active == hash_of(LOOSE)
    assert not both[1].policy.status().pending
    assert both[0].audit.verify().sound


@pytest.mark.parametrize("field", ["approved_by", "policy_hash", "before"])
def test_verification_finds_an_activation_without_approval(opened, durable_store, field):
    hitl = opened(durable_store, policy=ASKS_ALWAYS)
    hitl.policy.activate(ASKS_ALWAYS, **BY_MAX)
    life = hitl.policy.status()
    stated = {"policy_hash": life.active, "before": life.active, "reason": "r", "people_hash": "a" * 64}
    forged = {"approved_by": {"case_id": "no-such-case", "by": "max", "approved_by": "zoe"}}
    stated |= forged.get(field, {field: "a" * 64})
    services_of(hitl).ledger.govern([activated(PolicyChange.ACTIVATE, stated, PERSON, NINE)], life.seen)

    found = hitl.audit.verify()

    assert found.bad_entry == life.seen + 1
    assert "policy_activated" in found.problem


@pytest.mark.parametrize("last_word", ["spot_check", "DELETE FROM spot_checks"])
def test_recovery_opens_a_spot_check_after_a_crash(process, opened, tmp_path, last_word):
    store = f"sqlite:///{tmp_path}/hitl.db"
    word = f'"kind":"{last_word}"' if last_word == "spot_check" else last_word

    died = process("submit", store=store, numbers=[0], policy=checked(1), die_before=word)

    assert (died["status"], died["lines"]) == (-SIGKILL, [])
    with opened(store, clock=now_in_utc) as hitl:
        assert hitl.cases.get(task_id="task-0").status == "approved"
        assert len(services_of(hitl).ledger.spot_checks_due()) == 1
        assert hitl.audit.verify().sound
        hitl.recover()
        hitl.recover()
        assert len(hitl.inbox()) == 1
        assert hitl.audit.verify().sound


def test_verification_finds_a_deleted_spot_check(process, opened, sqlite_store):
    store = sqlite_store
    process("submit", store=store, numbers=[0], policy=checked(1), die_before='"kind":"spot_check"')

    with opened(store) as hitl:
        services_of(hitl).ledger.spot_check_opened(hitl.cases.get(task_id="task-0").case_id)

        assert "has no row in the due spot checks" in hitl.audit.verify().problem
