"""Every metric of random ledgers, against plain loops over their rows."""

import json
from collections import defaultdict
from itertools import permutations
from statistics import fmean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.outcome_frames import MONDAY, frame_of
from support.random_outcomes import ledgers

from hitl_orchestrator.insights.frame import FRAME, prepared
from hitl_orchestrator.insights.metrics import measure
from hitl_orchestrator.insights.metrics.model import DIMENSIONS, Looks, Mark, StakeField
from hitl_orchestrator.services.insights.frames import columns_for

VERDICTS = ("approve", "reject", "modify", "override")
LOWER_ENDS = {"<0.50": 0, "0.50-0.60": 0.5, "0.60-0.70": 0.6, "0.70-0.80": 0.7, "0.80-0.90": 0.8, "0.90-0.95": 0.9}
SEEN = settings(max_examples=20, deadline=None)


def measured(rows, **options):
    return measure(frame_of(rows), stake=StakeField(field="amount", unit="EUR"), **options)


def decided(rows):
    """The decided cases of agents, with what a loop finds out about each."""
    checks = {}
    for row in rows:
        if row.get("quality_check") == "spot_check":
            checks[row["quality_check_of"]] = row
    for row in rows:
        is_case = row.get("quality_check") is None and row["task_type"] != "policy_change"
        if not is_case or row["final_decision"] in {"canceled", "superseded"}:
            continue
        auto = row["decision_source"] == "agent"
        drawn = auto and row["drawn"]
        look = row if row["decision_source"] == "human" else checks.get(row["case_id"]) if drawn else None
        confidence = row["confidence_score"]
        band = "none" if confidence is None else "0.95-1.00"
        if confidence is not None and confidence < 0.95:
            band = [name for name, end in LOWER_ENDS.items() if end <= confidence][-1]
        yield row | {
            "auto": auto,
            "person": row["decision_source"] == "human",
            "drawn": drawn,
            "look": look,
            "wrong": None if look is None else look["human_decision"] != "approve",
            "weight": 1 / row["review_probability"] if auto and look else 1.0,
            "confidence_band": band,
            "escalated": not auto and (row["routing_decision"] == "escalate" or row["escalations"] > 0),
        }


def share(answers):
    listed = list(answers)
    return sum(listed), len(listed), sum(listed) / len(listed) if listed else None


def same(found, answers):
    assert (found.count, found.of, found.share) == share(answers)


def check_group(found, cases):
    people = [case["human_decision"] for case in cases if case["person"]]
    same(found.automation, [case["auto"] for case in cases])
    same(found.review, [not case["auto"] and not case["escalated"] for case in cases])
    same(found.escalation, [case["escalated"] for case in cases])
    same(found.overturn, [decision != "approve" for decision in people])
    assert {name: getattr(found.verdicts, name) for name in VERDICTS} == {name: people.count(name) for name in VERDICTS}
    assert found.verdicts.timeout == sum(case["decision_source"] == "timeout" for case in cases)
    assert found.verdicts.label_changed == sum(
        bool(case["label_changed"]) for case in cases if case["person"] and case["human_decision"] == "modify"
    )


def check_errors(found, cases):
    """Compare what is counted: the estimate itself has its own tests."""
    auto = [case for case in cases if case["auto"]]
    if found is None:
        assert not auto
        return
    strata = defaultdict(list)
    for case in auto:
        strata[case["review_probability"]].append(case)
    dark = [len(each) for each in strata.values() if not any(case["drawn"] for case in each)]
    assert (found.cases, found.reviews) == (len(auto), sum(case["look"] is not None for case in auto))
    assert found.unseen == sum(dark)
    assert found.share is None
    assert not found.enough


def keys_of(case, dimension):
    if dimension == "signal":
        return case["signals"].split() or ["none"]
    return [case.get(dimension)]


