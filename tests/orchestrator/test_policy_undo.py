"""One's own last tightening is taken back alone within an hour; nothing ends looser than it was before it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from signal import SIGKILL
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import FakeClock, a_review
from support.internals import services_of
from support.policy_changes import ASKS_ALWAYS, BY_MAX, LOOSE, STRICT, USUAL, goes_ahead, hash_of, kinds
from support.teams import PEOPLE

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import PolicyChange
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.errors import HitlError, InvalidInput, NotAuthorized, UndoRefused
from hitl_orchestrator.ledger.events.policy_builders import activated, undone
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.lifecycle.change_request import where_looser


def in_force(hitl):
    """Return what is in force, but not the versions that the store keeps."""
    status = hitl.policy.status()
    return status.active, status.track, status.canary, status.compared_under


@pytest.fixture
def ruled(opened, store):
    return opened(store, policy=USUAL)


@pytest.fixture
def in_memory(opened):
    return opened("memory://", policy=USUAL)


def refused(hitl, why, **by):
    before = in_force(hitl), kinds(hitl)
    with pytest.raises(UndoRefused, match=why):
        hitl.policy.undo(**{**BY_MAX, **by})
    assert (in_force(hitl), kinds(hitl)) == before


def test_an_undo_restores_exactly_what_was_in_force_and_is_its_own_kind_of_entry(ruled):
    ruled.policy.start_canary(goes_ahead(0.97), 0.5, **BY_MAX)
    before = in_force(ruled)
    ruled.policy.activate(STRICT, **BY_MAX)

    done = ruled.policy.undo(reviewer="max", reason="a wrong bound")

    assert (done.change, done.in_force, done.policy_hash) == (PolicyChange.UNDO, True, hash_of(USUAL))
    assert in_force(ruled) == before
    entry = ruled.policy.history()[-1]
    assert (entry.kind, entry.actor.id, entry.body["reason"]) == ("policy_undone", "max", "a wrong bound")
    assert services_of(ruled).registry.active.hash == hash_of(USUAL)
    assert ruled.audit.verify().sound


def test_a_second_undo_is_refused(ruled):
    ruled.policy.activate(STRICT, **BY_MAX)
    ruled.policy.undo(**BY_MAX)

    refused(ruled, "undone already")


def test_undos_do_not_climb_back_over_several_versions(in_memory):
    in_memory.policy.activate(STRICT, **BY_MAX)
    in_memory.policy.activate(ASKS_ALWAYS, **BY_MAX)

    in_memory.policy.undo(**BY_MAX)

    assert in_memory.policy.status().active == hash_of(STRICT)
    refused(in_memory, "undone already")
    in_memory.policy.activate(ASKS_ALWAYS, **BY_MAX)
    in_memory.policy.undo(**BY_MAX)
    refused(in_memory, "undone already")
    assert in_memory.audit.verify().sound


@pytest.mark.parametrize("account", ["zoe", "two"])
def test_another_account_does_not_undo_a_change(in_memory, account):
    in_memory.policy.activate(STRICT, **BY_MAX)

    refused(in_memory, "'max' made the latest change", reviewer=account)


def test_an_undo_takes_the_right_to_change_the_policy_and_a_reason(in_memory):
    in_memory.policy.activate(STRICT, **BY_MAX)

    with pytest.raises(NotAuthorized):
        in_memory.policy.undo(reviewer="ana", reason="r")
    with pytest.raises(InvalidInput, match="reason"):
        in_memory.policy.undo(reviewer="max", reason=" ")


def test_an_undo_is_refused_after_an_hour_and_when_the_clock_ran_back(in_memory, clock):
    in_memory.policy.activate(STRICT, **BY_MAX)

    clock.now -= timedelta(minutes=1)
    refused(in_memory, "the store's clock shows")
    clock.now += timedelta(minutes=61, seconds=1)
    refused(in_memory, "more than an hour ago")
    clock.now -= timedelta(seconds=1)
    in_memory.policy.undo(**BY_MAX)
    assert in_memory.audit.verify().sound


def test_the_hour_is_measured_by_the_clock_of_the_store_whatever_the_processes_show(opened, durable_store):
    hitl = opened(durable_store, policy=USUAL)
    hitl.policy.activate(STRICT, **BY_MAX)
    other = opened(durable_store, clock=FakeClock(hitl.policy.history()[-1].at + timedelta(days=3)))

    other.policy.undo(**BY_MAX)

    write_activation(other, made_before=timedelta(minutes=61))
    late = opened(durable_store, clock=FakeClock(hitl.policy.history()[-1].at))
    refused(late, "more than an hour ago")


def write_activation(hitl, made_before):
    """Append the entry of an activation that was made so long ago by the clock of the store."""
    services = services_of(hitl)
    history = services.policy.status()
    at = services.ledger.now() - made_before
    body = {"policy_hash": hash_of(STRICT), "before": history.active, "reason": "r", "clock": at.isoformat()}
    actor = hitl.policy.history()[-1].actor
    draft = activated(PolicyChange.ACTIVATE, {**body, "people_hash": hitl.people.active().hash}, actor, at)
    assert services.ledger.govern([draft], history.seen)


def test_a_process_that_stops_before_the_write_is_too_late_after_the_hour(in_memory, clock):
    in_memory.policy.activate(STRICT, **BY_MAX)
    ledger, own = services_of(in_memory).ledger, in_memory.policy.status().undoable
    late = undone({"undoes": own.seq}, in_memory.policy.history()[-1].actor, clock.now)

    clock.now += timedelta(minutes=61)

    assert not ledger.govern([late], in_memory.policy.status().seen, own.at + timedelta(hours=1))
    assert "policy_undone" not in kinds(in_memory)


def test_only_the_latest_change_is_undone(in_memory):
    in_memory.policy.activate(STRICT, **BY_MAX)
    in_memory.policy.activate(ASKS_ALWAYS, reviewer="zoe", reason="r")
    refused(in_memory, "'zoe' made the latest change")

    in_memory.policy.undo(reviewer="zoe", reason="r")
    refused(in_memory, "undone already")

    in_memory.policy.activate(goes_ahead(0.96), **BY_MAX)
    in_memory.policy.start_canary(goes_ahead(1.0), 0.5, **BY_MAX)
    refused(in_memory, "the latest change is no activation")


def test_a_change_that_a_second_person_approved_is_not_undone_alone(in_memory):
    waits = in_memory.policy.activate(LOOSE, **BY_MAX).case
    in_memory.decide(waits.case_id, a_review("approve", "two"))

    refused(in_memory, "the latest change is no activation")
    refused(in_memory, "the latest change is no activation", reviewer="two")


def test_the_first_policy_of_a_store_is_not_undone(in_memory):
    refused(in_memory, "the latest change is no activation")


def test_a_change_is_not_undone_under_other_people(in_memory):
    in_memory.policy.activate(STRICT, **BY_MAX)
    in_memory.people.propose(
        [each for each in PEOPLE if each["reviewer_id"] != "ana"], reason="she left", reviewer="max"
    )

    refused(in_memory, "other people came into force")


def test_a_rollback_to_a_stricter_version_is_undone_with_its_track(in_memory):
    in_memory.policy.activate(STRICT, **BY_MAX)
    waits = in_memory.policy.activate(LOOSE, **BY_MAX).case
    in_memory.decide(waits.case_id, a_review("approve", "zoe"))
    before = in_force(in_memory)
    in_memory.policy.rollback(**BY_MAX)

    in_memory.policy.undo(**BY_MAX)

    assert in_force(in_memory) == before
    assert in_memory.audit.verify().sound


def test_a_proposal_made_after_the_tightening_is_compared_again_after_the_undo(in_memory):
    in_memory.policy.activate(ASKS_ALWAYS, **BY_MAX)
    waits = in_memory.policy.activate(LOOSE, **BY_MAX).case
    in_memory.policy.undo(**BY_MAX)

    in_memory.decide(waits.case_id, a_review("approve", "zoe"))

    assert in_memory.policy.status().active == hash_of(USUAL)
    assert "activated since" in in_memory.policy.history()[-1].body["why"]


def test_of_two_undos_at_once_one_is_carried_out(opened, durable_store):
    both = [opened(durable_store, policy=USUAL), opened(durable_store)]
    both[0].policy.activate(STRICT, **BY_MAX)
    both[0].policy.activate(ASKS_ALWAYS, **BY_MAX)
    together = Barrier(2)

    def undo(number):
        together.wait()
        try:
            return both[number].policy.undo(**BY_MAX).in_force
        except UndoRefused:
            return False

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(undo, range(2)))

    assert kinds(both[0]).count("policy_undone") == 1
    assert both[0].policy.status().active == hash_of(STRICT)
    assert both[1].audit.verify().sound


def test_an_undo_and_an_activation_at_once_end_in_a_state_that_one_after_the_other_gives(opened, durable_store):
    both = [opened(durable_store, policy=USUAL), opened(durable_store)]
    both[0].policy.activate(STRICT, **BY_MAX)
    together = Barrier(2)

    def act(number):
        together.wait()
        try:
            if number:
                return both[1].policy.activate(ASKS_ALWAYS, reviewer="zoe", reason="r").in_force
            return both[0].policy.undo(**BY_MAX).in_force
        except UndoRefused:
            return False

    with ThreadPoolExecutor(2) as pool:
        undid, activated_too = pool.map(act, range(2))

    assert activated_too
    assert both[0].policy.status().active == hash_of(ASKS_ALWAYS)
    assert kinds(both[0]).count("policy_undone") == int(undid)
    assert both[1].audit.verify().sound


def test_an_undo_survives_a_kill_as_a_whole_or_not_at_all(process, opened, sqlite_store):
    by = {"reviewer": "senior_manager", "reason": "r"}
    with opened(sqlite_store, reviewers=None, policy=USUAL) as hitl:
        hitl.policy.activate(STRICT, **by)

    died = process("undo", store=sqlite_store, reviewer="senior_manager", die_before='"kind":"policy_undone"')

    assert (died["status"], died["lines"]) == (-SIGKILL, [])
    with opened(sqlite_store, reviewers=None) as hitl:
        assert hitl.policy.status().active == hash_of(STRICT)
        hitl.policy.undo(**by)
        assert hitl.policy.status().active == hash_of(USUAL)
        assert hitl.audit.verify().sound


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"undoes": 1}, "not the latest"),
        ({"policy_hash": hash_of(LOOSE)}, "another policy than the one before"),
        ({"by": "zoe"}, "another person"),
        ({"people_hash": "other"}, "another person"),
        ({"clock": "2001-01-01T00:00:00+00:00"}, "too long ago, or later"),
        ({"clock": "2099-01-01T00:00:00+00:00"}, "too long ago, or later"),
    ],
)
def test_verification_finds_an_undo_that_one_person_could_not_make(opened, forged, why):
    hitl = opened("memory://", policy=USUAL)
    waits = hitl.policy.activate(LOOSE, **BY_MAX).case
    hitl.decide(waits.case_id, a_review("reject", "zoe"))
    hitl.policy.activate(STRICT, **BY_MAX)
    services, own = services_of(hitl), hitl.policy.status().undoable
    body = {
        "undoes": own.seq,
        "policy_hash": hash_of(USUAL),
        "before": hash_of(STRICT),
        "reason": "r",
        "clock": own.at.isoformat(),
        "people_hash": own.people_hash,
    }
    actor = hitl.policy.history()[-1].actor

    assert services.ledger.govern([undone({**body, **forged}, actor, own.at)], hitl.policy.status().seen)

    report = hitl.audit.verify()
    assert not report.sound
    assert why in report.problem


BOUNDS = st.sampled_from((0.8, 0.9, 0.93, 0.95, 0.97))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("activate"), BOUNDS),
        st.tuples(st.just("canary"), BOUNDS),
        st.tuples(st.just("stop_canary"), st.none()),
        st.tuples(st.just("rollback"), st.none()),
        st.tuples(st.just("undo"), st.none()),
        st.tuples(st.just("wait"), st.sampled_from((1, 40, 61))),
    ),
    max_size=10,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_one_person_never_ends_looser_than_the_first_policy_by_undoing(steps):
    clock, first = FakeClock(), Policy.model_validate(USUAL)
    with Orchestrator.open("memory://", policy=USUAL, reviewers=PEOPLE, clock=clock) as hitl:
        for what, value in steps:
            with suppress(HitlError):
                if what == "activate":
                    hitl.policy.activate(goes_ahead(value), **BY_MAX)
                elif what == "canary":
                    hitl.policy.start_canary(goes_ahead(value), 0.5, **BY_MAX)
                elif what == "wait":
                    clock.now += timedelta(minutes=value)
                else:
                    getattr(hitl.policy, what)(**BY_MAX)
            status = hitl.policy.status()
            for each in (status.active, status.canary and status.canary.policy_hash):
                if each:
                    assert not where_looser(first, hitl.policy.version(each), DEFAULT_CHAIN)
        assert hitl.audit.verify().sound
