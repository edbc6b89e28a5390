"""A backtest: changed decisions, loads, escaped errors."""

import polars as pl
import pytest
from support.past_cases import NEW, OLD, a_case, run
from support.random_policies import a_policy_with

from hitl_orchestrator.backtest import run_backtest
from hitl_orchestrator.backtest.history import scan
from hitl_orchestrator.backtest.run import MOST_NAMES
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.queue_forecast import Capacity


def test_changed_answers_are_counted_by_rule_domain_and_type():
    found = run(
        [
            a_case(),
            a_case(),
            a_case(confidence_score=0.9, risk_level="high", domain="legal"),
            a_case(confidence_score=0.5),
        ]
    )

    assert [(one.before_rule, one.after, one.after_rule, one.cases) for one in found.flips] == [
        ("r2", "auto_approve", "r2", 2),
        ("r1", "escalate", "r1", 1),
    ]
    assert [(one.name, one.cases, one.stricter, one.looser) for one in found.domains] == [
        ("payments", 3, 0, 2),
        ("legal", 1, 1, 0),
    ]
    assert (found.flipped, found.stricter, found.looser) == (3, 1, 2)
    assert (found.automated_before, found.automated_after) == (0.25, 0.5)


def test_the_load_of_a_role_counts_every_answer_on_every_day():
    monday = [a_case(risk_level="high")] * 3
    tuesday = [
        a_case(risk_level="high", task_timestamp="2025-01-07T23:59:59Z"),
        a_case(task_timestamp="2025-01-07T00:00:00Z"),
    ]
    found = run(monday + tuesday, capacity={"senior_manager": Capacity(1, 5), "domain_reviewer": Capacity(1, 5)})
    loads = {one.role: one for one in found.loads}

    assert (found.days, found.spot_checks_a_day) == (2, 0.25)
    assert (loads["senior_manager"].a_day, loads["senior_manager"].busiest_day) == (4, 6)
    assert loads["senior_manager"].waits_days == pytest.approx(0.8)
    assert (loads["domain_reviewer"].before_a_day, loads["domain_reviewer"].a_day) == (2.5, 0)
    assert run(monday, capacity={"senior_manager": Capacity(1, 5)}).loads[1].grows


def test_held_and_checked_cases_are_counted_beside_the_load():
    holding = a_policy_with([("auto_approve", {"min_confidence": 0.6}, {"hold": 0.2, "spot_check": 0.5}.items())])
    found = run([a_case()] * 10, holding)

    assert (found.held_a_day, found.spot_checks_a_day) == (pytest.approx(2), pytest.approx(4))


def test_the_day_of_a_case_is_that_of_its_task():
    case = a_case(timestamp="2025-01-07T00:30:00Z")
    del case["task_timestamp"]

    assert run([case]).first_day == "2025-01-06"


def test_only_reviews_of_approved_cases_count_for_escaped_errors():
    wrong = [a_case(human_decision=answer) for answer in ("reject", "modify", "override")]
    found = run(
        [*wrong, *[a_case()] * 57, *[a_case(confidence_score=0.5, human_decision="reject")] * 40]
    ).escaped_errors

    assert (found.cases, found.reviews, found.unseen, found.share) == (60, 60, 0, 0.05)
    assert found.enough


def test_a_case_without_an_answer_is_not_a_review():
    found = run(
        [*[a_case()] * 40, *[a_case(human_decision=None)] * 10, *[a_case(human_decision="escalate")] * 5]
    ).escaped_errors

    assert (found.cases, found.reviews) == (55, 40)


def test_quality_checks_of_reviewers_are_not_counted_as_cases():
    assert run([a_case(), a_case(quality_check="known_answer"), a_case(quality_check="second_review")]).cases == 1


def test_two_policies_are_compared_independently_of_recorded_decisions():
    strange = a_case(routing_decision="escalate", rule_id="gone")
    found = run([strange], old=OLD)

    assert [(one.before, one.before_rule) for one in found.flips] == [("human_review", "r2")]
    assert not found.recorded


def test_cases_without_a_fact_that_the_policy_reads_are_refused():
    case = a_case()
    del case["metadata"]
    with pytest.raises(InvalidInput, match="the policy reads metadata, and the cases have no such column"):
        run([case], a_policy_with([("escalate", {"metadata": {"amount": {"gt": 1}}})]))
    with pytest.raises(InvalidInput, match="there are no cases"):
        run_backtest(NEW, [])
    with pytest.raises(InvalidInput, match="metadata: not JSON"):
        run([a_case(metadata="{")], a_policy_with([("escalate", {"metadata": {"amount": {"gt": 1}}})]))
    with pytest.raises(InvalidInput, match="'huge' is not one of low, medium, high"):
        run([a_case(risk_level="huge")])