@SEEN
@given(rows=ledgers())
def test_counts_rates_and_groups(rows):
    found, cases = measured(rows), list(decided(rows))

    assert (found.cases.decided, found.cases.replayed, found.cases.redacted) == (
        len(cases),
        sum(case["replayed"] for case in cases),
        sum(case["redacted"] for case in cases),
    )
    for name in ("canceled", "superseded"):
        assert getattr(found.cases, name) == sum(row["final_decision"] == name for row in rows)
    assert found.cases.quality_checks == sum(row.get("quality_check") is not None for row in rows)
    assert found.cases.changes == sum(row["task_type"] == "policy_change" for row in rows)
    assert found.cases.unanswered_checks == sum(case["drawn"] and case["look"] is None for case in cases)
    check_group(found, cases)
    check_errors(found.automatic_errors, cases)
    for name in VERDICTS:
        which = {"approve": "approval", "reject": "rejection", "modify": "modification", "override": "override"}[name]
        same(getattr(found, which), [case["human_decision"] == name for case in cases if case["person"]])
    for dimension in DIMENSIONS:
        groups = defaultdict(list)
        for case in cases:
            for key in keys_of(case, dimension):
                groups[key].append(case)
        assert {group.key: group.cases for group in found.by[dimension]} == {k: len(v) for k, v in groups.items()}
        for group in found.by[dimension]:
            check_group(group, groups[group.key])
            check_errors(group.automatic_errors, groups[group.key])
            known = [case["confidence_score"] for case in groups[group.key] if case["confidence_score"] is not None]
            assert group.mean_confidence == (pytest.approx(fmean(known)) if known else None)
            stated = [case["stake"] for case in groups[group.key] if case["stake"] is not None]
            assert group.stake == (sum(stated) if stated else None)


@SEEN
@given(rows=ledgers())
def test_the_map_the_rules_and_the_types_of_errors(rows):
    found, cases = measured(rows, active_rules={"r1": "auto_approve", "r9": "escalate"}), list(decided(rows))

    cells = defaultdict(list)
    rules = defaultdict(list)
    for case in cases:
        cells[case["task_type"], case["confidence_band"]].append(case)
        rules[case["rule_id"], case["routing_decision"]].append(case)
    assert {(one.task_type, one.confidence_band): one.cases for one in found.overturn_map} == {
        key: len(each) for key, each in cells.items()
    }
    for one in found.overturn_map:
        same(one.overturn, [case["wrong"] for case in cells[one.task_type, one.confidence_band] if case["person"]])
    assert {(one.rule_id, one.action): one.cases for one in found.rules} == {k: len(v) for k, v in rules.items()}
    for one in found.rules:
        same(one.overturn, [case["wrong"] for case in rules[one.rule_id, one.action] if case["person"]])
        assert one.in_force == ((one.rule_id, one.action) == ("r1", "auto_approve"))
    fired = {case["rule_id"] for case in cases}
    assert list(found.never_fired) == [rule for rule in ("r1", "r9") if rule not in fired]
    wrong = [case for case in cases if case["wrong"]]
    reasons = [case["look"].get("reason_code") for case in wrong]
    assert {one.reason_code: one.cases.count for one in found.error_types} == {r: reasons.count(r) for r in reasons}
    for one in found.error_types:
        types = [c["task_type"] or "none" for c in wrong if c["look"].get("reason_code") == one.reason_code]
        assert one.by_task_type == {name: types.count(name) for name in types}
        assert one.cases.of == len(wrong)


@SEEN
@given(rows=ledgers())
def test_what_confidence_is_worth(rows):
    found = measured(rows, sure=0.8)
    looks = [case for case in decided(rows) if case["look"] and case["confidence_score"] is not None]

    sure = [case for case in looks if case["confidence_score"] >= 0.8]
    same(found.false_confidence.overturned, [case["wrong"] for case in sure])
    wrong = {case["case_id"]: case for case in sure if case["wrong"]}
    assert {one.case_id for one in found.false_confidence.cases} == set(wrong)
    for one in found.false_confidence.cases:
        case = wrong[one.case_id]
        assert (one.decision, one.reviewer_id) == (case["look"]["human_decision"], case["look"]["reviewer_id"])
        assert (one.is_spot_check, one.reason_code) == (case["auto"], case["look"].get("reason_code"))
    total = sum(case["weight"] for case in looks)
    calibration = found.calibration
    assert calibration.cases == found.risk_coverage.cases == len(looks)
    if not looks:
        assert (calibration.ece, calibration.brier, found.risk_coverage.area) == (None, None, None)
        return
    bins = defaultdict(list)
    for case in looks:
        bins[max(step for step in range(10) if case["confidence_score"] >= step / 10)].append(case)
    gaps = [sum(c["weight"] * (c["confidence_score"] - (not c["wrong"])) for c in each) for each in bins.values()]
    assert calibration.ece == pytest.approx(sum(map(abs, gaps)) / total)
    brier = sum(c["weight"] * (c["confidence_score"] - (not c["wrong"])) ** 2 for c in looks) / total
    assert calibration.brier == pytest.approx(brier)
    assert [(round(one.low * 10), one.approved.of) for one in calibration.bins] == [
        (number, len(bins[number])) for number in sorted(bins)
    ]
    area, before = 0.0, 0.0
    for bound in sorted({case["confidence_score"] for case in looks}, reverse=True):
        above = [case for case in looks if case["confidence_score"] >= bound]
        weight = sum(case["weight"] for case in above)
        area += (weight - before) / total * sum(case["weight"] * case["wrong"] for case in above) / weight
        before = weight
    assert found.risk_coverage.area == pytest.approx(area)
    assert [point.bound for point in found.risk_coverage.points] == sorted(
        {case["confidence_score"] for case in looks}, reverse=True
    )


