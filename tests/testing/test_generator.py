"""Generated sets: the same bytes for a seed, the classic first five, an informative confidence, known faults."""

import json
from collections import defaultdict
from contextlib import contextmanager
from io import StringIO
from itertools import islice
from pathlib import Path
from statistics import mean

import pytest

import hitl_orchestrator.data
from hitl_orchestrator import AgentOutput, Review, Task
from hitl_orchestrator.cli import main
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.ledger.events.outcomes import Outcome
from hitl_orchestrator.services.config_files import canonical, load_policy
from hitl_orchestrator.testing import GENERATED, REPLAYS, write_generated
from hitl_orchestrator.testing.generator.cases import generate
from hitl_orchestrator.testing.generator.outcomes import SPOT_CHECKED, outcomes
from hitl_orchestrator.testing.generator.work import FIRST_VERSION, PLACES, SECOND_VERSION

STARTER = Path(hitl_orchestrator.data.__file__).parent / "starter"
TASKS, SEED = 50, 8
POLICY = load_policy(json.loads(canonical("default_policy_v1.json")), DEFAULT_CHAIN)
ROUTED = ("risk_level", "confidence_score", "routing_decision", "human_involved", "final_decision", "decision_source")
CLASSIC = {
    "t01": ("low", 0.91, "auto_approve", "rule_001", None, "approved"),
    "t02": ("medium", 0.68, "human_review", "fallback", "reject", "rejected"),
    "t03": ("high", 0.83, "escalate", "rule_003", "approve", "approved"),
    "t04": ("medium", 0.75, "human_review", "rule_002", "approve", "approved"),
    "t05": ("low", 0.62, "human_review", "fallback", "modify", "modified_and_approved"),
}


def written(tasks: int, seed: int) -> dict[str, str]:
    """Return the files of a set by name."""
    made: dict[str, str] = {}

    @contextmanager
    def create(name):
        file = StringIO()
        yield file
        made[name] = file.getvalue()

    write_generated(tasks, seed, create)
    return made


def test_the_starter_data_are_what_the_generator_writes():
    kept = {path.name: path.read_bytes().decode() for path in STARTER.iterdir()}

    assert kept == written(TASKS, SEED)
    assert set(kept) == set(GENERATED)


def test_a_seed_determines_a_set_and_another_seed_another_one():
    first, again, other = written(30, 1), written(30, 1), written(30, 2)

    assert first == again
    assert json.loads(first["tasks.json"])[:5] == json.loads(other["tasks.json"])[:5]
    assert json.loads(first["tasks.json"])[5:] != json.loads(other["tasks.json"])[5:]


@pytest.fixture(scope="module")
def replayed(tmp_path_factory) -> list[dict]:
    """The audit records of the starter data after `hitl run`."""
    store = f"sqlite:///{tmp_path_factory.mktemp('starter') / 'starter.db'}"
    names = (STARTER / name for name in ("tasks.json", "agent_outputs.json", "human_reviews.json"))
    tasks, outputs, reviews = map(str, names)
    policy, people = str(STARTER / "policy.json"), str(STARTER / "reviewers.json")
    options = ["--policy", policy, "--reviewers", people, "--reviewer", REPLAYS, "--store", store]
    assert main(["run", tasks, "--outputs", outputs, "--reviews", reviews, *options]) == 0
    exported = Path(store.removeprefix("sqlite:///")).with_name("records.jsonl")
    assert main(["audit", "export", "--store", store, "--out", str(exported)]) == 0
    return [json.loads(line) for line in exported.read_text("utf-8").splitlines()]


def test_a_replay_of_the_starter_data_gives_the_expected_records(replayed):
    expected = json.loads((STARTER / "audit_logs.json").read_text("utf-8"))
    by_task = {record["task_id"]: record for record in replayed}

    assert len(expected) == len(replayed) == TASKS
    for record in expected:
        names = (*ROUTED, "latency_seconds") if record["human_involved"] else ROUTED
        found = by_task[record["task_id"]]
        assert {name: found[name] for name in names} == {name: record[name] for name in names}


