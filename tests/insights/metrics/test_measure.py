"""Metrics of few cases, of the canonical ones, and of agents whose faults are known."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from support.builders import canonical
from support.internals import services_of
from support.outcome_frames import FINAL, MONDAY, automatic, checked, frame_of, reviewed

from hitl_orchestrator import AgentOutput, Orchestrator, Review, Task
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.escaped_errors import escaped_errors
from hitl_orchestrator.insights.frame import FRAME, from_rows, prepared
from hitl_orchestrator.insights.metrics import measure
from hitl_orchestrator.insights.metrics.confidence import MOST_LISTED, MOST_POINTS
from hitl_orchestrator.insights.metrics.groups import MOST_GROUPS
from hitl_orchestrator.insights.metrics.model import Looks, Mark, Metrics, StakeField, Verdicts
from hitl_orchestrator.insights.strata import Stratum, stratum_of

pl = pytest.importorskip("polars")
metrics_tools = pytest.importorskip("sklearn.metrics")
calibration_tools = pytest.importorskip("sklearn.calibration")

FEW = {
    "none": [],
    "one automatic": [automatic(0)],
    "one reviewed": [reviewed(0, "modify")],
    "one without a confidence": [reviewed(0, "reject", confidence_score=None)],
    "one with a confidence that is no number": [reviewed(0, confidence_score=float("nan"))],
    "one without a task type": [automatic(0, task_type=None, domain=None, agent_id=None)],
    "only a check": [checked(0, automatic(0))],
    "only a change": [reviewed(0, task_type="policy_change")],
    "only canceled": [
        automatic(0, final_decision="canceled", decision_source="submitter", routing_decision="human_review")
    ],
    "only expired": [
        automatic(0, final_decision="rejected", decision_source="timeout", routing_decision="human_review")
    ],
    "only replayed": [automatic(0, replayed=True), reviewed(1, "override", replayed=True, seconds_looked_at=None)],
    "certain": [automatic(0, review_probability=1.0), reviewed(1, confidence_score=1.0)],
}


@pytest.mark.parametrize("rows", FEW.values(), ids=FEW)
def test_few_cases_give_metrics_without_an_exception(rows):
    now = MONDAY + timedelta(days=1)
    found = measure(frame_of(rows), Looks(now=now, open=5, overdue=2), stake=StakeField(field="amount"))

    assert Metrics.model_validate_json(found.model_dump_json()) == found
    assert (found.cases.open, found.cases.overdue) == (5, 2)
    assert (found.automatic_errors.share, found.calibration.why_not is not None) == (None, True)
    assert found.risk_coverage.why_not == found.calibration.why_not
    assert all(one.verdict == "not_enough_data" for one in found.autonomy)
    assert all("not enough data: " in one.sentence and " of 30" in one.sentence for one in found.autonomy)
    assert measure(frame_of(rows), until=MONDAY - timedelta(days=1)).automation.share is None


def test_a_share_without_cases_is_none_and_never_zero():
    found = measure(frame_of([]))

    shares = [found.automation, found.review, found.escalation, found.overturn, found.override, found.rejection]
    assert {(one.of, one.share, one.lowest) for one in shares} == {(0, None, None)}
    assert (found.calibration.ece, found.calibration.brier, found.risk_coverage.area) == (None, None, None)
    assert (found.period.first, found.trend, found.rules, found.reviewers) == (None, (), (), ())


def test_few_cases_say_how_many_are_needed():
    found = measure(frame_of([reviewed(number) for number in range(12)]))

    assert found.overturn.why_not == found.calibration.why_not == "not enough data: 12 of 30"
    assert found.autonomy[0].sentence == "not enough data: 12 of 30 effective looks at cases with a confidence"
    assert measure(frame_of([reviewed(number) for number in range(30)])).overturn.why_not is None


def test_replayed_reviews_have_no_times_of_work():
    found = measure(frame_of([reviewed(0, replayed=True), reviewed(1)]))

    assert (found.latency.total.of, found.latency.working.of, found.latency.waiting.of) == (2, 1, 1)
    assert [one.cases for one in found.reviewers] == [1]
    assert (found.cases.replayed, found.overturn.of) == (1, 2)


def test_the_canonical_cases_give_the_canonical_metrics():
    outputs = {given["task_id"]: AgentOutput(**given) for given in canonical("agent_outputs")}
    reviews = {given["task_id"]: Review(**given) for given in canonical("human_reviews")}
    with Orchestrator.open("memory://") as opened:
        hitl = opened.acting_as("senior_manager")
        for given in canonical("tasks"):
            case = hitl.submit(Task(**given), outputs[given["task_id"]], replay=True)
            if case.status == "waiting":
                hitl.cases.replay(reviews[given["task_id"]], case.case_id)
        found = measure(prepared(from_rows(services_of(hitl).ledger.outcomes(*FRAME))))

    assert (found.cases.decided, found.cases.replayed, found.automation.share) == (5, 5, 0.4)
    assert (found.review.count, found.escalation.count) == (2, 1)
    assert found.verdicts == Verdicts(approve=1, modify=1, override=1)
    assert (found.latency.total.of, found.latency.total.median) == (3, 900)
    assert {role: times.median for role, times in found.latency.by_role.items()} == {
        "domain_reviewer": 960,
        "senior_manager": 900,
    }
    assert (found.reviewers, found.latency.working.of) == ((), 0)


@pytest.mark.parametrize(
    "options",
    [
        {"tolerated": 0.0},
        {"tolerated": 1.0},
        {"by": "weather"},
        {"sure": 1.1},
        {"every": "2d"},
        {"every": ""},
        {"since": MONDAY.replace(tzinfo=None)},
    ],
)
def test_an_invalid_option_is_refused(options):
    with pytest.raises(
        InvalidInput,
        match=r"tolerated: .* must lie between|(every|by): .* is not one of (1h, 1d, 1w, 1mo|task_type)|no time zone",
    ):
        measure(frame_of([]), **options)


def looked_at(count, seed=1):
    """Reviewed cases of an agent that is over-confident, with the truth about each."""
    dice = random.Random(seed)
    for number in range(count):
        confidence = dice.random()
        right = dice.random() < confidence * 0.8
        yield reviewed(number, "approve" if right else dice.choice(["reject", "modify"]), confidence_score=confidence)


def test_calibration_agrees_with_scikit_learn():
    rows = list(looked_at(700))
    right = [row["human_decision"] == "approve" for row in rows]
    stated = [row["confidence_score"] for row in rows]

    found = measure(frame_of(rows)).calibration

    shares, means = calibration_tools.calibration_curve(right, stated, n_bins=10)
    assert found.brier == pytest.approx(metrics_tools.brier_score_loss(right, stated))
    assert [one.approved.share for one in found.bins] == pytest.approx(list(shares))
    assert [one.mean_confidence for one in found.bins] == pytest.approx(list(means))
    assert found.ece == pytest.approx(
        sum(one.weight * abs(share - mean) for one, share, mean in zip(found.bins, shares, means, strict=True)) / 700
    )
    assert found.ece > 0.05


def drawn_rows(count, seed=1):
    """Automatic cases of which a third or all are checked, and reviewed ones; a sixth of the checks are open."""
    dice = random.Random(seed)
    for number in range(count):
        confidence = dice.random()
        wrong = dice.random() < 0.4 * (1 - confidence)
        decision = "reject" if wrong else "approve"
        if confidence < 0.3:
            yield reviewed(number, decision, confidence_score=confidence), None
            continue
        case = automatic(number, confidence_score=confidence, review_probability=0.3 if confidence < 0.9 else 1.0)
        yield case, checked(10_000 + number, case, decision) if case["drawn"] and dice.random() < 5 / 6 else None


def test_automatic_cases_are_weighted_by_the_recorded_probability():
    pairs = list(drawn_rows(900))
    rows = [row for pair in pairs for row in pair if row]
    looks = [(row, row) if row["decision_source"] == "human" else (row, check) for row, check in pairs]
    looks = [(row, look) for row, look in looks if look]
    weights = [1 / row["review_probability"] for row, _ in looks]

    found = measure(frame_of(rows))

    right = [look["human_decision"] == "approve" for _, look in looks]
    stated = [row["confidence_score"] for row, _ in looks]
    assert found.calibration.brier == pytest.approx(
        metrics_tools.brier_score_loss(right, stated, sample_weight=weights)
    )
    auto = sum(row["decision_source"] == "agent" for row, _ in pairs)
    assert f", and {auto} automatic cases through " in found.calibration.represents
    assert len(found.risk_coverage.points) <= MOST_POINTS + 1
    assert (found.risk_coverage.points[-1].coverage, found.risk_coverage.cases) == (1.0, len(looks))
    assert found.risk_coverage.points[-1].risk == pytest.approx(
        sum(w for w, ok in zip(weights, right, strict=True) if not ok) / sum(weights)
    )


def test_errors_of_automatic_cases_come_from_their_strata():
    pairs = [(row, check) for row, check in drawn_rows(900) if row["decision_source"] == "agent"]
    counts = {chance: Counter() for chance in (0.3, 1.0)}
    for row, check in pairs:
        chance = row["review_probability"]
        counts[chance] += Counter(
            cases=1,
            due=row["drawn"],
            looks=check is not None,
            wrong=check is not None and check["human_decision"] != "approve",
        )
    names = ("cases", "due", "looks", "wrong")
    strata = [Stratum(chance, *(each[name] for name in names)) for chance, each in counts.items()]

    found = measure(frame_of([row for pair in pairs for row in pair if row])).automatic_errors

    assert found == escaped_errors(strata, of="automatic cases")
    assert found.unanswered > 0
    assert found.lowest < found.share < found.highest


def test_without_spot_checks_nothing_is_claimed_about_automatic_cases():
    found = measure(frame_of([*map(automatic, range(100)), *(reviewed(number) for number in range(100, 200))]))

    assert (found.automatic_errors.share, found.automatic_errors.enough) == (None, False)
    assert found.automatic_errors.why_not.startswith(
        "100 % of the automatic cases are of a kind that was never reviewed"
    )
    assert "none of the 100 automatic cases: no spot check of them is answered" in found.calibration.represents
    assert found.overturn.share == 0


def test_the_surest_mistakes_come_first_and_the_rest_is_counted():
    rows = [reviewed(number, "override", confidence_score=0.8 + number / 1000) for number in range(MOST_LISTED + 10)]

    found = measure(frame_of(rows)).false_confidence

    assert (len(found.cases), found.left_out, found.overturned.count) == (MOST_LISTED, 10, MOST_LISTED + 10)
    assert [one.task_id for one in found.cases[:2]] == ["task-59", "task-58"]


def test_changes_of_version_and_policy_are_marked_and_the_first_ones_are_not():
    rows = [
        automatic(number, model_version="2" if number > 5 else "1", policy_hash="ab"[number > 7] * 64)
        for number in range(10)
    ]
    stated = Mark(at=MONDAY + timedelta(seconds=3), kind="policy", label="p 2")

    found, with_stated = measure(frame_of(rows)), measure(frame_of(rows), marks=[stated])

    assert [(mark.kind, mark.text[:18], mark.at) for mark in found.marks] == [
        ("agent_version", "agent agent: versi", MONDAY + timedelta(seconds=6)),
        ("policy", "new policy p bbbbb", MONDAY + timedelta(seconds=8)),
    ]
    assert [mark.kind for mark in with_stated.marks] == ["policy", "agent_version"]


@pytest.mark.parametrize(("days", "every"), [(0, "1h"), (2, "1h"), (30, "1d"), (300, "1w"), (3000, "1mo")])
def test_the_interval_of_the_trend_suits_the_period(days, every):
    found = measure(frame_of([automatic(0), automatic(1, timestamp=MONDAY + timedelta(days=days))]))

    assert (found.every, sum(moment.cases for moment in found.trend)) == (every, 2)


def test_the_fallback_is_always_in_force():
    rows = [reviewed(number, rule_id=rule) for number, rule in enumerate(("fallback", "gone"))]

    found = measure(frame_of(rows), active_rules={"kept": Action.ESCALATE})

    assert {use.rule_id: use.in_force for use in found.rules} == {"fallback": True, "gone": False}
    assert found.never_fired == ("kept",)


def test_the_final_decisions_of_people_are_all_counted():
    rows = [reviewed(number, decision) for number, decision in enumerate(FINAL)]

    found = measure(frame_of(rows))

    assert [found.approval.count, found.rejection.count, found.modification.count, found.override.count] == [1] * 4
    assert (found.overturn.count, found.overturn.of) == (3, 4)


def test_of_very_many_groups_the_largest_are_measured_and_the_others_counted():
    rows = [
        automatic(number, task_type=f"type-{number}", agent_id=f"agent-{number}") for number in range(MOST_GROUPS + 7)
    ]
    rows += [automatic(1000 + number, task_type="large") for number in range(3)]

    found = measure(frame_of(rows))

    assert found.left_out == {"task_type": 8, "agent_id": 8}
    assert [len(found.by["task_type"]), len(found.autonomy), len(found.overturn_map)] == [MOST_GROUPS] * 3
    assert (found.by["task_type"][0].key, found.autonomy[0].task_type) == ("large", "large")


def test_the_same_cases_give_the_same_bytes():
    frame = frame_of([row for pair in drawn_rows(600) for row in pair if row])

    assert len({measure(frame).model_dump_json() for _ in range(5)}) == 1


def test_nearly_certain_reviews_are_a_sample_and_no_census():
    chances = [None, 0.0, 1e-6, 0.1234, 0.1249, 0.994, 0.9999, 1.0]

    found = pl.DataFrame({"chance": chances}, {"chance": pl.Float64}).select(stratum_of(pl, pl.col("chance")))

    assert found.to_series().to_list() == [0.0, 0.0, 1e-6, 0.12, 0.12, 0.99, 0.99, 1.0]