def quantile(values, level):
    ordered = sorted(values)
    place = level * (len(ordered) - 1)
    low = ordered[int(place)]
    return low + (ordered[min(int(place) + 1, len(ordered) - 1)] - low) * (place - int(place))


def same_times(found, values):
    assert found.of == len(values)
    for name, level in (("median", 0.5), ("p90", 0.9), ("p99", 0.99)):
        assert getattr(found, name) == (pytest.approx(quantile(values, level)) if values else None)


def stated(case):
    """A record that was decided at the time of its task, or by itself, states no duration."""
    return not (case["replayed"] and (case["auto"] or case["latency_seconds"] <= 0))


@SEEN
@given(rows=ledgers())
def test_times_the_trend_and_the_amounts(rows):
    found, cases = measured(rows, every="1d", looks=Looks(now=MONDAY, open=3, open_stake=7.0)), list(decided(rows))

    people = [case for case in cases if case["person"]]
    live = [case for case in people if not case["replayed"]]
    viewed = [case for case in live if case["seconds_looked_at"] is not None]
    same_times(found.latency.total, [case["latency_seconds"] for case in people if stated(case)])
    automatic = [case["latency_seconds"] for case in cases if case["auto"] and stated(case)]
    same_times(found.latency.automatic, automatic)
    same_times(found.latency.working, [case["seconds_looked_at"] for case in viewed])
    same_times(found.latency.waiting, [case["review_seconds"] - case["seconds_looked_at"] for case in viewed])
    same(found.latency.overdue, [case["timestamp"] > case["due_at"] for case in live if case["due_at"]])
    for name, groups in (("human_role", found.latency.by_role), ("risk_level", found.latency.by_risk)):
        assert set(groups) == {case[name] for case in people if stated(case)}
        for key, times in groups.items():
            same_times(times, [case["latency_seconds"] for case in people if case[name] == key and stated(case)])
    days = defaultdict(list)
    for case in cases:
        days[case["timestamp"].date()].append(case)
    assert [moment.start.date() for moment in found.trend] == sorted(days)
    for moment in found.trend:
        day = days[moment.start.date()]
        same(moment.automation, [case["auto"] for case in day])
        same(moment.overturn, [case["wrong"] for case in day if case["person"]])
        same(
            moment.false_confidence,
            [case["wrong"] for case in day if case["look"] and (case["confidence_score"] or 0) >= 0.8],
        )
        waited = [case["latency_seconds"] for case in day if case["person"] and stated(case)]
        assert moment.median_latency == (pytest.approx(median(waited)) if waited else None)
    (stake,) = found.stakes if "stake" in frame_of(rows).columns else (None,)
    if stake:
        paid = [case for case in cases if case["stake"] is not None]
        assert (stake.cases, stake.stated, stake.total) == (len(cases), len(paid), sum(c["stake"] for c in paid))
        assert stake.automatic == sum(case["stake"] for case in paid if case["auto"])
        assert stake.reviewed == sum(case["stake"] for case in paid if case["person"])
        assert stake.overturned == sum(case["stake"] for case in paid if case["person"] and case["wrong"])
        assert (stake.open, stake.unit, found.cases.open) == (7.0, "EUR", 3)


