"""A certificate rests on labels of known probability alone, and says what it rests on."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.outcome_frames import MONDAY, automatic, frame_of, reviewed

from hitl_orchestrator.learning import Certificate
from hitl_orchestrator.learning.bounds import Promise
from hitl_orchestrator.learning.certification import certify
from hitl_orchestrator.learning.evidence import Group, evidence_in

DICE = np.random.default_rng(8)


def a_year(number=600, **fields):
    """Cases that people decided: sure ones are right, and the others are often wrong."""
    sure = DICE.random(number) < 0.7
    wrong = ~sure & (DICE.random(number) < 0.5)
    return [
        reviewed(at, "reject" if bad else "approve", confidence_score=0.95 if good else 0.6, **fields)
        for at, (good, bad) in enumerate(zip(sure, wrong, strict=True))
    ]


def test_the_bound_lets_through_what_the_labels_support_and_no_more():
    certificate = certify(evidence_in(frame_of(a_year()), Group()))

    assert certificate.bound == 0.95
    assert certificate.coverage == pytest.approx(0.7, abs=0.06)
    assert (certificate.errors_above, certificate.why_not) == (0, None)
    assert certificate.upper < certificate.alpha


def test_each_group_has_its_own_evidence():
    rows = [*a_year(300, task_type="refund"), *a_year(300, task_type="loan", domain="lending")]
    for number, row in enumerate(rows):
        row["case_id"] = f"case-{number}"
    cases = frame_of(rows)

    sizes = [len(evidence_in(cases, Group(task_type=kind)).labels) for kind in ("refund", "loan", None, "other")]

    assert sizes == [300, 300, 600, 0]
    assert Group("refund", "low", "payments").text == "refund, low risk, in payments"
    assert certify(evidence_in(cases, Group("other"))).why_not == "not enough data: no past case"


def test_cases_that_no_one_could_have_looked_at_prevent_a_certificate():
    rows = [*a_year(), automatic(1000, review_probability=0.0, confidence_score=0.99)]

    certificate = certify(evidence_in(frame_of(rows), Group()))

    assert certificate.bound is None
    assert certificate.why_not.startswith("1 of 601 cases went ahead with no chance to be looked at")


@pytest.mark.parametrize("chance", [0.0, -0.5, 1.5, float("nan")])
def test_a_decision_of_no_known_probability_is_no_label(chance):
    rows = [*a_year(), reviewed(1000, review_probability=chance, confidence_score=0.99)]

    evidence = evidence_in(frame_of(rows), Group())

    assert (len(evidence.labels), evidence.unseen) == (600, 1)
    assert certify(evidence).bound is None


def test_reviews_that_were_due_and_not_answered_count_as_errors():
    timed_out = {"decision_source": "timeout", "human_decision": None, "final_decision": "rejected"}
    rows = a_year(200) + [reviewed(500 + at, confidence_score=0.95) | timed_out for at in range(30)]

    evidence = evidence_in(frame_of(rows), Group())

    assert evidence.unanswered == 30
    assert certify(evidence).bound is None


def test_a_case_that_was_held_by_chance_stands_for_those_that_went_ahead():
    held = [reviewed(at, confidence_score=0.95, review_probability=0.25) for at in range(400)]
    required = [reviewed(1000 + at, "reject", confidence_score=0.5) for at in range(400)]

    labels = evidence_in(frame_of(held + required), Group()).labels

    assert sorted(set(labels.probability)) == [0.25, 1.0]
    certificate = certify(evidence_in(frame_of(held + required), Group()))
    assert certificate.bound == 0.95
    assert 400 < certificate.labels < 600


def test_a_certificate_names_its_data_and_reads_back():
    certificate = certify(evidence_in(frame_of(a_year(100)), Group()), Promise(0.1, 0.1))

    assert (certificate.first, certificate.last) == (MONDAY, MONDAY + timedelta(seconds=99))
    assert len(certificate.evidence_hash) == 64
    assert Certificate.model_validate_json(certificate.model_dump_json()) == certificate


@given(st.permutations(range(60)))
def test_the_order_of_the_cases_changes_nothing(order):
    rows = [reviewed(at, "reject" if at % 9 == 0 else "approve", confidence_score=at / 60) for at in range(60)]

    found = {certify(evidence_in(frame_of([rows[at] for at in places]), Group())) for places in (order, range(60))}

    assert len(found) == 1