def test_a_backtest_of_erased_cases_only_is_refused_with_the_reason():
    asks = a_policy_with([("escalate", {"metadata": {"amount": {"gt": 1}}})])

    with pytest.raises(InvalidInput, match="no cases for a backtest; 2 were left out, 2 of them erased"):
        run([a_case(metadata=None), a_case(redacted=True)], asks)


def test_the_previous_load_counts_the_required_approvals():
    cases = [a_case(approvals_needed=2), a_case(approvals_needed=None), a_case(approvals_needed=3)]

    assert run(cases).loads[0].before_a_day == 6


def test_cases_without_a_name_are_left_out_and_counted():
    found = run([a_case(), a_case(domain=None), a_case(task_type=None)])

    assert (found.cases, found.left_out, found.erased) == (1, 2, 0)


@pytest.mark.parametrize(
    ("changes", "report"),
    [
        ({"routing_decision": "auto_aprove"}, "routing_decision: 'auto_aprove' is not one of auto_approve"),
        ({"routing_decision": None}, "routing_decision: None is not one of"),
        ({"rule_id": None}, "a recorded answer has no rule"),
        ({"task_timestamp": "yesterday"}, "'yesterday' does not begin with a date"),
        *(
            ({"review_probability": chance}, "here: review_probability: .* is not 0 or a number from 1e-06 to 1")
            for chance in (1.5, -0.1, 1e-300, float("nan"), float("inf"))
        ),
    ],
)
def test_invalid_recorded_answers_are_refused(changes, report):
    with pytest.raises(InvalidInput, match=report):
        run([a_case(), a_case(**changes)], where="here")


def test_metadata_columns_are_read_unchanged(tmp_path):
    policy = a_policy_with([("auto_approve", {"metadata": {"amount": {"lt": 100}, "country": {"eq": "DE"}}})])
    metadata = [{"amount": 5, "country": "DE"}, {"amount": None, "country": "DE"}, {"amount": 500, "country": "DE"}]
    pl.DataFrame([a_case(metadata=one) for one in metadata]).write_parquet(tmp_path / "past.parquet")

    assert run_backtest(policy, [scan(str(tmp_path / "past.parquet"))]).automated_after == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("changes", "report"),
    [
        ({"domain": 7}, "domain: the column holds Int64, and not text"),
        ({"confidence_score": "0.7"}, "confidence_score: the column holds String, and not numbers"),
        ({"redacted": "no"}, "redacted: the column holds String, and not true or false"),
    ],
)
def test_a_file_with_other_columns_is_rejected(tmp_path, changes, report):
    case = {"redacted": False} | a_case() | changes
    pl.DataFrame([case]).write_parquet(tmp_path / "past.parquet")

    with pytest.raises(InvalidInput, match=report):
        scan(str(tmp_path / "past.parquet"))


def test_a_spot_check_is_weighted_by_its_sampling_rate_and_is_no_case():
    ahead = [a_case(confidence_score=0.9, review_probability=0.1)] * 900
    looks = [
        a_case(
            confidence_score=0.9,
            review_probability=0.1,
            routing_decision="human_review",
            rule_id="fallback",
            assigned_human_role="domain_reviewer",
            human_decision="reject" if number < 9 else "approve",
            quality_check="spot_check",
        )
        for number in range(90)
    ]
    found = run(ahead + looks)

    assert (found.cases, found.flipped, found.automated_before, found.flips, found.loads) == (900, 0, 1.0, (), ())
    assert (found.escaped_errors.cases, found.escaped_errors.unseen, found.escaped_errors.reviews) == (900, 0, 90)
    assert (found.escaped_errors.effective_reviews, found.escaped_errors.share) == (
        pytest.approx(90),
        pytest.approx(0.1),
    )


def test_spot_checks_and_required_reviews_are_weighted_by_their_probability():
    """By hand: 100 cases that went ahead, 10 looked at and 5 wrong; 100 that people decided, 10 wrong: 60 of 200."""
    ahead = [a_case(confidence_score=0.9, review_probability=0.1)] * 100
    looks = [
        a_case(
            confidence_score=0.9,
            review_probability=0.1,
            human_decision="reject" if n < 5 else "approve",
            quality_check="spot_check",
        )
        for n in range(10)
    ]
    reviewed = [a_case(human_decision="reject" if number < 10 else "approve") for number in range(100)]

    assert run(ahead + looks + reviewed).escaped_errors.share == pytest.approx(60 / 200)


