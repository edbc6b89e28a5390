from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import NINE, an_output

from hitl_orchestrator.domain.audit import AuditRecord, Vote
from hitl_orchestrator.domain.enums import HumanDecision, QualityCheckKind
from hitl_orchestrator.insights.frame import FRAME, from_rows, prepared
from hitl_orchestrator.insights.reviewer_quality import (
    FAST_SECONDS,
    QualitySignal,
    measure_reviewers,
)
from hitl_orchestrator.insights.shares import share_of
from hitl_orchestrator.ledger.events.outcomes import outcome_of

pytest.importorskip("polars")

DECISIONS = st.sampled_from(HumanDecision)
PERSONS = st.sampled_from(["r01", "r02", "r03"])


def a_vote(person, decision, reviewer=None):
    report = {"review_id": "rev-1", "role": "domain_reviewer", "at": NINE, "human_decision": decision}
    return Vote(**report, person=person, reviewer_id=reviewer or person)


def a_record(case_id, *votes, seconds=None, **fields):
    """A case that these settled, the last one of them at the end, as (person, decision)."""
    given = tuple(a_vote(*vote) for vote in votes)
    decision = HumanDecision(given[-1].human_decision) if given else None
    final = decision.final if decision else None
    report = {
        "log_id": f"log_{case_id}",
        "task_id": case_id,
        "case_id": case_id,
        "risk_level": "low",
        "confidence_score": 0.5,
        "routing_decision": "human_review",
        "human_involved": final is not None,
        "human_decision": decision if final else None,
        "reviewer_id": given[-1].reviewer_id if given else None,
        "final_decision": final or "rejected",
        "decision_source": "human" if final else "timeout",
        "latency_seconds": 1,
        "timestamp": NINE,
        "policy_id": "p",
        "policy_hash": "a" * 64,
        "rule_id": "r1",
        "reason": "r1 holds",
        "proposed_output": an_output().agent_output,
        "final_output": None,
        "review_probability": 1,
        "votes": given,
        "seconds_looked_at": seconds,
    }
    return AuditRecord(**report | fields)


def many(count, *votes, start=0, **fields):
    return [a_record(f"case-{number}", *votes, **fields) for number in range(start, start + count)]


def measured(records):
    intake = {"task": {"timestamp": "2025-01-10T09:00:00Z", "metadata": {}}}
    rows = [outcome_of(number, record.model_dump(mode="json"), intake) for number, record in enumerate(records)]
    return list(measure_reviewers(prepared(from_rows([[getattr(row, name) for name in FRAME] for row in rows]))))


def quality_of(records, person="r01"):
    return next(one for one in measured(records) if one.reviewer == person)


def test_no_records_give_no_reviewers():
    assert measured([]) == []
    assert measured([a_record("case-1")]) == []


def test_the_accounts_of_one_person_are_reported_together():
    records = [
        a_record("a", ("p1", "approve", "r01")),
        a_record("b", ("p1", "reject", "r01-night")),
        a_record("c", ("r02", "approve")),
    ]

    assert [(one.reviewer, one.cases) for one in measured(records)] == [("p1", 2), ("r02", 1)]


def test_a_record_from_before_there_were_votes_counts_for_its_reviewer():
    old = a_record("a", ("r01", "approve")).model_copy(update={"votes": ()})

    assert quality_of([old]).with_agent.count == 1


def test_time_is_reported_as_median_and_per_character():
    records = [
        a_record(f"c{seconds}", ("r01", "approve"), seconds=seconds, shown_length=500) for seconds in (10, 20, 90)
    ]

    found = quality_of(records)

    assert (found.timed, found.median_seconds, found.median_seconds_per_1000) == (3, 20, 40)


def test_a_case_that_shows_nothing_or_was_not_timed_has_no_pace():
    records = [
        a_record("a", ("r01", "override"), seconds=5, proposed_output=None, shown_length=0),
        a_record("b", ("r01", "approve")),
    ]

    found = quality_of(records)

    assert (found.timed, found.median_seconds, found.median_seconds_per_1000) == (1, 5, None)


def test_the_time_counts_for_the_reviewer_who_closed_the_case():
    again = a_record("a", ("r01", "approve"), ("r02", "reject"), ("r01", "reject"), seconds=7)
    untimed = a_record("b", ("r01", "approve"), ("r02", "escalate"), seconds=None)

    assert (quality_of([again]).timed, quality_of([again], "r02").timed) == (1, 0)
    assert (quality_of([untimed]).cases, quality_of([untimed]).timed) == (1, 0)


@pytest.mark.parametrize(("seconds", "fast"), [(FAST_SECONDS - 0.1, True), (FAST_SECONDS, False)])
def test_a_reviewer_who_cannot_have_read_the_case_is_fast(seconds, fast):
    found = quality_of(many(20, ("r01", "approve"), seconds=seconds, shown_length=1000))

    assert (QualitySignal.FAST in found.signals) is fast
    assert QualitySignal.FAST not in found.not_enough_data


def test_approvals_of_gold_errors_are_counted_apart():
    gold = {"quality_check": QualityCheckKind.KNOWN_ANSWER}
    records = [
        *many(4, ("r01", "approve"), quality_check_expected="reject", **gold),
        *many(1, ("r01", "reject"), quality_check_expected="modify", start=4, **gold),
        *many(3, ("r01", "approve"), quality_check_expected="approve", start=5, **gold),
    ]

    found = quality_of(records)

    assert (found.cases, found.gold_errors_approved.count, found.gold_errors_approved.of) == (8, 4, 5)
    assert QualitySignal.APPROVES_GOLD_ERRORS in found.signals
    assert found.with_agent.of == 0


