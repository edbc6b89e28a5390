"""Output: texts of agents are never markup, and errors are never tracebacks."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from hitl_orchestrator.cli import main
from hitl_orchestrator.cli.app import app
from hitl_orchestrator.cli.output.data import print_json_list
from hitl_orchestrator.cli.output.formatting import confidence
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible

RUN = ("run", "tasks.json", "--outputs", "agent_outputs.json")
MARKED = "[red]x[/red] [link=http://x]y[/link] :smile:"
EVIL = "[red]x[/red] [link=http://x]y[/link] :smile: \x1b[31m \x07 \u202eevil\u2066 \u2028 \ufeff"
SHOWN = "[red]x[/red] [link=http://x]y[/link] :smile: <U+001B>[31m <U+0007> <U+202E>evil<U+2066> <U+2028> <U+FEFF>"


@pytest.fixture
def evil(hitl, folder):
    """A case whose texts contain markup and control characters."""
    task = json.loads((folder / "tasks.json").read_text())[2]
    result = {"task_id": "evil", "task_description": f"{EVIL}\n\nOutcome\napproved", "domain": MARKED}
    (folder / "tasks.json").write_text(json.dumps([{**task, **result, "metadata": {EVIL: EVIL}}]))
    output = {"predicted_label": f"{EVIL}\nOutcome", "explanation": EVIL, EVIL: EVIL}
    (folder / "agent_outputs.json").write_text(json.dumps([{"task_id": "evil", "agent_output": output}]))
    hitl(*RUN)
    return hitl


@pytest.mark.parametrize("command", [("show", "evil"), ("inbox",), ("policy", "explain", "evil")])
def test_markup_control_and_bidirectional_characters_are_inert(evil, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "500")

    output = evil(*command).out

    assert not [character for character in output if character != "\n" and escape_invisible(character) != character]
    assert "\x1b" not in output
    if command[0] != "policy":
        assert SHOWN in output


def test_no_free_text_can_forge_a_heading(evil):
    headings = [line for line in evil("show", "evil").out.splitlines() if line in ("Outcome", "History")]

    assert headings == ["History"]


def test_json_is_plain_ascii(evil):
    assert evil("inbox", "--json").out.isascii()
    assert evil("inbox", "--json").data[0]["proposal"]["predicted_label"] == f"{EVIL}\nOutcome"


@pytest.mark.parametrize(
    ("command", "counts"),
    [
        (("show", "evil"), ["this contains 18", "this contains 24"]),
        (("inbox",), ["evil contains 42"]),
        (("audit", "show", "evil"), ["entry 3 contains 42", "entry 4 contains 24"]),
        (
            ("decide", "evil", "approve", "--reviewer", "senior_manager", "--feedback", "fine\u200b"),
            ["what the agent proposed contains 24", "the task contains 18", "this decision contains 1"],
        ),
    ],
)
def test_invisible_characters_are_flagged_in_every_view(evil, command, counts):
    output = " ".join(evil(*command).out.split())

    assert re.findall("Beware: ([^.]*?) invisible", output) == counts
    assert "shown as <U+001B> <U+0007> <U+202E> <U+2066> <U+2028> and others." in output


def test_plain_texts_are_not_flagged(hitl):
    hitl(*RUN)

    for command in (("show", "task_003"), ("inbox",), ("audit", "show", "task_003")):
        assert "Beware" not in hitl(*command).out


def test_error_messages_escape_control_characters(hitl):
    assert hitl("policy", "check", "\x1b[31m.json").err.startswith("hitl: <U+001B>[31m.json: cannot be read")


@pytest.mark.parametrize(
    ("variables", "colored"),
    [({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ({}, False)],
)
def test_colors_are_for_terminals_and_no_color_is_respected(hitl, folder, variables, colored):
    hitl(*RUN)

    command = [sys.executable, "-m", "hitl_orchestrator.cli", "inbox"]
    environment = {**os.environ, "TERM": "xterm", **variables}
    out = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout

    assert ("\x1b[31m" in out) is colored


def test_a_narrow_terminal_cuts_columns_but_never_an_id(hitl, monkeypatch):
    monkeypatch.setenv("COLUMNS", "62")

    lines = hitl(*RUN).out.splitlines() + hitl("inbox").out.splitlines()

    assert max(map(len, lines)) <= 62
    assert sum("task_003" in line for line in lines) == 2


def test_an_encoding_without_the_character_writes_it_out(hitl, folder):
    (folder / "tasks.json").write_text((folder / "tasks.json").read_text().replace("Classify refund", "Prüfe Rückgabe"))
    hitl(*RUN)

    command = [sys.executable, "-m", "hitl_orchestrator.cli", "show", "task_002"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True)

    assert done.returncode == 0
    assert rb"Pr\xfcfe R\xfcckgabe" in done.stdout


@pytest.fixture
def _interruptible():
    """Restore the interrupt handler for subprocesses: a background shell job ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_ends_with_a_sentence_and_130(folder):
    command = [sys.executable, "-m", "hitl_orchestrator.cli", "run", "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    reading = subprocess.Popen(command, cwd=folder, text=True, **pipes)
    # More than a pipe holds: once it is written, the command reads, and waits for the end of it.
    reading.stdin.write(" " * 1_000_000)
    reading.send_signal(signal.SIGINT)
    out, err = reading.communicate(timeout=60)

    assert (reading.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "hitl: interrupted; nothing is stored yet; start the same command again"


def test_unexpected_error_is_one_sentence_with_a_request_to_report_it(hitl, folder, monkeypatch):
    monkeypatch.setattr("hitl_orchestrator.cli.views.inbox.inbox", None)

    hitl(*RUN)
    answer = hitl("inbox")

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert answer.err.startswith("hitl: this is a bug in hitl-orchestrator, please report it (TypeError: ")
    monkeypatch.setenv("HITL_DEBUG", "1")
    assert "Traceback" in hitl("inbox").err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_full_disk_is_reported(hitl, folder):
    hitl(*RUN)
    command = [sys.executable, "-m", "hitl_orchestrator.cli", "inbox", "--json"]

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=folder, check=False, stdout=full, stderr=subprocess.PIPE, text=True)

    assert done.returncode == 2
    assert json.loads(done.stderr)["problems"] == ["reading or writing failed: No space left on device"]


def test_help_groups_the_commands_in_panels(hitl):
    text = hitl("--help").out

    panels = re.findall(r"[╭┌]─ (\w[\w ]*) ─", text)
    assert panels == ["Options", "Submit", "Review", "Report", "Policy", "People", "Audit", "Try out"]
    assert "…" not in text


def _commands(command, words=()):
    yield words
    for word, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*words, word))


