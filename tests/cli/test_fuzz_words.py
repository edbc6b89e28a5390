"""Every word of every command line, replaced by a hostile one: an exit code and short sentences, in bounded time."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from support.command_table import COMMANDS, commands_of, write_narrower_people
from support.limits import bounded

from hitl_orchestrator.cli import main
from hitl_orchestrator.cli.app import app
from tests.cli.conftest import DATA

MOST_BYTES = 10_000
IDS = (
    *("", " ", "-", "--", "@", "x" * 100_000, "task_001 ", "task_00%", "' OR 1=1 --", "\x1b[31m\u202e", "\udcff\udcfe"),
    *("a\nb", "\U0001f600" * 300, "00000000-0000-0000-0000-000000000000", "0001-01-01", "1986-07-01T00:00:00Z"),
    *("9025-01-01T00:00:00Z", "nan", "{", "[" * 5000, '{"a":' * 500, '{"predicted_label": NaN}', "null", "1e999"),
)
NUMBERS = ("nan", "inf", "-inf", "1e999", "1e-400", "-1", "0", "9" * 5000, "1__0", "\u0663", "0x10", "1.5", "")
FILES = ("/dev/null", ".", "../" * 3000, "tasks.json", "missing/file", "-", "~", "x" * 300, "hitl.db", "hitl.db.key")
ADDRESSES = (
    *("sqlite:", "sqlite:///", "sqlite:///.", "sqlite:///tasks.json", "sqlite:///missing/hitl.db", "sqlite:///?x=1"),
    *(
        "sqlite:///" + "x" * 5000,
        "memory://",
        "memory://x",
        "http://[",
        "postgresql://[",
        "postgresql://[::::]/x",
        "postgresql:///?host=/missing",
    ),
    *("postgresql://u:secret@/%zz", "postgresql:///x?port=99999999999&host=/missing"),
)
FILE_NAMES = {"FILE", "FOLDER", "NEW", "OLD", "PATHS", "PROOF", "TASKS"}
WORDS_EACH = 3


def fitting(parameter: Any) -> tuple[str, ...]:
    """Return the hostile words for a parameter of a command."""
    if parameter.name in ("store", "on"):
        return ADDRESSES + FILES
    if parameter.metavar == "N":
        return NUMBERS + IDS
    return FILES + IDS if set(parameter.metavar.strip("[]").split("|")) & FILE_NAMES else IDS + FILES[:4]


def lines(name: str, words_each: int) -> Any:
    """Yield command lines, each with a hostile word in the place of an argument, or for an option."""
    usual = COMMANDS[name].words.split()
    start = len(name.split())
    arguments = start
    for parameter in commands_of(typer.main.get_command(app))[name].params:
        if getattr(parameter, "is_flag", False):
            continue
        words = fitting(parameter)
        for word in random.Random(f"{name} {parameter.name}").sample(words, min(words_each, len(words))):
            if parameter.param_type_name == "argument":
                yield [*usual[:arguments], word, *usual[arguments + 1 :]]
            else:
                yield [*usual, max(parameter.opts, key=len), word]
        arguments += parameter.param_type_name == "argument"


def check(hitl, name, words_each):
    for words in lines(name, words_each):
        with bounded():
            found = hitl(*words)
        label = ([word[:100] for word in words], found.code, found.err[:1000])
        assert found.code in (0, 1, 2), label
        assert "Traceback" not in found.err, label
        assert "this is a bug" not in found.err, label
        assert "pydantic" not in found.err, label
        assert "secret" not in found.err, label
        assert len(found.err.encode(errors="surrogatepass")) <= MOST_BYTES, label
    assert hitl("audit", "verify").code == 0


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """Return a folder with a store of the canonical tasks."""
    folder = tmp_path_factory.mktemp("original")
    tasks, outputs = (str(DATA / name) for name in ("tasks.json", "agent_outputs.json"))
    assert main(["run", tasks, "--outputs", outputs, "--store", f"sqlite:///{folder}/hitl.db"]) == 0
    write_narrower_people(folder)
    return folder


@pytest.fixture
def filled(hitl, folder, original):
    shutil.copytree(original, folder, dirs_exist_ok=True)
    return hitl


@pytest.mark.parametrize("name", COMMANDS)
def test_no_word_of_a_command_line_ends_in_a_fault_or_a_long_message(filled, name):
    check(filled, name, WORDS_EACH)


@pytest.mark.soak
@pytest.mark.parametrize("name", COMMANDS)
def test_none_of_very_many_words_ends_in_a_fault_or_a_long_message(filled, name):
    check(filled, name, 1000)
