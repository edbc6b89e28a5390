"""A backtest: changed decisions, loads, escaped errors; the same from a file and from a store."""

import json

import polars as pl
import pytest
from support.builders import a_task, an_output
from support.internals import services_of
from support.random_policies import a_policy_with

from hitl_orchestrator import Orchestrator, Review
from hitl_orchestrator.backtest import run_backtest, run_store_backtest
from hitl_orchestrator.backtest.history import frames, scan
from hitl_orchestrator.backtest.run import MOST_NAMES
from hitl_orchestrator.cli.commands.policy.explanation import scored
from hitl_orchestrator.domain.input.reserved_ids import spot_check_id
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.queue_forecast import Capacity
from hitl_orchestrator.policies import ScoreRules, compile_policy

OLD = a_policy_with([("auto_approve", {"min_confidence": 0.8}), ("human_review", {})])
NEW = a_policy_with(
    [
        ("escalate", {"risk_level": "high"}, {"assigned_human_role": "senior_manager", "approvals": 2}.items()),
        ("auto_approve", {"min_confidence": 0.6}, {"spot_check": 0.5}.items()),
    ]
)


def a_case(**changes):
    confidence = changes.get("confidence_score", 0.7)
    through = isinstance(confidence, float) and confidence >= 0.8
    report = {
        "risk_level": "low",
        "domain": "payments",
        "task_type": "refund",
        "confidence_score": confidence,
        "signals": "[]",
        "metadata": "{}",
        "task_timestamp": "2025-01-06T08:00:00Z",
        "timestamp": "2025-01-06T09:00:00Z",
        "latency_seconds": 3600.0,
        "routing_decision": "auto_approve" if through else "human_review",
        "rule_id": "r1" if through else "r2",
        "assigned_human_role": None if through else "domain_reviewer",
        "review_probability": 0.0 if through else 1.0,
        "human_decision": None if through else "approve",
        "proposed_output": "{}",
        "quality_check": None,
    }
    return report | changes


def run(cases, policy=NEW, **more):
    schema = {"quality_check": pl.String, "human_decision": pl.String, "assigned_human_role": pl.String}
    return run_backtest(policy, [pl.DataFrame(cases, schema_overrides=schema, infer_schema_length=None).lazy()], **more)


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


ASKING = a_policy_with(
    [
        ("escalate", {"metadata": {"amount": {"gt": 100}}}),
        ("human_review", {"time": {"days": "saturday"}}),
        ("human_review", {"signals": "low_confidence"}),
        ("auto_approve", {"min_confidence": 0.5}),
    ]
)