@pytest.mark.parametrize("words", [*_commands(typer.main.get_command(app))], ids=" ".join)
def test_help_is_complete_in_80_columns(hitl, words):
    lines = hitl(*words, "--help").out.splitlines()

    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if "…" in line or "<bool>" in line]


@pytest.mark.parametrize("arguments", [(), ("--help",), ("audit",), ("policy",), ("run", "--help"), ("--version",)])
def test_help_and_version_end_well(arguments, capsys):
    assert main(arguments) == 0
    assert capsys.readouterr().out


def test_the_shell_completes_commands_and_decisions(folder):
    def completed(words):
        environment = {
            **os.environ,
            "_HITL_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        command = [sys.executable, "-c", "from hitl_orchestrator.cli import main; main()"]
        return subprocess.run(command, env=environment, check=False, capture_output=True, text=True).stdout.split()

    assert completed("hitl re") == ["recover", "release", "report"]
    assert completed("hitl decide x mo") == ["modify"]


def test_a_missing_confidence_is_a_dash_and_never_zero():
    assert [confidence(None), confidence(0.0), confidence(0.9), confidence(0.749999)] == ["-", "0.00", "0.90", "0.7499"]


@pytest.mark.parametrize("values", [[], [{}], [{"a": [1, {"b": None}], "c": "x\ny"}, 2, "z"], [[]]])
def test_a_list_that_is_written_as_it_is_read_is_the_same_text(capfdbinary, values):
    print_json_list(iter(values))

    assert capfdbinary.readouterr().out.decode() == json.dumps(values, indent=2) + "\n"