def test_the_first_five_are_the_classic_ones(replayed):
    names = ("risk_level", "confidence_score", "routing_decision", "rule_id", "human_decision", "final_decision")
    found = {record["task_id"]: tuple(record[name] for name in names) for record in replayed}

    assert {task_id: found[task_id] for task_id in CLASSIC} == CLASSIC


def test_the_words_of_a_set_are_valid_and_rich():
    made = {name: json.loads(text) for name, text in written(400, 3).items()}
    tasks = [Task.model_validate(each) for each in made["tasks.json"]]
    outputs = [AgentOutput.model_validate(each) for each in made["agent_outputs.json"]]
    reviews = [Review.model_validate(each) for each in made["human_reviews.json"]]

    assert [task.task_id for task in tasks] == [output.task_id for output in outputs]
    assert sorted(task.timestamp for task in tasks) == [task.timestamp for task in tasks]
    assert not any("{" in task.task_description for task in tasks)
    assert len({task.task_type for task in tasks}) == 8
    assert {review.human_decision.value for review in reviews} == {
        "approve",
        "modify",
        "reject",
        "override",
        "escalate",
    }
    assert all(task.metadata["currency"] == "EUR" for task in tasks if "amount" in task.metadata)
    versions = [output.agent_output.model_extra["model_version"] for output in outputs]
    assert versions == [FIRST_VERSION] * 200 + [SECOND_VERSION] * 200


def test_confidence_is_informative_except_in_the_known_places():
    known, elsewhere = defaultdict(list), []
    for case in islice(generate(6000, 4, POLICY), 5, None):
        task, output = case.draft.task, case.draft.output
        pair = (output["confidence_score"], case.draft.is_right)
        version = output["agent_output"]["model_version"]
        here = [
            place
            for place in PLACES
            if (place.task_type, place.value) == (task["task_type"], task["metadata"].get(place.field))
            and version >= place.since
        ]
        if pair[0] is not None:
            (known[here[0]] if here else elsewhere).append(pair)

    assert set(known) == set(PLACES)
    for pairs in known.values():
        assert mean(sure for sure, _ in pairs) > mean(right for _, right in pairs) + 0.2
    for low, high in ((0.0, 0.7), (0.7, 0.85), (0.85, 1.0)):
        band = [pair for pair in elsewhere if low <= pair[0] < high]
        assert mean(right for _, right in band) == pytest.approx(mean(sure for sure, _ in band), abs=0.05)


def test_people_are_right_most_of_the_time_and_answer_after_the_arrival():
    judged = []
    for case in generate(2000, 5, POLICY):
        assert all(case.draft.at < review.viewed < review.decided for review in case.reviews)
        if case.reviews:
            judged.append((case.reviews[-1].decision.value == "approve") == case.draft.is_right)

    assert 0.85 < mean(judged) < 1


def test_a_million_cases_begin_at_once():
    first = next(iter(generate(1_000_000, 0, POLICY)))

    assert first.draft.task["task_id"] == "t0000001"


def test_outcomes_have_every_column_and_answer_drawn_spot_checks_only():
    rows = list(outcomes(1500, 6))
    cases = {row["case_id"]: row for row in rows if row["quality_check"] is None}
    checks = [row for row in rows if row["quality_check"]]

    assert len(cases) == 1500
    assert all(set(Outcome._fields) <= set(row) for row in rows)
    assert [row["finished_seq"] for row in rows] == sorted({row["finished_seq"] for row in rows})
    drawn = {case_id for case_id, row in cases.items() if row["decision_source"] == "agent" and row["drawn"]}
    assert {row["quality_check_of"] for row in checks} < drawn
    assert any(row["human_decision"] != "approve" for row in checks)
    assert {row["policy_id"] for row in rows} == {SPOT_CHECKED.policy_id}
