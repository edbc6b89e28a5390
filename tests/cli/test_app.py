"""`--app module:name`: a command uses the orchestrator of an application, with its classifier and its resumers."""

import sys

import pytest
from support.builders import a_task, an_output

from hitl_orchestrator import CallKey, Orchestrator, ParentCall, proposed_call

STORE = "sqlite:///app.db"
MODULE = """
from pathlib import Path
from hitl_orchestrator import Orchestrator

class Agent:
    def resume(self, parent, case):
        if Path("away").exists():
            raise ConnectionError("the server of the agent is away")
        Path("resumed").write_text(f"{parent.thread_id} {case.status}")

def classify(task):
    return {"task_id": task.task_id, "agent_output": {"predicted_label": "Refund"}, "confidence_score": 0.95}

def open_store():
    return Orchestrator.open("sqlite:///app.db", classifier=classify, resumers={"agent": Agent()})

number = 3
"""


@pytest.fixture
def app(folder, monkeypatch):
    """An application in the current folder, which has asked for a decision and enqueued a task to classify."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (folder / "my_app.py").write_text(MODULE)
    yield folder
    sys.modules.pop("my_app", None)


@pytest.fixture
def asked(app):
    """A case whose caller waits in a graph of the application."""
    with Orchestrator.open(STORE) as hitl:
        call = proposed_call("refund", {"amount": 7}, confidence=0.5)
        parent = ParentCall(graph="agent", thread_id="thread-1")
        return hitl.ask(CallKey(thread="thread-1", call_id="1"), a_task(), call, parent=parent).case


DECIDE = ("approve", "--reviewer", "domain_reviewer")


def test_a_decision_with_the_application_resumes_the_caller(asked, app, hitl):
    decided = hitl("decide", asked.task_id, *DECIDE, "--app", "my_app:open_store")

    assert (decided.code, decided.err) == (0, "")
    assert (app / "resumed").read_text() == "thread-1 approved"


def test_a_caller_that_waits_is_named_until_the_application_resumes_it(asked, app, hitl):
    hitl("decide", asked.task_id, *DECIDE, "--store", STORE)
    for command in ("inbox", "recover", "sweep"):
        named = hitl(command, "--store", STORE)
        assert named.code == 0
        assert "1 caller waits in the graph agent to be resumed with a decision: no process with a resumer" in named.err
    (listed,) = hitl("recover", "--store", STORE, "--json").data
    assert (listed["status"], listed["parent"]["thread_id"], listed["attempts"]) == ("caller_waits", "thread-1", 0)

    (app / "away").touch()
    failed = hitl("recover", "--app", "my_app:open_store")
    assert failed.code == 1
    assert "was not resumed: ConnectionError: the server of the agent is away; 'hitl recover' with its" in failed.err
    assert 'attempt 1 failed, "ConnectionError: the server of the agent is away"' in hitl("inbox", "--store", STORE).err
    (app / "away").unlink()
    assert "Resumed 1 caller with the decision." in hitl("recover", "--app", "my_app:open_store").out

    assert (app / "resumed").read_text() == "thread-1 approved"
    assert hitl("inbox", "--store", STORE).err == ""


def test_recover_classifies_with_the_application_alone(app, hitl):
    with Orchestrator.open(STORE) as store:
        store.cases.enqueue(a_task("to-classify"), classify=True)
        store.cases.enqueue(a_task("given"), an_output("given"))
    left = hitl("recover", "--store", STORE)
    assert (left.code, "given" in left.out) == (1, True)
    assert "'hitl recover --app module:hitl'" in left.err

    recovered = hitl("recover", "--app", "my_app:open_store", "--json")

    assert (recovered.code, [case["final_decision"] for case in recovered.data]) == (0, ["approved"])


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("my_app", "give module:name"),
        ("my_app:", "give module:name"),
        ("my app:hitl", "give module:name"),
        ("../my_app:hitl", "give module:name"),
        ("no_such_app:hitl", "module no_such_app cannot be imported: ModuleNotFoundError"),
        ("my_app:nothing", "module my_app has no nothing"),
        ("my_app:number", "number is of the type int; name an Orchestrator"),
        ("my_app:Agent", "Agent is of the type Agent"),
        ("my_app:Path.cwd", "Path.cwd is of the type PosixPath"),
        ("my_app:classify", "it could not be opened: TypeError"),
    ],
)
def test_a_name_that_is_no_orchestrator_is_refused(app, hitl, named, words):
    for command in (("recover",), ("sweep",), ("decide", "task-1", *DECIDE)):
        answer = hitl(*command, "--app", named)
        assert (answer.code, words in answer.err) == (2, True), answer.err


def test_the_application_names_the_store(app, hitl):
    answer = hitl("recover", "--app", "my_app:open_store", "--store", STORE, "--policy", "p.json")

    assert answer.code == 2
    assert "leave out --store, --policy" in answer.err


BROKEN = {
    "exits": "raise SystemExit(0)",
    "closes": "raise GeneratorExit",
    "raises": "class Own(BaseException): pass\nraise Own('no')",
    "says_nothing": "class Own(Exception):\n    def __str__(self): raise RuntimeError\nraise Own",
    "has_nothing": "def __getattr__(name): raise RuntimeError(name)",
    "has_an_odd_one": "class Odd:\n    @property\n    def __class__(self): raise RuntimeError('no')\nhitl = Odd()",
    "ends_later": "def hitl(): raise SystemExit(0)",
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_application_that_fails_in_any_way_is_one_sentence(hitl, tmp_path, monkeypatch, name):
    (tmp_path / f"{name}.py").write_text(BROKEN[name])
    monkeypatch.syspath_prepend(tmp_path)

    for command in (("recover", "--app", f"{name}:hitl"), ("calls", f"{name}:hitl", "thread-1")):
        answer = hitl(*command)
        assert (answer.code, answer.err.count("\n"), "bug" in answer.err) == (2, 1, False), answer.err
        assert name in answer.err