@pytest.mark.parametrize("store", ["memory://", "sqlite:///past.db"])
def test_a_store_gives_the_same_result_as_its_cases(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Orchestrator.open(store) as hitl:
        for number in range(12):
            metadata = {"amount": number * 20} if number % 3 else {}
            task = a_task(f"task-{number}", metadata=metadata, timestamp=f"2025-01-{4 + number % 3:02}T10:00:00Z")
            case = hitl.submit(task, an_output(f"task-{number}", confidence=number / 12))
            if case.status == "waiting":
                hitl.decide(case.case_id, Review(human_decision="approve", reviewer_id="senior_manager"))
        ledger = services_of(hitl).ledger
        found = run_backtest(ASKING, frames(ledger, needs=frozenset({"metadata"})))
        without = run_backtest(NEW, frames(ledger, needs=frozenset()))
        alone = [hitl.cases.get(one.case_id) for one in hitl.audit.records()]

    for policy, report in ((ASKING, found), (NEW, without)):
        decisions = [
            compile_policy(policy).decide(scored(given.task, given.output, ScoreRules(), given.judged_at).facts)
            for given in (one.submission for one in alone)
        ]
        assert report.cases == len(decisions) == 12
        assert report.automated_after == sum(one.action == "auto_approve" for one in decisions) / 12
        asked = sorted((one.assigned_human_role, one.requirements.approvals) for one in decisions if one.needs_human)
        assert sum(load.a_day * report.days for load in report.loads) == sum(number for _, number in asked)


OF_THE_OUTPUT = a_policy_with(
    [
        ("escalate", {"proposal": {"predicted_label": {"eq": "decline"}}}),
        ("human_review", {"agent": {"version": {"eq": "2"}}}),
        ("auto_approve", {"proposal": {"limit": {"le": 100}}}),
    ],
    proposal={"limit": "number"},
)


@pytest.mark.parametrize("store", ["memory://", "sqlite:///past.db"])
def test_the_proposal_and_the_agent_of_a_past_case_are_those_that_it_was_routed_with(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outputs = {
        "small": an_output("small", limit=5, model_version="1"),
        "large": an_output("large", limit=500),
        "declined": an_output("declined", label="decline", limit=5),
        "new": an_output("new", limit=5, model_version="2"),
        "empty": None,
        "open": an_output("open", limit=7, confidence=0.5),
    }
    with Orchestrator.open(store, policy=OLD) as hitl:
        for task_id, output in outputs.items():
            case = hitl.submit(a_task(task_id), output)
            if case.status == "waiting" and task_id != "open":
                hitl.decide(case.case_id, Review(human_decision="reject", reviewer_id="senior_manager"))
        ledger = services_of(hitl).ledger
        found = run_store_backtest(OF_THE_OUTPUT, ledger)
        exported = [record.model_dump(mode="json") for record in hitl.audit.records()]
        hitl.cases.redact(task_id="small", reason="asked to", reviewer="compliance_officer")
        after = run_store_backtest(OF_THE_OUTPUT, ledger)
    of_file = run_backtest(OF_THE_OUTPUT, [pl.DataFrame(_texts(exported), infer_schema_length=None).lazy()])

    assert [(rule.rule_id, rule.cases) for rule in found.rules] == [("r1", 2), ("r2", 3), ("r3", 1)]
    assert (found.cases, found.open, after.cases, after.erased) == (6, 1, 5, 1)
    assert [(rule.rule_id, rule.cases) for rule in of_file.rules] == [("r1", 2), ("r2", 2), ("r3", 1)]


def _texts(records):
    """Return records with their nested values as JSON texts, as an export to Parquet has them."""
    nested = (dict, list)
    return [{k: json.dumps(v) if isinstance(v, nested) else v for k, v in record.items()} for record in records]


def test_an_erased_case_keeps_its_other_fields(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Orchestrator.open("sqlite:///past.db") as hitl:
        case = hitl.submit(a_task(metadata={"amount": 1, "note": "Ä\n"}), an_output(confidence=0.95))
        ((at, metadata, is_redacted),) = services_of(hitl).ledger.outcomes("task_timestamp", metadata=True)
        hitl.cases.redact(case.case_id, reason="asked to", reviewer="compliance_officer")
        (after,) = services_of(hitl).ledger.outcomes("task_timestamp", metadata=True)

    assert json.loads(metadata) == {"amount": 1, "note": "Ä\n"}
    assert not is_redacted
    assert after == (at, None, True)


@pytest.mark.parametrize("store", ["memory://", "sqlite:///past.db"])
def test_redacted_cases_are_excluded_if_the_policy_reads_metadata(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unchanged = a_policy_with(
        [("auto_approve", {"min_confidence": 0.5, "metadata": {"amount": {"lt": 100}}}), ("human_review", {})]
    )
    with Orchestrator.open(store, policy=unchanged) as hitl:
        for number in range(4):
            task = a_task(f"task-{number}", metadata={"amount": 1})
            case = hitl.submit(task, an_output(f"task-{number}", confidence=0.95))
            if number == 0:
                hitl.cases.redact(case.case_id, reason="asked to", reviewer="compliance_officer")
        found, other = (
            run_store_backtest(unchanged, services_of(hitl).ledger),
            run_store_backtest(OLD, services_of(hitl).ledger),
        )

    assert (found.cases, found.left_out, found.erased, found.flipped) == (3, 1, 1, 0)
    assert (other.cases, other.left_out) == (4, 0)


def test_a_backtest_of_erased_cases_only_is_refused_with_the_reason():
    asks = a_policy_with([("escalate", {"metadata": {"amount": {"gt": 1}}})])

    with pytest.raises(InvalidInput, match="no cases for a backtest; 2 were left out, 2 of them erased"):
        run([a_case(metadata=None), a_case(redacted=True)], asks)


def test_the_previous_load_counts_the_required_approvals():
    cases = [a_case(approvals_needed=2), a_case(approvals_needed=None), a_case(approvals_needed=3)]

    assert run(cases).loads[0].before_a_day == 6


@pytest.mark.parametrize("store", ["memory://", "sqlite:///past.db"])
def test_an_unchanged_policy_needs_the_same_number_of_answers(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    policy = a_policy_with([("human_review", {}, {"approvals": 2}.items())])
    with Orchestrator.open(store, policy=policy) as hitl:
        case = hitl.submit(a_task(), an_output())
        for who in ("domain_reviewer", "senior_manager"):
            hitl.decide(case.case_id, Review(human_decision="approve", reviewer_id=who))
        (load,) = run_store_backtest(policy, services_of(hitl).ledger).loads

    assert (load.before_a_day, load.a_day) == (2, 2)


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


@pytest.mark.parametrize("store", ["memory://", "sqlite:///past.db"])
def test_open_cases_are_part_of_flips_and_loads_and_their_reviews_are_unanswered(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Orchestrator.open(store, policy=OLD) as hitl:
        for number in range(50):
            case = hitl.submit(a_task(f"task-{number}"), an_output(f"task-{number}", confidence=0.7))
            if number >= 10:
                hitl.decide(case.case_id, Review(human_decision="approve", reviewer_id="senior_manager"))
        hitl.submit(a_task("task-low"), an_output("task-low", confidence=0.5))
        found = run_store_backtest(NEW, services_of(hitl).ledger)

    assert (found.cases, found.open, found.left_out) == (51, 11, 0)
    assert [(flip.before, flip.after, flip.cases) for flip in found.flips] == [("human_review", "auto_approve", 50)]
    assert sum(load.a_day * found.days for load in found.loads) == 1
    errors = found.escaped_errors
    assert (errors.cases, errors.unanswered, errors.reviews, errors.share) == (50, 10, 40, 0)
    assert (errors.best, errors.worst, errors.lowest, errors.highest) == (0, 0.2, 0, pytest.approx(0.2))


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


LIMITED = {
    "metadata": {"customer": "text"},
    "history": {"cases_1d": {"count": "cases", "same": "customer", "within": "P1D"}},
}


@pytest.mark.parametrize("store", ["memory://", "sqlite:///past.db"])
def test_counters_have_the_values_by_which_each_case_was_routed(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rules = [("escalate", {"history": {"cases_1d": {"ge": 3}}}), ("auto_approve", {"min_confidence": 0.5})]
    limit = a_policy_with(rules, **LIMITED)
    renamed = a_policy_with(
        [("escalate", {"history": {"of_a_day": {"ge": 2}}}), rules[1]],
        metadata=LIMITED["metadata"],
        history={"of_a_day": LIMITED["history"]["cases_1d"]},
    )
    weekly = {"history": {"cases_1d": {"count": "cases", "same": "customer", "within": "P7D"}}}
    with Orchestrator.open(store, policy=limit) as hitl:
        for number in range(5):
            hitl.submit(a_task(f"task-{number}", metadata={"customer": "ann"}), an_output(f"task-{number}"))
        hitl.submit(a_task("other", metadata={"customer": "bob"}), an_output("other"))
        ledger = services_of(hitl).ledger
        same, lower = run_store_backtest(limit, ledger), run_store_backtest(renamed, ledger)
        both = run_store_backtest(renamed, ledger, old=limit)
        unknown = run_store_backtest(a_policy_with(rules, **LIMITED | weekly), ledger)

    assert (same.cases, same.open, same.flipped) == (6, 2, 0)
    assert (lower.flipped, lower.stricter, lower.looser) == (1, 1, 0)
    assert (both.flipped, both.stricter) == (1, 1)
    (field,) = [each for each in unknown.fields if each.name == "history.cases_1d"]
    assert (field.missing, unknown.automated_after) == (6, 0)


@pytest.mark.parametrize("store", ["memory", "sqlite", "postgres"])
def test_every_answered_spot_check_is_a_look_of_its_case_under_a_rule_that_counts(
    store, request, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    address = request.getfixturevalue("postgres_store") if store == "postgres" else "memory://"
    address = "sqlite:///past.db" if store == "sqlite" else address
    limit = a_policy_with(
        [
            ("escalate", {"history": {"cases_1d": {"ge": 2}}}),
            ("auto_approve", {"min_confidence": 0.5}, {"spot_check": 0.6}.items()),
        ],
        **LIMITED,
    )
    with Orchestrator.open(address, policy=limit) as hitl:
        for number in range(90):
            metadata = {"customer": f"customer-{number // 3}"}
            case = hitl.submit(a_task(f"t{number}", metadata=metadata), an_output(f"t{number}"))
            if case.status == "approved" and case.record.drawn:
                check = hitl.cases.get(task_id=spot_check_id(case.case_id, case.task_id))
                hitl.decide(check.case_id, Review(human_decision="approve", reviewer_id="domain_reviewer"))
        found = run_store_backtest(limit, services_of(hitl).ledger)

    errors = found.escaped_errors
    assert (found.cases, errors.cases, errors.unseen, errors.unanswered) == (90, 60, 0, 0)
    assert 0 < errors.reviews < 60


def test_a_held_case_is_a_look_of_its_stratum_and_an_open_one_is_unanswered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    holding = a_policy_with([("auto_approve", {"min_confidence": 0.6}, {"hold": 0.5}.items())])
    with Orchestrator.open("sqlite:///past.db", policy=holding) as hitl:
        cases = [hitl.submit(a_task(f"t{number}"), an_output(f"t{number}")) for number in range(200)]
        held = [case for case in cases if case.status == "waiting"]
        for case in held[2:]:
            hitl.decide(case.case_id, Review(human_decision="approve", reviewer_id="senior_manager"))
        found = run_store_backtest(holding, services_of(hitl).ledger)

    assert (found.cases, found.open, found.escaped_errors.unseen) == (200, 2, 0)
    assert found.escaped_errors.reviews == len(held) - 2
    assert found.escaped_errors.unanswered == round(200 * 2 / len(held))
    assert found.held_a_day * found.days == pytest.approx(100)
