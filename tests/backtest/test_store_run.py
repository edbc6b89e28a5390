"""A backtest on the cases of a store: the same as on their export, with open, held and erased ones."""

import json

import polars as pl
import pytest
from support.builders import a_task, an_output
from support.internals import services_of
from support.past_cases import NEW, OLD
from support.random_policies import a_policy_with

from hitl_orchestrator import Orchestrator, Review
from hitl_orchestrator.backtest import run_backtest, run_store_backtest
from hitl_orchestrator.backtest.history import frames
from hitl_orchestrator.cli.commands.policy.explanation import scored
from hitl_orchestrator.domain.input.reserved_ids import spot_check_id
from hitl_orchestrator.policies import ScoreRules, compile_policy

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
