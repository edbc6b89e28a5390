"""`hitl run` on files of every form: read as a stream, joined, refused by place, left out, and continued."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from support.builders import a_task, an_output

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli.intake.files import TaskFiles

RUN = ("run", "tasks.jsonl", "--outputs", "outputs.jsonl")


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records)


def task(number, **fields):
    return {**a_task(f"task-{number}").model_dump(mode="json", exclude_none=True), **fields}


def output(number, **fields):
    confidence = 0.95 if number % 2 else 0.5
    return {**an_output(f"task-{number}", confidence=confidence).model_dump(mode="json"), **fields}


@pytest.fixture
def write(folder):
    def write(tasks, outputs=None):
        (folder / "tasks.jsonl").write_text(lines(tasks))
        if outputs is not None:
            (folder / "outputs.jsonl").write_text(lines(outputs))

    return write


def routed(answer):
    return {case["task_id"]: case["routing_decision"] for case in answer.data}


@pytest.mark.parametrize(
    "order",
    [
        lambda outputs: outputs,
        lambda outputs: outputs[::-1],
        lambda outputs: outputs[:3] + outputs[4:],
        lambda outputs: outputs[:5],
        lambda outputs: outputs[1:],
    ],
    ids=["in step", "backwards", "one missing", "first ones alone", "first missing"],
)
def test_outputs_are_joined_by_task_id_in_any_order(hitl, write, order):
    outputs = order([output(number) for number in range(9)])
    write([task(number) for number in range(9)], outputs)

    found = routed(hitl(*RUN, "--json"))

    approved = {each["task_id"] for each in outputs if each["confidence_score"] > 0.9}
    assert found == {f"task-{n}": "auto_approve" if f"task-{n}" in approved else "human_review" for n in range(9)}


def nested(record):
    """Return a record as a row with a column for each field of its objects."""
    row = {}
    for name, value in record.items():
        row |= {f"{name}.{inner}": each for inner, each in value.items()} if isinstance(value, dict) else {name: value}
    return row


@pytest.mark.parametrize("form", ["array", "parquet", "parquet with columns for each field"])
def test_an_array_and_parquet_are_read_as_lines_are(hitl, write, folder, form):
    tasks = [task(number, metadata={"amount": number}) for number in range(5)]
    outputs = [output(number) for number in range(5)]
    write(tasks, outputs)
    by_lines = hitl(*RUN, "--json", "--store", "sqlite:///lines.db").data
    for name, records in (("tasks.jsonl", tasks), ("outputs.jsonl", outputs)):
        if form == "array":
            (folder / name).write_text(json.dumps(records, indent=2))
        else:
            parquet = pytest.importorskip("pyarrow.parquet")
            table = pytest.importorskip("pyarrow").Table
            rows = records if form == "parquet" else list(map(nested, records))
            parquet.write_table(table.from_pylist(rows), folder / name, row_group_size=2)

    found = hitl(*RUN, "--json", "--store", "sqlite:///other.db").data

    same = [{**case, "case_id": "", "review_id": ""} for case in by_lines]
    assert [{**case, "case_id": "", "review_id": ""} for case in found] == same
    assert hitl(*RUN, "--json", "--store", "sqlite:///lines.db").data == by_lines


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("number", "is_shown"), [(7, True), (1, False)])
def test_the_check_of_large_files_shows_its_progress_on_a_terminal(folder, monkeypatch, number, is_shown):
    (folder / "tasks.json").write_text(
        json.dumps([task(each, task_description="x" * 700_000) for each in range(number)])
    )
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)

    with closing(TaskFiles("tasks.json", None)) as files:
        files.check()

    assert files.count == number
    assert ("records checked" in terminal.getvalue()) is is_shown


def test_a_large_array_is_read_block_by_block(hitl, folder):
    long = [task(number, task_description="x" * 700_000) for number in range(4)]
    (folder / "tasks.json").write_text(json.dumps(long, indent=1))

    assert len(hitl("run", "tasks.json", "--json").data) == 4


BAD = [
    ("tasks", "{not json", "tasks.jsonl: line 2 column 2: not JSON: Expecting property name"),
    ("tasks", '{"task_id": "task-1', "line 2 column 13: not JSON: the text that starts here lacks its closing"),
    ("tasks", lines([task(1, risk_level="hgih")]), 'tasks.jsonl: line 2: risk_level: "hgih" is not one of'),
    ("tasks", lines([task(0)]), 'tasks.jsonl: line 2: task_id: "task-0" occurs twice, first at line 1'),
    ("tasks", lines([task(1, timestamp="2999-01-01T00:00:00Z")]), "tasks.jsonl: line 2: timestamp: 2999-01-01"),
    ("outputs", lines([output(1, confidence_score=2)]), "outputs.jsonl: line 2: confidence_score: 2: input should"),
]


def with_bad_line(files, name, bad):
    first, _, *others = files[name].splitlines(keepends=True)
    return {**files, name: "".join([first, bad.rstrip("\n") + "\n", *others])}


@pytest.fixture(params=BAD, ids=[sentence[:40] for *_, sentence in BAD])
def spoiled(request, folder):
    """Files of which one record is bad, and the sentence about it."""
    name, bad, sentence = request.param
    files = {"tasks": lines(task(n) for n in range(4)), "outputs": lines(output(n) for n in range(4))}
    for each, content in with_bad_line(files, name, bad).items():
        (folder / f"{each}.jsonl").write_text(content)
    return sentence


def test_a_bad_record_refuses_the_files_by_its_place_and_nothing_is_stored(hitl, folder, spoiled):
    answer = hitl(*RUN)

    assert (answer.code, answer.out) == (2, "")
    assert spoiled in answer.err
    assert not (folder / "hitl.db").exists()


def test_a_bad_record_is_left_out_on_request_and_listed(hitl, spoiled):
    answer = hitl(*RUN, "--skip-bad", "--json")

    assert answer.code == 1
    assert [case["task_id"] for case in answer.data] == ["task-0", "task-2", "task-3"]
    assert spoiled in json.loads(answer.err)["problems"][0]


def test_a_left_out_task_is_submitted_once_it_is_corrected(hitl, folder, spoiled):
    hitl(*RUN, "--skip-bad")
    (folder / "tasks.jsonl").write_text(lines(task(n) for n in range(4)))
    (folder / "outputs.jsonl").write_text(lines(output(n) for n in range(4)))

    again = hitl(*RUN, "--json")

    assert again.code == 0
    assert routed(again)["task-1"] == "auto_approve"


@pytest.mark.parametrize("options", [(), ("--skip-bad",)])
def test_an_output_of_no_task_is_listed_beside_a_bad_task(hitl, write, options):
    write([task(0), task(1, risk_level="hgih")], [output(0), output(1), output(7)])

    answer = hitl(*RUN, *options)

    assert answer.code == 2 - len(options)
    assert answer.err.count("\n") == 2
    assert "'task-7' is no task of tasks.jsonl" in answer.err
    assert ("1 task left out" in answer.out) == bool(options)


@pytest.mark.parametrize("tasks", [[0, 1], [0, 0, 1]], ids=["one task", "two tasks"])
def test_a_task_with_two_outputs_is_left_out(hitl, write, tasks):
    write([task(number) for number in tasks], [output(0), output(0), output(1)])

    answer = hitl(*RUN, "--skip-bad", "--json")

    assert [case["task_id"] for case in answer.data] == ["task-1"]
    listed = json.loads(answer.err)["problems"]
    assert listed[-1].startswith('outputs.jsonl: line 2: task_id: "task-0" occurs twice, first at line 1;')


def test_compressed_lines_are_read_as_they_are(hitl, write, folder):
    write([task(number) for number in range(3)])
    (folder / "tasks.jsonl.gz").write_bytes(gzip.compress((folder / "tasks.jsonl").read_bytes()))

    assert len(hitl("run", "tasks.jsonl.gz", "--json").data) == 3


@pytest.mark.parametrize("cut", [10, 60])
def test_a_cut_off_compressed_file_is_refused(hitl, write, folder, cut):
    write([task(number) for number in range(3)])
    (folder / "tasks.jsonl.gz").write_bytes(gzip.compress((folder / "tasks.jsonl").read_bytes())[:cut])

    answer = hitl("run", "tasks.jsonl.gz")

    assert (answer.code, answer.out) == (2, "")
    assert "tasks.jsonl.gz: cannot be read: Compressed file ended" in answer.err


def test_a_file_that_is_only_named_parquet_is_refused_by_that(hitl, folder):
    (folder / "tasks.parquet").write_text(lines([task(0)]))

    assert hitl("run", "tasks.parquet").err.startswith("hitl: tasks.parquet: it is no Parquet file;")


def test_an_unknown_column_is_one_problem(hitl, folder):
    parquet, pyarrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    rows = [task(number, risk="x", metadata={"a": 1}) for number in range(5)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "tasks.parquet")

    answer = hitl("run", "tasks.parquet")

    assert answer.code == 2
    assert answer.err == "hitl: tasks.parquet: column risk: unknown field; did you mean 'risk_level'?\n"


def test_confidences_of_a_list_have_one_form(hitl, write):
    write(
        [task(0, risk_level="low"), task(1, risk_level="low")],
        [output(0, confidence_score=0.9025), output(1, confidence_score=0.97)],
    )

    for shown in (hitl(*RUN).out, hitl("audit", "list").out):
        assert "0.9700" in shown


def test_a_table_without_fields_of_records_is_sent_to_the_import(hitl, folder):
    (folder / "tasks.csv").write_text("task_id,amount\na,1\n")

    answer = hitl("run", "tasks.csv")

    assert (answer.code, answer.out) == (2, "")
    assert "'hitl import' turns one into the files" in answer.err


def test_of_many_cases_the_first_are_listed_and_all_are_counted_by_rule(hitl, write):
    write([task(number) for number in range(50)], [output(number) for number in range(50)])

    shown = hitl(*RUN).out

    rows = [line for line in shown.splitlines() if line.startswith("task-")]
    assert [row.split()[0] for row in rows] == [f"task-{number}" for number in range(20)]
    assert "... and 30 more. All of them by routing and rule:" in shown
    counted = [line.split() for line in shown.splitlines() if line.endswith(" 25")]
    assert [row[0] for row in counted] == ["human_review", "auto_approve"]
    assert "50 cases: 25 finished, 25 waiting." in shown


def test_a_pipe_is_read_like_a_file(hitl, folder):
    os.mkfifo(folder / "pipe")
    writer = threading.Thread(target=lambda: (folder / "pipe").write_text(lines(task(n) for n in range(3))))
    writer.start()

    found = hitl("run", "pipe", "--json")

    writer.join()
    assert len(found.data) == 3


@pytest.fixture
def interrupted(folder, write):
    """Start a run of three chunks in its own process, and interrupt it once the first chunk is stored."""
    write([task(number) for number in range(2500)], [output(number) for number in range(2500)])
    command = [sys.executable, "-m", "hitl_orchestrator.cli", *RUN, "--json"]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout.readline() == b"[\n"
    running.send_signal(signal.SIGINT)
    _, printed = running.communicate()
    return running.returncode, printed.decode()


def test_an_interrupted_run_says_what_is_stored_and_the_same_command_continues(hitl, folder, interrupted):
    code, printed = interrupted

    assert code == 130
    (problem,) = json.loads(printed)["problems"]
    assert problem.startswith("interrupted; at least ")
    assert problem.endswith(" of 2500 tasks are done; the same command continues")
    again = hitl(*RUN, "--json")
    assert (again.code, len(again.data)) == (0, 2500)
    with Orchestrator.open(f"sqlite:///{folder}/hitl.db") as opened:
        assert opened.audit.verify().sound
        assert opened.recover() == []


def test_an_interrupt_while_the_files_are_checked_stores_nothing(folder):
    os.mkfifo(folder / "pipe")
    command = [sys.executable, "-m", "hitl_orchestrator.cli", "run", "pipe", "--json"]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with (folder / "pipe").open("w"):  # it is open once the command reads it
        running.send_signal(signal.SIGINT)
        _, printed = running.communicate()

    assert running.returncode == 130
    assert json.loads(printed)["problems"] == ["interrupted; nothing is stored yet; start the same command again"]
    assert not (folder / "hitl.db").exists()
