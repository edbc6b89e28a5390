"""Every command in every environment that lacks something: the documented exit code, and at most one sentence."""

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from support.warm_commands import UNREAD, Ran

from hitl_orchestrator.cli import main
from hitl_orchestrator.cli.app import app
from tests.cli.conftest import DATA

DONE, NO, INVALID, UNREAD_OUTPUT = 0, 1, 2, 141


class Row(NamedTuple):
    """A command, its exit code where nothing lacks, and whether it writes to the store."""

    words: str
    code: int = DONE
    writes: bool = False


def writing(words: str) -> Row:
    return Row(words, writes=True)


REVIEWED_BY = "--reviewer domain_reviewer"
COMMANDS = {
    "run": writing("run tasks.json --outputs agent_outputs.json"),
    "recover": writing("recover"),
    "sweep": Row("sweep"),
    "inbox": Row("inbox"),
    "show": Row("show task_002"),
    "decide": writing(f"decide task_002 approve {REVIEWED_BY}"),
    "escalate": writing(f"escalate task_002 {REVIEWED_BY} --reason unclear"),
    "label": writing(f"label task_002 urgent {REVIEWED_BY}"),
    "bulk": Row(f"bulk approve task_002 --yes {REVIEWED_BY}", INVALID),
    "next": writing(f"next {REVIEWED_BY}"),
    "claim": writing(f"claim task_002 {REVIEWED_BY}"),
    "release": writing(f"release task_002 {REVIEWED_BY}"),
    "delegate": Row(f"delegate task_002 {REVIEWED_BY} --to senior_manager", NO, writes=True),
    "assign": writing("assign --reviewer senior_manager"),
    "cancel": Row("cancel task_002 --submitted-by the_agent --reason wrong", NO),
    "desk": Row(f"desk {REVIEWED_BY}", INVALID),
    "feedback": Row("feedback"),
    "insights": Row("insights"),
    "demo": Row("demo"),
    "simulate": Row("simulate --days 1 --tasks-per-day 3"),
    "policy check": Row("policy check routing_policy.json"),
    "policy diff": Row("policy diff routing_policy.json routing_policy.json"),
    "policy schema": Row("policy schema"),
    "policy explain": Row("policy explain tasks.json --outputs agent_outputs.json"),
    "policy test": Row("policy test routing_policy.policy-test.yaml"),
    "policy backtest": Row("policy backtest routing_policy.json --on sqlite:///hitl.db"),
    "policy versions": Row("policy versions"),
    "policy activate": writing("policy activate routing_policy.json --reviewer compliance_officer --reason new"),
    "policy rollback": Row("policy rollback --reviewer compliance_officer --reason old", NO),
    "policy shadow": writing("policy shadow routing_policy.json --reviewer compliance_officer --reason new"),
    "policy canary": Row("policy canary --off --reviewer compliance_officer --reason done", NO),
    "audit list": Row("audit list"),
    "audit show": Row("audit show task_001"),
    "audit export": Row("audit export"),
    "audit redact": writing("audit redact task_001 --reason erasure --reviewer compliance_officer --yes"),
    "audit verify": Row("audit verify"),
    "audit head": Row("audit head"),
    "audit key": Row("audit key"),
    "audit prove": Row("audit prove task_001"),
    "audit check": Row("audit check -"),
}
CONTAINER: dict[str, Any] = {
    "environment": {"HITL_STORE": " sqlite:///hitl.db\n", "HITL_POLICY": " ", "LC_ALL": "C"},
    "encoding": "ascii",
    "home": False,
    "zones": False,
}


def commands(group: Any, path: str = "") -> dict[str, Any]:
    """Return the visible commands of a group and of the groups in it, by their words."""
    found: dict[str, Any] = {}
    for name, each in group.commands.items():
        words = f"{path} {name}".strip()
        found |= commands(each, words) if hasattr(each, "commands") else {} if each.hidden else {words: each}
    return found


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """Return a folder with a store, and with the files that the commands read."""
    folder = tmp_path_factory.mktemp("original")
    before = Path.cwd()
    os.chdir(folder)
    try:
        for words in (
            "demo --data-into .",
            "run tasks.json --outputs agent_outputs.json",
            "audit prove task_001 --out proof.json",
        ):
            assert main(words.split()) == DONE
    finally:
        os.chdir(before)
    shutil.copy(DATA / "routing_policy.policy-test.yaml", folder)
    return folder


@pytest.fixture
def typed(warm, original, tmp_path):
    """Type a row of the table in a copy of the folder."""
    folder = tmp_path / "copy"
    shutil.copytree(original, folder)

    def run(row: Row, **environment: Any) -> Ran:
        stdin = (folder / "proof.json").read_bytes()
        try:
            return warm.run(*row.words.split(), cwd=folder, stdin=stdin, **environment)
        finally:
            folder.chmod(0o700)

    run.folder = folder
    return run


def check(ran: Ran, *codes: int) -> None:
    """Require one of the exit codes, one sentence where it is not 0, and no report of a fault."""
    message = ran.err.decode("ascii", "replace")
    assert ran.code in codes, message
    assert message.count("\n") <= 1, message
    assert "Traceback" not in message
    assert "bug" not in message
    if ran.code == INVALID:
        assert message.startswith("hitl: ")


def test_the_table_has_every_command():
    assert set(commands(typer.main.get_command(app))) == set(COMMANDS)


EVERY = pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS)


@EVERY
def test_in_a_container_without_locale_home_user_and_zones_it_works_as_everywhere(typed, row):
    check(typed(row, **CONTAINER), row.code)


@EVERY
def test_without_standard_input_it_does_not_wait_for_any(typed, row):
    check(typed(row, closed=[0]), INVALID if row.words.endswith(" -") else row.code)


@EVERY
def test_a_daemon_without_any_stream_gets_the_exit_code(typed, row):
    code = INVALID if row.words.endswith(" -") else row.code
    assert typed(row, closed=[0, 1, 2]) == Ran(code, b"", b"")


@EVERY
def test_output_to_a_full_disk_is_reported(typed, row):
    check(typed(row, to={"stdout": "/dev/full"}), INVALID, row.code or INVALID)


@EVERY
def test_output_to_a_reader_that_is_gone_ends_quietly(typed, row):
    check(typed(row, to={"stdout": UNREAD}), UNREAD_OUTPUT, row.code or UNREAD_OUTPUT)


@EVERY
def test_on_a_store_that_may_only_be_read_it_reads_or_refuses(typed, row):
    for each in (*typed.folder.glob("hitl.db*"), typed.folder):
        each.chmod(0o500)
    before = (typed.folder / "hitl.db").read_bytes()
    check(typed(row, powerless=True), INVALID if row.writes else row.code)
    assert (typed.folder / "hitl.db").read_bytes() == before
    assert not list(typed.folder.glob("hitl.db-*"))


@pytest.mark.parametrize("to", [{"stderr": "/dev/full"}, {"stdout": "/dev/full", "stderr": "/dev/full"}])
@pytest.mark.parametrize("words", ["show task_009", "show task_009 --json", "policy check missing.json"])
def test_an_error_that_cannot_be_printed_keeps_its_exit_code(typed, words, to):
    code = INVALID if "missing" in words else NO
    assert typed(Row(words), to=to) == Ran(code, b"", b"")
