"""Routing, listing and deciding in separate processes, and the imports of each command."""

import json
import subprocess
import sys
from importlib import import_module

import pytest

from hitl_orchestrator.cli.app import _COMMANDS

RUN = ("run", "tasks.json", "--outputs", "agent_outputs.json")
REPLAY = (*RUN, "--reviews", "human_reviews.json")
THE_TABLE = [
    ("task_001", "auto_approve", "rule_004", None, "finished", "approved"),
    ("task_002", "human_review", "rule_003", "domain_reviewer", "waiting", None),
    ("task_003", "escalate", "rule_001", "senior_manager", "waiting", None),
    ("task_004", "auto_approve", "rule_004", None, "finished", "approved"),
    ("task_005", "human_review", "rule_003", "domain_reviewer", "waiting", None),
]
ANSWERS = {
    "task_002": ("approve", "--reviewer", "domain_reviewer"),
    "task_003": ("override", "--reviewer", "senior_manager", "--reason", "a policy exception"),
    "task_005": ("modify", "--reviewer", "domain_reviewer", "--output", '{"predicted_label": "Allowed"}'),
}
OUTCOMES = {"task_002": "approved", "task_003": "override_approved", "task_005": "modified_and_approved"}


def summary(cases):
    names = ("task_id", "routing_decision", "rule_id", "assigned_human_role", "status", "final_decision")
    return [tuple(case[name] for name in names) for case in cases]


def test_processes_share_routing_inbox_and_decisions(process):
    routed = process(*RUN, "--json")
    waiting = process("inbox", "--json")
    first = {task: process("decide", task, *answer, "--json") for task, answer in ANSWERS.items()}
    second = process("decide", "task_003", "reject", "--reviewer", "compliance_officer")
    ended = process("audit", "list", "--json")

    assert (routed.code, routed.err) == (0, "")
    assert summary(routed.data) == THE_TABLE
    assert [(row["task_id"], row["role"]) for row in waiting.data] == [
        ("task_002", "domain_reviewer"),
        ("task_003", "senior_manager"),
        ("task_005", "domain_reviewer"),
    ]
    assert {task: (answer.code, answer.data["final_decision"]) for task, answer in first.items()} == {
        task: (0, outcome) for task, outcome in OUTCOMES.items()
    }
    assert second.code == 1
    assert "was already decided by 'senior_manager': override at 20" in second.err
    assert second.err.count("\n") == 1
    assert sorted(record["task_id"] for record in ended.data) == [row[0] for row in THE_TABLE]


@pytest.mark.parametrize("arguments", [("audit", "list"), ("audit", "list", "--json"), ("--help",)])
def test_closed_pipe_ends_without_error_message(folder, hitl, arguments):
    hitl(*REPLAY)

    writer = subprocess.Popen(
        [sys.executable, "-m", "hitl_orchestrator.cli", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    writer.stdout.close()
    complaint = writer.stderr.read()
    writer.stderr.close()

    assert (writer.wait(60), complaint) == (141, b"")


WHAT_IS_IMPORTED = """
import contextlib, json, sys
from hitl_orchestrator.cli import main
code = main(sys.argv[1:])
print(json.dumps({"code": code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""
SLOW = {"langgraph", "langchain_core", "alembic", "yaml"}


@pytest.mark.parametrize(
    ("arguments", "besides"),
    [
        (("inbox", "--json"), {"sqlalchemy", "rich"}),
        (("inbox",), {"sqlalchemy"}),
        (("show", "task_002", "--json"), {"sqlalchemy", "rich"}),
        (("claim", "task_002", "--reviewer", "domain_reviewer"), {"sqlalchemy"}),
        (("audit", "list", "--json"), {"rich"}),
        (("--help",), {"sqlalchemy"}),
        (("policy", "--help"), {"sqlalchemy"}),
        (("--version",), {"sqlalchemy", "rich"}),
    ],
)
def test_fast_commands_import_no_slow_package(folder, hitl, arguments, besides):
    hitl(*RUN)

    assert (SLOW | besides) & {name.partition(".")[0] for name in imported_by(folder, *arguments)} == set()


def imported_by(folder, *arguments):
    """Return the modules that a process of its own imports for a command."""
    read = [sys.executable, "-c", WHAT_IS_IMPORTED, *arguments]
    done = subprocess.run(read, cwd=folder, check=True, capture_output=True, text=True, timeout=60)
    found = json.loads(done.stderr.splitlines()[-1])
    assert found["code"] == 0
    return found["modules"]


@pytest.mark.parametrize("arguments", [("inbox",), ("show", "task_002"), ("audit", "list")])
def test_a_reader_imports_neither_other_commands_nor_analyses(folder, hitl, arguments):
    hitl(*RUN)

    ours = [name for name in imported_by(folder, *arguments) if name.startswith("hitl_orchestrator.")]

    unneeded = [f"hitl_orchestrator.{name}" for name in ("policies.analysis.check", "policies.testing", "backtest")]
    assert [name for name in ours if name.startswith(tuple(unneeded))] == []
    assert len([name for name in ours if name.startswith("hitl_orchestrator.cli.commands.")]) <= 3
    assert len(ours) <= 370


def test_each_module_of_commands_is_imported_for_its_commands():
    every = {
        group: {name: module for module, names in modules.items() for name in names.split()}
        for group, modules in _COMMANDS.items()
    }
    registered = {
        group: {
            command.name: module
            for module in modules
            for command in import_module(f"hitl_orchestrator.cli.commands.{module}").group.registered_commands
        }
        for group, modules in _COMMANDS.items()
    }

    assert registered == every


def test_importing_the_command_line_reads_no_arguments_and_imports_no_graph():
    code = "import sys, hitl_orchestrator.cli; print('langgraph' in sys.modules, 'typer' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)

    assert done.stdout.split() == ["False", "False"]
