"""Processes killed at random instants: acknowledged operations and decisions survive, with one outcome each."""

import json
import random
import subprocess
import sys
from collections import Counter
from hashlib import sha256

import pytest
from support.builders import canonical
from support.forked_process import answers_to, task_number
from support.internals import services_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.value import canonical_json

TASKS = 200
KILLED = -9


def check_chain(hitl):
    previous = "0" * 64
    with services_of(hitl).ledger.snapshot() as snapshot:
        for number, stored in enumerate(snapshot.entries(), start=1):
            stated = json.loads(stored.entry)
            assert (stated["seq"], stated["previous"]) == (number, previous)
            assert stored.digest == sha256(canonical_json(stated).encode()).hexdigest()
            previous = stored.digest
    assert hitl.audit.verify().sound


def check_nothing_happened_twice(hitl):
    """One outcome for each case, and no step of any case more often than people took it."""
    counts = Counter((event.case_id, event.kind.value) for event in services_of(hitl).ledger.events() if event.case_id)
    passed_up = {case_id: count for (case_id, kind), count in counts.items() if kind == "escalated"}
    for (case_id, kind), number in counts.items():
        assert number == 1 + (passed_up.get(case_id, 0) if kind == "review_opened" else 0), (case_id, kind)


def check_outcome(hitl, number):
    """Assert that a finished case has the outcome of its rule or its reviewer."""
    case = hitl.cases.get(task_id=f"task-{number}")
    record, (_, output), answers = case.record, task_number(number), answers_to(number)
    if not answers:
        assert (record.decision_source, record.rule_id, record.final_decision) == ("agent", "rule_004", "approved")
        assert record.final_output == output.agent_output
        return
    last = answers[-1]
    assert (record.decision_source, record.reviewer_id) == ("human", last.reviewer_id)
    assert (record.human_decision, record.final_decision) == (last.human_decision, last.human_decision.final)
    assert record.final_output == (output.agent_output if last.human_decision == "approve" else last.modified_output)


def recovered(process, store, chance, kills):
    """Recover in a process of its own, which is killed sometimes, until one comes through."""
    while True:
        dies = (
            {"kill_after_lines": chance.randrange(3), "spin": chance.randrange(100_000)}
            if chance.random() < 0.5
            else {}
        )
        report = process("recover", store=store, **dies)
        kills.append(report["status"])
        if not dies:
            assert report["status"] == 0
            return


def killed_again_and_again(process, store, chance, kills, work):
    """Run processes on the remaining work until all is acknowledged; return the acknowledgements."""
    do, key, left, most = work
    acknowledged = {}
    while left:
        dies = {"kill_after_lines": chance.randrange(most), "spin": chance.randrange(100_000)}
        report = process(do, store=store, **{key: left}, **dies)
        kills.append(report["status"])
        assert report["status"] in (KILLED, 0)
        for line in report["lines"]:
            number, *reported = line.split()
            acknowledged.setdefault(int(number), []).append(reported)
        left = left[len(report["lines"]) :]
        if chance.random() < 0.2:
            recovered(process, store, chance, kills)
    recovered(process, store, chance, kills)
    return acknowledged


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 30))])
def test_killed_at_random_instants_nothing_acknowledged_is_lost(process, sqlite_store, seed):
    chance, kills = random.Random(seed), []

    taken_in = killed_again_and_again(
        process, sqlite_store, chance, kills, ("submit", "numbers", list(range(TASKS)), 16)
    )

    with Orchestrator.open(sqlite_store) as hitl:
        for number, [[case_id, status]] in taken_in.items():
            case = hitl.cases.get(task_id=f"task-{number}")
            assert (case.case_id, case.status) == (case_id, status)
            assert status == ("waiting" if answers_to(number) else "approved")
        check_nothing_happened_twice(hitl)

    steps = [(number, step) for number in range(TASKS) for step, _ in enumerate(answers_to(number))]
    decided = killed_again_and_again(process, sqlite_store, chance, kills, ("decide", "steps", steps, 9))

    assert kills.count(KILLED) >= 50
    with Orchestrator.open(sqlite_store) as hitl:
        for number in range(TASKS):
            case = hitl.cases.get(task_id=f"task-{number}")
            assert case.stage is CaseStage.FINISHED
            assert [int(step) for step, _ in decided.get(number, [])] == list(range(len(answers_to(number))))
            check_outcome(hitl, number)
        assert len(list(hitl.audit.records())) == TASKS
        check_nothing_happened_twice(hitl)
        check_chain(hitl)
        assert hitl.recover() == []


@pytest.fixture
def files(tmp_path):
    """The same two hundred tasks, as the command line takes them."""
    return files_of(TASKS, tmp_path)


