"""A folder with the canonical data sets, and two ways to run a command: in this process, and in its own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.warm_commands import WarmCommands

from hitl_orchestrator.cli import main

DATA = Path(str(files("hitl_orchestrator.data")))
RUN = ("run", "tasks.json", "--outputs", "agent_outputs.json")
APPROVE = ("decide", "task_002", "approve", "--reviewer", "domain_reviewer")


class Answer(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An own folder, which is the current one, with the canonical data sets."""
    for path in DATA.glob("*.json"):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def hitl(folder, capsys) -> Callable[..., Answer]:
    """Type a command in this process: quick, for LangGraph is imported once."""

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(arguments)
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def process(folder) -> Callable[..., Answer]:
    """Type a command in a process of its own."""

    def run(*arguments: str) -> Answer:
        command = [sys.executable, "-m", "hitl_orchestrator.cli", *arguments]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=60)
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def warm(tmp_path_factory) -> Iterator[WarmCommands]:
    """Type commands in environments that lack something, each in a forked process."""
    with closing(WarmCommands(tmp_path_factory.mktemp("streams"))) as commands:
        yield commands


@pytest.fixture
def canonical(hitl):
    """The canonical tasks, three of which wait."""
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")
    return hitl


STRICT = {"policy_id": "strict", "rules": [{"rule_id": "all", "priority": 1, "conditions": {}, "action": "escalate"}]}


@pytest.fixture
def stricter(canonical, folder):
    """The same store, after a stricter policy has come in: every case needs a senior manager."""
    (folder / "strict.json").write_text(json.dumps(STRICT))
    by = ("--reviewer", "senior_manager", "--reason", "every case is escalated")
    assert canonical("policy", "activate", "strict.json", *by).code == 0
    return canonical


PEOPLE = [
    {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"], "domains": ["finance"]},
    {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"], "domains": ["trust_and_safety"]},
    {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"], "domains": ["trust_and_safety"]},
]


@pytest.fixture
def limited(folder, hitl):
    """The canonical tasks, and people who may decide in some domains alone."""
    (folder / "people.json").write_text(json.dumps(PEOPLE))
    return hitl


@pytest.fixture
def routed(hitl) -> Callable[..., Answer]:
    """The canonical tasks, three of which wait."""
    hitl(*RUN)
    return hitl


@pytest.fixture
def filled(hitl, folder):
    """A store with the canonical five cases, all finished."""
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviews", "human_reviews.json")
    return hitl