@SEEN
@given(rows=ledgers())
def test_a_period_measures_its_cases_only(rows):
    middle = MONDAY.replace(day=12)
    found = [measured(rows, since=middle), measured(rows, until=middle)]
    parts = [[case for case in decided(rows) if (case["timestamp"] >= middle) is late] for late in (True, False)]

    for metrics, cases in zip(found, parts, strict=True):
        check_group(metrics, cases)
        assert metrics.period.first == min((case["timestamp"] for case in cases), default=None)
        assert metrics.period.last == max((case["timestamp"] for case in cases), default=None)
        assert all(mark.at >= middle for mark in found[0].marks)
    together = measured(rows)
    assert sum(metrics.cases.decided for metrics in found) == together.cases.decided
    for reviewer in together.reviewers:
        parts_of = [one for metrics in found for one in metrics.reviewers if one.reviewer == reviewer.reviewer]
        assert sum(one.cases for one in parts_of) == reviewer.cases


def final_answers(row):
    """The last final answer of each person, in order, as people gave them."""
    votes = json.loads(row["votes"]) if row.get("votes") else [[row.get("reviewer_id"), row.get("human_decision")]]
    return [(vote[0], vote[1]) for vote in votes if vote[0] and vote[1] and vote[1] != "escalate"]


@SEEN
@given(rows=ledgers())
def test_load_agreement_and_care_of_reviewers(rows):
    live = [row for row in rows if not row["replayed"] and row["task_type"] != "policy_change"]
    by_case = {row["case_id"]: row for row in live}
    load, agent, gold, peers, times = (defaultdict(list) for _ in range(5))
    for row in live:
        in_order = final_answers(row)
        answers = dict(in_order)
        for person, decision in answers.items():
            load[person].append(row)
            if row.get("quality_check") is None and row["has_proposal"]:
                agent[person].append(decision == "approve")
            if row.get("quality_check") == "known_answer" and row["quality_check_expected"] not in {None, "approve"}:
                gold[person].append(decision == "approve")
        if row.get("human_decision") and in_order and row["seconds_looked_at"] is not None:
            times[in_order[-1][0]].append((row["seconds_looked_at"], row["shown_length"]))
        pairs = list(permutations(answers.items(), 2))
        if row.get("quality_check") == "second_review" and row["quality_check_of"] in by_case:
            first = dict(final_answers(by_case[row["quality_check_of"]]))
            for one in answers.items():
                for other in first.items():
                    pairs += [(one, other), (other, one)] if one[0] != other[0] else []
        for (person, decision), (_, other) in pairs:
            peers[person].append(decision == other)

    found = measured(rows).reviewers

    assert [one.reviewer for one in found] == sorted(load)
    for one in found:
        name = one.reviewer
        assert one.cases == len(load[name])
        same(one.with_agent, agent[name])
        same(one.gold_errors_approved, gold[name])
        same(one.with_peers, peers[name])
        paces = [seconds * 1000 / length for seconds, length in times[name] if length]
        assert one.median_seconds == (pytest.approx(median(s for s, _ in times[name])) if times[name] else None)
        assert one.median_seconds_per_1000 == (pytest.approx(median(paces)) if paces else None)


@SEEN
@given(rows=ledgers(), by=st.sampled_from(DIMENSIONS))
def test_an_overview_says_the_same_from_its_few_columns(rows, by):
    frame, marks = frame_of(rows), [Mark(at=MONDAY, kind="policy", label="p 1")]
    whole = measure(prepared(frame.select(*FRAME)), marks=marks)
    found = measure(prepared(frame.select(columns_for(by))), marks=marks, by=by)

    shown = {name: without_means(groups) for name, groups in whole.by.items() if name == by}
    sure = whole.false_confidence
    expected = whole.model_copy(
        update={
            "by": shown,
            "cases": whole.cases.model_copy(update={"named": 0, "shown": 0}),
            "overturn_map": (),
            "reviewers": (),
            "deciders": (),
            "rules": (),
            "error_types": (),
            "latency": whole.latency.model_copy(update={"by_role": {}, "by_risk": {}}),
            "false_confidence": sure.model_copy(update={"cases": (), "left_out": len(sure.cases) + sure.left_out}),
        }
    )
    assert found.model_copy(update={"by": {by: without_means(found.by[by])}}) == expected


def without_means(groups):
    """The groups without sums of numbers, which are rounded as they are added."""
    return [group.model_copy(update={"mean_confidence": None}) for group in groups]
