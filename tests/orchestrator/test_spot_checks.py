"""What goes ahead by itself is looked at afterwards as often as its rule says: once each, and nothing waits for it."""

import re
from math import sqrt

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of
from support.policy_changes import checked

from hitl_orchestrator.domain.audit import is_drawn
from hitl_orchestrator.domain.enums import QualityCheckKind
from hitl_orchestrator.domain.input.reserved_ids import is_reserved, spot_check_id
from hitl_orchestrator.errors import CaseUnfinished, NotAuthorized
from hitl_orchestrator.ledger.keys.mac import Seals, ephemeral_keys


def ephemeral_keys_of(ledger_id):
    return Seals(ephemeral_keys(), ledger_id)


def check_of(hitl, case):
    return hitl.cases.get(task_id=spot_check_id(case.case_id, case.task_id))


def test_a_sampled_case_finishes_at_once_and_is_reviewed_afterwards(opened, store):
    hitl = opened(store, policy=checked(1))

    case = hitl.submit(a_task(), an_output(), submitted_by="ana")

    assert (case.status, case.record.review_probability) == ("approved", 1.0)
    quality_check = check_of(hitl, case)
    row = quality_check.open_review
    assert (quality_check.submission.quality_check.kind, quality_check.submission.quality_check.of) == (
        QualityCheckKind.SPOT_CHECK,
        case.case_id,
    )
    assert (row.role, row.shown.routing.decision.action) == ("domain_reviewer", "human_review")
    assert row.shown.routing.output.agent_output == case.record.final_output
    with pytest.raises(NotAuthorized):
        hitl.decide(quality_check.case_id, a_review("approve", "ana"))
    ended = hitl.decide(quality_check.case_id, a_review("reject", "two"))
    assert (ended.record.quality_check, ended.record.quality_check_of, ended.record.final_output) == (
        "spot_check",
        case.case_id,
        None,
    )
    assert [record.case_id for record in hitl.audit.records()] == [case.case_id]
    assert hitl.cases.get(case.case_id).final_output == case.record.final_output
    assert hitl.audit.verify().sound


def test_a_spot_check_does_not_reveal_the_approval(opened, store):
    hitl = opened(store, policy=checked(1))
    quality_check = check_of(hitl, hitl.submit(a_task(), an_output()))

    view = hitl.reviews.view(quality_check.case_id, reviewer="ana")

    reported = view.model_dump_json()
    assert not any(word in reported for word in ("spot", "auto_approve", "sure", "case_id_of"))
    assert view.would_go_through == ()


def test_the_sampling_rate_and_the_weights_follow_the_rule(opened, store):
    hitl = opened(store, policy=checked(0.5))

    cases = [hitl.submit(a_task(f"t{number}"), an_output(f"t{number}")) for number in range(12)]

    drawn = [case for case in cases if case.record.drawn]
    assert {case.record.review_probability for case in cases} == {0.5}
    assert len(hitl.inbox()) == len(drawn)
    assert {row.case_id for row in hitl.inbox()} == {check_of(hitl, case).case_id for case in drawn}
    for case in drawn[:1]:
        looked = hitl.decide(check_of(hitl, case).case_id, a_review("approve", "ana"))
        assert looked.record.review_probability == 0.5


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_as_many_are_drawn_as_the_rule_states(share):
    seals = ephemeral_keys_of("ledger")
    drawn = sum(is_drawn(share, seals.lot_of("spot check", f"case-{number}")) for number in range(10_000))

    # Further away than this by chance once in a hundred million (normal approximation of the binomial distribution).
    assert abs(drawn - 10_000 * share) < 5.7 * sqrt(10_000 * share * (1 - share))


def test_the_id_of_a_case_does_not_tell_without_the_key_whether_it_is_drawn():
    names = [f"case-{number}" for number in range(200)]
    lots = [[is_drawn(0.5, ephemeral_keys_of("ledger").lot_of("spot check", name)) for name in names] for _ in range(2)]

    assert lots[0] != lots[1]


def test_a_change_of_the_key_changes_no_draw(opened, tmp_path):
    hitl = opened(f"sqlite:///{tmp_path}/hitl.db", policy=checked(0.5))
    ledger = services_of(hitl).ledger
    before = [ledger.lot("spot check", f"case-{number}") for number in range(5)]

    hitl.audit.rotate_key()

    assert [ledger.lot("spot check", f"case-{number}") for number in range(5)] == before
    assert hitl.audit.verify().sound


def test_opening_a_spot_check_is_idempotent(opened, store):
    hitl = opened(store, policy=checked(1))
    case = hitl.submit(a_task(), an_output())

    services_of(hitl).spot_checks._open(hitl.cases.get(case.case_id))
    hitl.recover()
    hitl.run_maintenance()
    hitl.submit(a_task(), an_output())

    assert len(hitl.inbox()) == 1
    assert list(services_of(hitl).ledger.spot_checks_due()) == []


@pytest.mark.parametrize(
    ("task_id", "form"),
    [
        ("task_001", "task_[0-9]{12}"),
        ("order", "order-[0-9]{12}"),
        ("INV-2025-000000417733", "INV-2025-[0-9]{12}"),
        ("0199f1a2-7c3d-7aaa-8bbb-00c0ffee1234", "0199f1a2-7c3d-7aaa-8bbb-[0-9a-f]{12}"),
        ("mail-6c3e0f0bd2f1a94e55aa", "mail-6c3e0f0b[0-9a-f]{12}"),
        ("x" * 200, "x{187}-[0-9]{12}"),
    ],
)
def test_the_id_of_a_spot_check_has_the_form_of_the_id_of_its_case(task_id, form):
    drawn = {spot_check_id(f"case-{number}", task_id) for number in range(100)}

    assert len(drawn) == 100
    assert all(re.fullmatch(form, each) and not is_reserved(each) for each in drawn)


@pytest.mark.parametrize("same", [True, False])
def test_a_task_under_the_id_of_a_spot_check_does_not_prevent_it(opened, store, same):
    hitl = opened(store, policy=checked(1))
    waiting = hitl.cases.enqueue(a_task(), an_output())
    guessed = spot_check_id(waiting.case_id, "task-1")
    hitl.submit(a_task(guessed), an_output(guessed, confidence=0.9 if same else 0.1))

    hitl.recover()

    of = [hitl.cases.get(request.case_id).submission.quality_check for request in hitl.inbox()]
    assert waiting.case_id in [check.of for check in of if check is not None]
    assert list(services_of(hitl).ledger.spot_checks_due()) == []


def test_a_replayed_case_is_not_spot_checked(opened, store):
    hitl = opened(store, policy=checked(1))

    case = hitl.acting_as("max").submit(a_task(), an_output(), replay=True)

    assert case.record.review_probability == 0.0
    assert not hitl.inbox()


def test_a_case_is_redacted_together_with_its_spot_check(opened, store):
    hitl = opened(store, policy=checked(1))
    case = hitl.submit(a_task(), an_output())

    with pytest.raises(CaseUnfinished):  # the spot check repeats the texts, and waits for a reviewer
        hitl.cases.redact(case.case_id, reason="asked for", reviewer="zoe")
    quality_check = hitl.decide(check_of(hitl, case).case_id, a_review("approve", "two"))
    hitl.cases.redact(case.case_id, reason="asked for", reviewer="zoe")
    hitl.recover()

    assert hitl.cases.get(quality_check.case_id).redacted
    assert hitl.audit.verify().sound