def test_one_gold_error_in_five_may_be_bad_luck():
    gold = {"quality_check": QualityCheckKind.KNOWN_ANSWER, "quality_check_expected": "reject"}
    records = [*many(4, ("r01", "reject"), **gold), *many(1, ("r01", "approve"), start=4, **gold)]

    found = quality_of(records)

    assert found.gold_errors_approved.share == 0.2
    assert QualitySignal.APPROVES_GOLD_ERRORS not in {*found.signals, *found.not_enough_data}


@pytest.mark.parametrize(("approved", "always"), [(100, True), (90, False)])
def test_a_reviewer_with_a_very_high_approval_rate_always_agrees(approved, always):
    records = [*many(approved, ("r01", "approve")), *many(100 - approved, ("r01", "modify"), start=approved)]

    found = quality_of(records)

    assert (found.with_agent.count, found.with_agent.of) == (approved, 100)
    assert (QualitySignal.ALWAYS_AGREES in found.signals) is always


def test_where_the_agent_proposed_nothing_there_is_nothing_to_agree_with():
    assert quality_of([a_record("a", ("r01", "override"), proposed_output=None)]).with_agent.of == 0


def test_votes_on_one_case_are_compared_the_last_of_each_person():
    record = a_record("a", ("r01", "reject"), ("r02", "approve"), ("r03", "approve"), ("r01", "approve"))

    assert [(one.with_peers.count, one.with_peers.of) for one in measured([record])] == [(2, 2)] * 3


def test_a_second_look_is_compared_with_the_first_for_both():
    records = [
        a_record("a", ("r01", "approve")),
        a_record("b", ("r02", "reject"), quality_check=QualityCheckKind.SECOND_REVIEW, quality_check_of="a"),
        a_record("c", ("r02", "reject"), quality_check=QualityCheckKind.SECOND_REVIEW, quality_check_of="gone"),
    ]

    assert [(one.with_peers.count, one.with_peers.of) for one in measured(records)] == [(0, 1), (0, 1)]
    assert quality_of(records, "r02").with_agent.of == 0


def test_a_reviewer_who_differs_from_most_is_apart_from_peers():
    records = many(10, ("r01", "reject"), ("r02", "approve"))

    assert QualitySignal.APART_FROM_PEERS in quality_of(records).signals
    assert QualitySignal.APART_FROM_PEERS in quality_of(records[:9]).not_enough_data


def test_to_pass_a_case_up_is_no_answer():
    records = many(5, ("r01", "escalate"), ("r02", "approve"))

    assert [one.reviewer for one in measured(records)] == ["r02"]
    assert quality_of(records, "r02").with_peers.of == 0


def test_few_cases_give_no_signal():
    found = quality_of([a_record("a", ("r01", "approve"), seconds=0.1)])

    assert found.signals == ()
    assert found.not_enough_data == tuple(QualitySignal)


def test_an_empty_denominator_gives_no_share():
    assert share_of([]).model_dump() == {
        "count": 0,
        "of": 0,
        "share": None,
        "lowest": None,
        "highest": None,
        "why_not": None,
    }


@pytest.mark.parametrize(
    ("count", "of", "lowest", "highest"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 2, 0.0945, 0.9055)],
)
def test_the_interval_is_wilsons(count, of, lowest, highest):
    found = share_of([True] * count + [False] * (of - count))

    assert (round(found.lowest, 4), round(found.highest, 4)) == (lowest, highest)


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_a_share_lies_in_its_interval_and_more_of_the_same_makes_it_narrower(answers):
    found, twice = share_of(answers), share_of(answers * 2)

    assert 0 <= found.lowest <= found.share <= found.highest <= 1
    assert twice.highest - twice.lowest < found.highest - found.lowest


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(PERSONS, DECISIONS), max_size=4),
            st.none() | st.floats(0, 1000),
            st.none() | st.sampled_from(QualityCheckKind),
            st.none() | st.sampled_from(["case-0", "case-1"]),
        ),
        max_size=8,
    )
)
def test_whatever_the_records_say_the_counts_add_up(drawn):
    records = [
        a_record(f"case-{number}", *votes, seconds=seconds, quality_check=quality_check, quality_check_of=of)
        for number, (votes, seconds, quality_check, of) in enumerate(drawn)
    ]

    found = measured(records)

    answered = {
        (record.case_id, vote.person) for record in records for vote in record.votes if vote.human_decision.final
    }
    assert sum(one.cases for one in found) == len(answered)
    assert {one.reviewer for one in found} == {person for _, person in answered}
    assert all(one.with_agent.of <= one.cases and one.timed <= one.cases for one in found)
    assert sum(one.with_peers.count for one in found) % 2 == sum(one.with_peers.of for one in found) % 2 == 0
    assert not any(set(one.signals) & set(one.not_enough_data) for one in found)
    assert measured(reversed(records)) == found


def test_the_interval_covers_the_true_share_at_its_level():
    of, true = 40, 0.3

    def holds(count):
        found = share_of([True] * count + [False] * (of - count))
        return found.lowest <= true <= found.highest

    covered = sum(comb(of, k) * true**k * (1 - true) ** (of - k) for k in range(of + 1) if holds(k))
    assert 0.93 < covered < 0.97


def test_replayed_reviews_are_not_the_work_of_a_reviewer():
    records = [*many(3, ("r01", "approve"), replayed=True), a_record("live", ("r01", "reject"), seconds=30)]

    quality = quality_of(records)

    assert (quality.cases, quality.with_agent.of, quality.median_seconds) == (1, 1, 30)