def test_checks_that_were_drawn_and_not_answered_widen_the_interval():
    cases = [
        a_case(decision_source="agent", confidence_score=0.9, review_probability=0.1, drawn=number % 10 == 3)
        | {"case_id": f"c{number}"}
        for number in range(3000)
    ]
    drawn = [case for case in cases if case["drawn"]]
    checks = [
        case | {"case_id": f"check-{case['case_id']}", "decision_source": "human", "human_decision": "approve"}
        for case in drawn
    ]
    checks = [check | {"quality_check": "spot_check"} for check in checks]

    answered, partly = run(cases + checks).escaped_errors, run(cases + checks[:-20]).escaped_errors

    assert (answered.unanswered, answered.reviews, answered.lowest) == (0, len(drawn), 0)
    assert (partly.unanswered, partly.reviews) == (round(3000 * 20 / len(drawn)), len(drawn) - 20)
    assert partly.highest > 20 / len(drawn) > answered.highest


def test_a_case_without_routing_is_left_out_and_named():
    found = run([a_case(), a_case(is_open=True, risk_level=None, routing_decision=None, rule_id=None)])

    assert (found.cases, found.left_out, found.unrouted, found.erased) == (1, 1, 1, 0)


def test_an_edit_that_keeps_the_label_is_another_kind_of_error():
    modified = [a_case(human_decision="modify", label_changed=changed) for changed in (True, False, False, None)]
    others = [a_case(human_decision="override", label_changed=False), a_case(human_decision="reject")]
    found = run([*modified, *others, *[a_case(label_changed=False)] * 54])

    assert found.escaped_errors.share == pytest.approx(6 / 60)
    assert found.label_errors.share == pytest.approx(3 / 60)
    assert found.field_errors.share == pytest.approx(3 / 60)


def test_every_rule_is_listed_with_its_share_of_past_cases():
    found = run([a_case(), a_case(), a_case(confidence_score=0.5), a_case(task_type="policy_change")])

    assert [(rule.rule_id, rule.cases) for rule in found.rules] == [("r1", 0), ("r2", 2), ("fallback", 1)]
    assert [rule.share for rule in found.rules] == [0, pytest.approx(2 / 3), pytest.approx(1 / 3)]


def test_a_misspelt_field_is_missing_everywhere_and_named_with_the_one_that_is_meant():
    rules = [("escalate", {"metadata": {"amout": {"gt": 1}, "country": {"eq": "AT"}}})]
    policy = a_policy_with(rules, metadata={"amout": "number", "country": "text"})
    texts = [
        '{"amount": 5, "country": "AT"}',
        '{"amount": 7, "country": 3}',
        '{"amount": 7}',
        '{"customer": {"tier": 1}}',
    ]
    found = {field.name: field for field in run([a_case(metadata=text) for text in texts], policy).fields}

    assert found["metadata.amout"].missing == found["metadata.amout"].cases == 4
    assert found["metadata.amout"].suggestion == "amount"
    assert (found["metadata.country"].missing, found["metadata.country"].mistyped) == (2, 1)
    assert found["metadata.country"].suggestion is None


def test_each_label_and_each_agent_version_is_rehearsed():
    of_bot = {"agent_id": "bot", "model": "m", "model_version": "1"}
    cases = [
        a_case(proposed_output='{"predicted_label": "pay"}', **of_bot),
        a_case(proposed_output='{"predicted_label": "pay"}', human_decision="reject", **of_bot),
        a_case(
            proposed_output='{"predicted_label": "decline"}', confidence_score=0.5, **of_bot | {"model_version": "2"}
        ),
        a_case(proposed_output="{}", **dict.fromkeys(of_bot)),
    ]
    found = run(cases)

    assert [(one.name, one.cases, one.go_ahead, one.reviewed, one.wrong) for one in found.labels] == [
        ("pay", 2, 2, 2, 1),
        ("decline", 1, 0, 0, 0),
        (None, 1, 1, 1, 0),
    ]
    assert [(one.name, one.cases) for one in found.agents] == [("bot 1", 2), ("bot 2", 1), (None, 1)]


def test_free_texts_are_no_labels_to_rehearse():
    cases = [a_case(predicted_label=f"text {number}") for number in range(2 * MOST_NAMES)]

    assert [one.name for one in run(cases).labels] == [None]


def test_with_too_few_labels_the_report_says_how_many_are_needed():
    checked = [a_case(confidence_score=0.9, review_probability=0.5, human_decision="approve")] * 6
    found = run([a_case()] * 10 + checked).escaped_errors

    assert (found.share, found.best, found.lowest, found.enough) == (None, None, None, False)
    assert found.why_not == "not enough data: 16 of about 30 labels needed"
