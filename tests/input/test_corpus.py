"""The input corpus through the library and the command line, on every store: the same verdict everywhere.

Refused input is refused with its message, stores nothing and prints no traceback. Accepted input runs to its outcome
and is read back unchanged.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support.input_corpus import ANSWER, OUTPUT, POLICY, TASK, Entry, corpus
from support.internals import services_of
from support.postgres_fixtures import new_store
from support.stores import new_sqlite

from hitl_orchestrator import AgentOutput, InvalidInput, Orchestrator, Review, Task
from hitl_orchestrator.cli import main
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.input.parsing import parse, parse_many, read_json, read_records
from hitl_orchestrator.domain.shown.invisible_characters import hidden_in
from hitl_orchestrator.domain.value import MAX_SIZE
from hitl_orchestrator.errors import HitlError, UnknownCase
from hitl_orchestrator.services.config_files import read_file

KINDS = ("task", "output", "answer", "policy", "people")
ENTRIES = {kind: [entry for entry in corpus() if entry.kind == kind] for kind in KINDS}
MANAGER = Review(human_decision="approve", reviewer_id="compliance_officer")

# A store in memory ends with the command.
DURABLE = ["sqlite", "postgres"]
# What the command line reads is read before any store is opened: one of them tells, and all of them in the long runs.
TYPED = ["sqlite", *(pytest.param(store, marks=pytest.mark.soak) for store in ("memory", "postgres"))]


@pytest.fixture(params=["ci", pytest.param("soak", marks=pytest.mark.soak)])
def texts(request, address) -> Callable[[str], list[Entry]]:
    """The corpus by kind. Behind one door, SQLite takes all of it; the others every third text but in the long runs."""
    step = 1 if request.param == "soak" or address.startswith("sqlite") else 3
    return lambda kind: ENTRIES[kind][::step]


@pytest.fixture(params=["memory", *DURABLE])
def address(request, tmp_path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_store"))
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'hitl.db'}"


@pytest.fixture
def another_store(request, address, tmp_path) -> Callable[[], str]:
    """Return a function that returns the address of a new store, of the kind of `address`."""
    if address.startswith("memory"):
        return lambda: address
    if address.startswith("sqlite"):
        numbers = count()
        return lambda: new_sqlite(tmp_path / f"hitl-{next(numbers)}.db")
    server = request.getfixturevalue("postgres")
    return lambda: new_store(server)


@pytest.fixture
def hitl(address) -> Iterator[Orchestrator]:
    with Orchestrator.open(address) as opened:
        yield opened


def named(entries: list[Entry], prefix: str) -> Iterator[tuple[str, Entry]]:
    """Give every entry a task of its own."""
    for number, entry in enumerate(entries):
        task_id = f"{prefix}-{number:04}"
        yield task_id, entry._replace(text=entry.text.replace(b'"ID"', f'"{task_id}"'.encode()))


def unlike(entry: Entry, refused: str | None) -> list[str]:
    """Describe how a verdict differs from the expected one of the corpus."""
    fits = refused is None if entry.refused is None else refused is not None and entry.refused in refused
    return [] if fits else [f"{entry.name}: wanted {entry.refused!r}, got {refused!r}"]


def given_task(task_id: str) -> Task:
    return Task.model_validate({**TASK, "task_id": task_id})


def given_output(task_id: str) -> AgentOutput:
    return AgentOutput.model_validate({**OUTPUT, "task_id": task_id})


def read(kind: str, path: Path, task_id: str) -> tuple[Task, AgentOutput]:
    """Parse a task or an output as every face does, with the record that belongs to it."""
    model: Any = Task if kind == "task" else AgentOutput
    (value,) = parse_many(model, read_records(read_file(path), path.name), path.name, "task_id")
    return (value, given_output(value.task_id)) if kind == "task" else (given_task(task_id), value)


def comes_to_its_end(hitl: Orchestrator, task: Task, output: AgentOutput) -> list[str]:
    """Submit, approve, and describe the values that changed on the way."""
    case = hitl.submit(task, output)
    if case.open_review:
        case = hitl.decide(case.case_id, MANAGER.model_copy(update={"shown_digest": case.open_review.digest}))
    kept = hitl.cases.get(case.case_id)
    came = (kept.submission.task, kept.submission.output, kept.final_output, kept.status)
    return [] if came == (task, output, output.agent_output, "approved") else [f"{task.task_id} came back otherwise"]


@pytest.mark.parametrize("kind", ["task", "output"])
def test_the_library_rejects_invalid_tasks_and_outputs(hitl, texts, tmp_path, kind):
    wrong: list[str] = []
    path = tmp_path / "given"
    for task_id, entry in named(texts(kind), f"lib-{kind}"):
        path.write_bytes(entry.text)
        before = len(services_of(hitl).ledger.stages(*CaseStage)) if entry.refused is not None else 0
        try:
            wrong += comes_to_its_end(hitl, *read(kind, path, task_id)) + unlike(entry, None)
        except InvalidInput as exc:
            wrong += unlike(entry, str(exc))
            if len(services_of(hitl).ledger.stages(*CaseStage)) != before:
                wrong.append(f"{entry.name}: something was stored")

    assert wrong == []


def test_the_library_rejects_invalid_answers(hitl, texts, tmp_path):
    wrong: list[str] = []
    path = tmp_path / "given"
    for task_id, entry in named(texts("answer"), "lib-answer"):
        path.write_bytes(entry.text)
        waiting = hitl.submit(given_task(task_id), given_output(task_id))
        try:
            answer = parse(Review, read_json(read_file(path), "answer"), "answer")
            done = hitl.decide(task_id=task_id, decision=answer)
            fields = hitl.cases.get(task_id=task_id).reviews[0].verdict.review
            wrong += unlike(entry, None)
            if (done.final_output, fields.human_feedback, fields.reason) != (
                answer.modified_output,
                answer.human_feedback,
                answer.reason,
            ):
                wrong.append(f"{entry.name}: came back otherwise")
        except HitlError as exc:
            wrong += unlike(entry, str(exc))
            if hitl.cases.get(task_id=task_id) != waiting:
                wrong.append(f"{entry.name}: the case was touched")

    assert wrong == []


@pytest.mark.parametrize("kind", ["policy", "people"])
def test_the_library_rejects_invalid_policies_and_reviewers(address, another_store, texts, tmp_path, kind):
    wrong: list[str] = []
    path = tmp_path / "given.json"
    for number, entry in enumerate(texts(kind)):
        path.write_bytes(entry.text)
        try:
            with Orchestrator.open(address, **{"policy" if kind == "policy" else "reviewers": path}) as opened:
                address = another_store()  # a store accepts one policy, and one file of reviewers
                wrong += unlike(entry, None)
                policy, task_id = services_of(opened).registry.active, f"under-{number}"
                opened.submit(given_task(task_id), given_output(task_id))
                if services_of(opened).ledger.policy(policy.hash) != policy.policy.model_dump(mode="json"):
                    wrong.append(f"{entry.name}: came back otherwise")
        except InvalidInput as exc:
            wrong += unlike(entry, str(exc))

    assert wrong == []


class Typed:
    """Runs commands in this process, and checks the rules that every answer follows."""

    def __init__(self, address: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.address, self.folder, self._capsys = address, folder, capsys

    def file(self, name: str, content: Any) -> str:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main([*words, *(() if words[0] == "policy" else ("--store", self.address))])
        out, err = self._capsys.readouterr()
        assert code in (0, 1, 2), err
        assert code == 1 or (code == 0) is (err == ""), err
        assert "Traceback" not in err
        assert "fault of hitl-orchestrator" not in err, err
        if err and "--json" in words:
            err = "\n".join(json.loads(err)["problems"])
        else:
            assert all(line.startswith("hitl: ") for line in err.splitlines()), err
        return code, out, err


@pytest.fixture
def typed(address, tmp_path, capsys, monkeypatch) -> Typed:
    monkeypatch.setenv("COLUMNS", "200")
    return Typed(address, tmp_path, capsys)


def run(typed: Typed, kind: str, entry: Entry, task_id: str) -> tuple[int, str, str]:
    """Type the command that reads such a file."""
    given = typed.file("given", entry.text)
    if kind == "task":
        return typed("run", given, "--json")
    tasks = typed.file("tasks", [{**TASK, "task_id": task_id}])
    option = {"output": "--outputs", "policy": "--policy", "people": "--reviewers"}[kind]
    return typed("run", tasks, option, given, "--json")


def is_one_line_of(entry: Entry) -> bool:
    """Whether a text can stand in a list with others as it is."""
    return entry.refused is None and entry.text.startswith(b"{")


def listed(entries: list[Entry]) -> bytes:
    return b"[" + b",\n".join(entry.text for entry in entries) + b"]"


@pytest.mark.parametrize("address", [*DURABLE, pytest.param("memory", marks=pytest.mark.soak)], indirect=True)
@pytest.mark.parametrize("kind", ["task", "output"])
def test_the_cli_rejects_invalid_tasks_and_outputs(typed, texts, address, kind):
    wrong: list[str] = []
    together = []
    for task_id, entry in named(texts(kind), f"cli-{kind}"):
        if is_one_line_of(entry):
            together.append((task_id, entry))
            continue
        code, out, err = run(typed, kind, entry, task_id)
        wrong += unlike(entry, err if code else None)
        if code and (out or code != 2):
            wrong.append(f"{entry.name}: exit code {code} and {out!r}")
    before = stored(address)
    tasks = typed.file("tasks", [{**TASK, "task_id": task_id} for task_id, _ in together])
    given = typed.file("given", listed([entry for _, entry in together]))
    words = (given,) if kind == "task" else (tasks, "--outputs", given)

    code, out, _ = typed("run", *words, "--json")

    assert (code, wrong) == (0, [])
    assert len(json.loads(out)) == len(together)
    if address != "memory://":
        assert len(stored(address)) == len(before) + len(together)
        with Orchestrator.open(address) as hitl:
            found = [one["task_id"] for one in json.loads(out)]
            pairs = zip(found, together, strict=True)
            lost = [entry.name for task_id, (_, entry) in pairs if not came_back(hitl, kind, entry, task_id)]
        assert lost == []


def stored(address: str) -> set[str]:
    """Return the ids of all cases in a store."""
    if address == "memory://":
        return set()
    with Orchestrator.open(address) as hitl:
        return set(services_of(hitl).ledger.stages(*CaseStage))


def came_back(hitl: Orchestrator, kind: str, entry: Entry, task_id: str) -> bool:
    """Whether the store holds exactly the content of the file."""
    kept = hitl.cases.get(task_id=task_id).submission
    value: Any = kept.task if kind == "task" else kept.output
    return bool(value == type(value)(**json.loads(entry.text)))


@pytest.mark.parametrize("address", TYPED, indirect=True)
@pytest.mark.parametrize("kind", ["policy", "people"])
def test_the_cli_rejects_invalid_policies_and_reviewers(typed, kind):
    wrong: list[str] = []
    policy = typed.file("p.json", POLICY)
    for task_id, entry in named(ENTRIES[kind], f"cli-{kind}"):
        given = typed.file("given.json", entry.text)
        words = (given,) if kind == "policy" else (policy, "--reviewers", given)
        code, out, err = typed("policy", "check", *words)
        wrong += unlike(entry, err if code == 2 else None)
        if entry.refused is not None:
            code, out, err = run(typed, kind, entry, task_id)
            wrong += unlike(entry, err) + ([f"{entry.name}: exit code {code} and {out!r}"] if out or code != 2 else [])

    assert wrong == []
    assert stored(typed.address) == set()


@pytest.mark.parametrize("address", DURABLE, indirect=True)
def test_the_cli_rejects_invalid_answers(typed):
    entries = [entry for entry in ENTRIES["answer"] if answer_options(entry) is not None]
    tasks = [{**TASK, "task_id": task_id} for task_id, _ in named(entries, "cli-answer")]
    outputs = [{**OUTPUT, "task_id": task["task_id"]} for task in tasks]
    typed("run", typed.file("tasks", tasks), "--outputs", typed.file("outputs", outputs))
    wrong: list[str] = []
    waiting = set()
    for task_id, entry in named(entries, "cli-answer"):
        code, _, err = typed("resume", task_id, "override", *answer_options(entry))
        wrong += unlike(entry, err if code else None)
        waiting |= {task_id} if code else set()

    assert len(entries) > 50
    assert wrong == []
    assert {row["task_id"] for row in json.loads(typed("inbox", "--limit", "1000", "--json")[1])} == waiting


def answer_options(entry: Entry) -> list[str] | None:
    """Return an answer as the options of a command; None where its fields cannot be typed."""
    try:
        fields = read_json(entry.text.decode(), entry.name)
    except InvalidInput:
        return None
    if not set(ANSWER) <= set(fields) or set(fields) - set(ANSWER) - {
        "human_feedback",
        "shown_digest",
        "modified_output",
    }:
        return None
    if re.search(r"\\ud[89a-f]", entry.text.decode("latin-1")):
        return None  # such a word is no UTF-8, and no command line gets as far as reading it
    if not all(isinstance(value, str) for field, value in fields.items() if field != "modified_output"):
        return None
    options = {
        "--reviewer": fields["reviewer_id"],
        "--reason": fields["reason"],
        "--feedback": fields.get("human_feedback"),
    }
    options |= {"--digest": fields.get("shown_digest")}
    options |= {"--output": json.dumps(fields["modified_output"]) if "modified_output" in fields else None}
    return [f"{option}={value}" for option, value in options.items() if value is not None]


@pytest.mark.parametrize("address", DURABLE, indirect=True)
def test_messages_about_the_corpus_hide_no_characters(typed):
    """Beside the words: whatever was accepted is listed, and nothing that is printed hides anything."""
    shown = [entry for _, entry in named(ENTRIES["task"], "seen") if is_one_line_of(entry) and len(entry.text) < 1000]
    code, _, _ = typed("run", typed.file("given", listed(shown)), "--json")
    assert code == 0
    hiding = [entry for entry in shown if hidden_in(json.loads(entry.text))]
    ids = [json.loads(entry.text)["task_id"] for entry in hiding][::3]
    outputs = [typed("show", task_id)[1] for task_id in ids] + [typed("inbox", "--limit", "2000")[1]]

    assert [text for text in outputs if hidden_in(text)] == []
    assert [text for text in outputs if "Beware" not in text] == []
    assert len(outputs) > 10


LINES = [
    *(("show", word) for word in ("x y", "\u202e", "../x", "a" * 500, "*", "%s", "'; --", "\x1b[31m", "\n")),
    *(("audit", "show", word) for word in ("x", "\u200b", "é", "1e999", "{}")),
    *(("resume", word, "approve", "--reviewer", "domain_reviewer") for word in ("x", "\u2066", "NULL")),
    *(("inbox", option, "\udcff") for option in ("--role", "--domain")),
    ("inbox", "--limit", "1" * 5000),
    ("inbox", "--limit", "-1"),
    ("run", "\x00"),
    ("run", "no\u202esuch.json"),
    ("policy", "check", "\ud800"),
    ("policy", "explain", "a\x00b"),
]


@pytest.mark.parametrize("words", LINES, ids=ascii)
def test_the_cli_rejects_invalid_arguments(typed, address, words):
    code, out, err = typed(*words)

    assert (code in (1, 2), out) == (True, "")
    assert hidden_in(err) == []
    assert err.count("\n") >= 1


def of_size(task_id: str, size: int) -> AgentOutput:
    """An output that is exactly so large as a text, half of it in letters of two bytes."""
    proposal = {"predicted_label": "R", "explanation": "", "letters": "é" * (size // 4)}
    rest = size - len(AgentOutput(task_id=task_id, agent_output=proposal).model_dump_json().encode())
    return AgentOutput(task_id=task_id, agent_output={**proposal, "explanation": "a" * rest})


def test_the_largest_task_finishes(hitl):
    largest, larger = of_size("largest", MAX_SIZE), of_size("larger", MAX_SIZE + 1)

    case = hitl.submit(given_task("largest"), largest)
    done = hitl.decide(task_id="largest", decision=MANAGER.model_copy(update={"shown_digest": case.open_review.digest}))

    assert len(largest.model_dump_json().encode()) == MAX_SIZE
    assert (done.status, hitl.cases.get(task_id="largest").final_output) == ("approved", largest.agent_output)
    with pytest.raises(InvalidInput, match="the output for task 'larger': a record has at most"):
        hitl.submit(given_task("larger"), larger)
    with pytest.raises(UnknownCase):
        hitl.cases.get(task_id="larger")


def test_the_largest_answer_is_accepted(hitl):
    hitl.submit(given_task("edited"), given_output("edited"))
    edited = {"human_decision": "modify", "modified_output": of_size("edited", MAX_SIZE - 300).agent_output}

    hitl.decide(task_id="edited", decision=MANAGER.model_copy(update=edited))

    assert hitl.cases.get(task_id="edited").final_output == edited["modified_output"]


def test_the_corpus_is_large_enough():
    assert sum(map(len, ENTRIES.values())) >= 400
    assert all(any(entry.refused is None for entry in entries) for entries in ENTRIES.values())