def files_of(tasks_in_all, folder):
    tasks, outputs = folder / "tasks.jsonl", folder / "outputs.jsonl"
    given = [task_number(number) for number in range(tasks_in_all)]
    tasks.write_text("".join(task.model_dump_json() + "\n" for task, _ in given))
    outputs.write_text("".join(output.model_dump_json() + "\n" for _, output in given))
    return [str(tasks), "--outputs", str(outputs)]


@pytest.fixture
def command_line(process, sqlite_store, tmp_path):
    """Run a command in a process that may be killed; return how it ended and what it printed."""

    def run(*argv, **dies):
        printed = tmp_path / "printed"
        printed.touch()
        given = ["--store", sqlite_store, *argv]
        report = process("command line", argv=given, prints_to=str(printed), store=sqlite_store, **dies)
        return report["status"], printed.read_text()

    return run


def test_the_command_line_is_killed_while_it_runs_a_file(command_line, sqlite_store, files):
    chance, kills, entries = random.Random(3), [], 0
    while entries < 3 * TASKS:
        entries += chance.randrange(90)
        status, _ = command_line("run", *files, "--json", kill_after_events=entries, spin=chance.randrange(100_000))
        kills.append(status)

    status, printed = command_line("run", *files, "--json")

    assert status == 0
    assert kills.count(KILLED) >= 10
    for number, each in enumerate(json.loads(printed)):
        assert (each["task_id"], each["status"]) == (f"task-{number}", "waiting" if answers_to(number) else "finished")
    with Orchestrator.open(sqlite_store) as hitl:
        assert len(list(hitl.inbox(limit=TASKS))) == sum(bool(answers_to(number)) for number in range(TASKS))
        check_nothing_happened_twice(hitl)
        check_chain(hitl)
        assert hitl.recover() == []


def arguments_of(number):
    (answer,) = answers_to(number)
    reported = ["resume", f"task-{number}", answer.human_decision, "--reason", answer.reason]
    reported += ["--reviewer", answer.reviewer_id]
    return reported + (["--output", answer.modified_output.model_dump_json()] if answer.modified_output else [])


def test_the_command_line_is_killed_while_it_resumes(process, command_line, sqlite_store):
    chance, kills = random.Random(4), []
    resumed = [number for number in range(60) if len(answers_to(number)) == 1][:16]
    process("submit", store=sqlite_store, numbers=resumed)
    size = 1 + 3 * len(resumed)

    for number in resumed:
        # Killed right before or after the decision or the outcome, or somewhere behind them.
        dies = {"kill_after_events": size + chance.randrange(3), "spin": chance.randrange(100_000)}
        kills.append(command_line(*arguments_of(number), **dies)[0])
        assert command_line("recover")[0] == 0
        assert command_line(*arguments_of(number))[0] == 0
        size += 2

    assert kills.count(KILLED) >= 5
    with Orchestrator.open(sqlite_store) as hitl:
        for number in resumed:
            check_outcome(hitl, number)
        check_nothing_happened_twice(hitl)
        check_chain(hitl)
        assert hitl.recover() == []


def test_the_installed_command_is_killed_while_it_runs_a_file(sqlite_store, tmp_path):
    """Not forked, but started as people start it; killed once it has stored the first of three chunks."""
    files = files_of(2500, tmp_path)
    command = [sys.executable, "-m", "hitl_orchestrator.cli", "--store", sqlite_store]
    running = subprocess.Popen([*command, "run", *files, "--json"], stdout=subprocess.PIPE, text=True)
    with Orchestrator.open(sqlite_store) as hitl:
        while sum(1 for _ in services_of(hitl).ledger.events()) < 60 and running.poll() is None:
            continue
        running.kill()
        assert not running.communicate()[0].endswith("]\n")

        recovering = subprocess.run([*command, "recover", "--json"], stdout=subprocess.PIPE, text=True, check=False)

        assert (running.returncode, recovering.returncode) == (KILLED, 0)
        assert hitl.recover() == []
        check_nothing_happened_twice(hitl)
        check_chain(hitl)


def test_the_canonical_data_survive_a_kill_between_any_two_entries(command_line, sqlite_store, tmp_path):
    for name in ("tasks", "agent_outputs", "human_reviews"):
        (tmp_path / f"{name}.json").write_text(json.dumps(canonical(name)))
    argv = ["run", tmp_path / "tasks.json", "--outputs", tmp_path / "agent_outputs.json"]
    argv = [*map(str, argv), "--reviews", str(tmp_path / "human_reviews.json")]

    for entries in range(1, 22, 2):
        command_line(*argv, kill_after_events=entries, spin=0)
    assert command_line(*argv)[0] == 0

    with Orchestrator.open(sqlite_store) as hitl:
        found = {record.task_id: record.final_decision for record in hitl.audit.records()}
        check_nothing_happened_twice(hitl)
    assert found == {each["task_id"]: each["final_decision"] for each in canonical("audit_logs")}
