"""Commands read and write UTF-8 data in every locale, and destroy no file of the user."""

import io
import os
import shutil
import stat
import sys
from contextlib import suppress

import pytest

from hitl_orchestrator.cli import main
from hitl_orchestrator.cli.commands.audit.export_formats import defused
from hitl_orchestrator.cli.output.data import new_file, print_json, standard_input, standard_output, write_file
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.settings import read_settings
from tests.cli.conftest import DATA, Answer

EXPORT = "audit", "export"
WRITERS = [
    (*EXPORT, "--out"),
    (*EXPORT, "--events", "--format", "csv", "--out"),
    ("audit", "prove", "task_001", "--out"),
    ("audit", "key", "--out"),
    ("audit", "head", "--out"),
    ("policy", "check", "routing_policy.json", "--map-file"),
]
LEGACY = ["latin-1", "ascii", "utf-16", "cp1252"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A folder with the store of the canonical cases, made once and copied by each test."""
    folder = tmp_path_factory.mktemp("store")
    files = [str(DATA / "tasks.json"), "--outputs", str(DATA / "agent_outputs.json")]
    assert main(["run", *files, "--store", f"sqlite:///{folder}/hitl.db", "--json"]) == 0
    return folder


@pytest.fixture
def filled(hitl, folder, store):
    shutil.copytree(store, folder, dirs_exist_ok=True)
    return hitl


@pytest.mark.parametrize("command", WRITERS, ids=" ".join)
@pytest.mark.parametrize("content", [b"", b"notes of the user", b"two\nlines\n", b'{"a": 1}\n'], ids=repr)
def test_a_file_of_the_user_is_never_overwritten(filled, folder, command, content):
    suffix = ".svg" if "--map-file" in command else ""
    target = folder / f"notes{suffix}"
    target.write_bytes(content)

    answer = filled(*command, target.name)

    if command == ("audit", "head", "--out") and not content:
        assert answer.code == 0  # an empty file takes the first head
        return
    assert (answer.code, target.read_bytes()) == (2, content)
    assert answer.err.count("\n") == 1
    assert target.name in answer.err


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal", ".key", ".head-key"])
@pytest.mark.parametrize("command", [WRITERS[0], WRITERS[4]], ids=" ".join)
def test_no_file_takes_a_name_that_belongs_to_a_store(filled, folder, command, suffix):
    store = folder / "other.db"
    store.write_bytes((folder / "hitl.db").read_bytes())

    answer = filled(*command, f"other.db{suffix}")

    assert answer.code == 2
    assert "of the store 'other.db'" in answer.err
    assert not (folder / f"other.db{suffix}").exists()


@pytest.mark.parametrize("command", WRITERS[:-1], ids=" ".join)
@pytest.mark.parametrize("name", ["hitl.db", "hitl.db.key"])
def test_a_store_and_its_keys_are_never_overwritten(filled, folder, command, name):
    before = (folder / name).read_bytes()
    force = () if command[1] == "head" else ("--force",)

    answer = filled(*command, name, *force)

    assert answer.code == 2
    assert (folder / name).read_bytes()[:100] == before[:100]
    assert filled("audit", "verify").code == 0


@pytest.mark.parametrize("command", WRITERS, ids=" ".join)
def test_nothing_is_written_through_a_link(filled, folder, command):
    suffix = ".svg" if "--map-file" in command else ""
    elsewhere, link = folder / "elsewhere", folder / f"link{suffix}"
    link.symlink_to(elsewhere)

    answer = filled(*command, link.name)

    assert answer.code == 2
    assert "is a link" in answer.err
    assert not elsewhere.exists()


@pytest.mark.parametrize("command", WRITERS, ids=" ".join)
def test_a_new_file_is_readable_by_its_owner_only(filled, folder, command):
    target = folder / ("new.svg" if "--map-file" in command else "new")

    assert filled(*command, target.name).code in {0, 1}

    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_force_replaces_an_earlier_export(filled, folder):
    (folder / "records.jsonl").write_text("old")

    assert filled(*EXPORT, "--out", "records.jsonl", "--force").code == 0

    assert (folder / "records.jsonl").read_text() == filled(*EXPORT).out


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_complete_or_absent(tmp_path, force):
    target = tmp_path / "file"
    if force:
        target.write_text("old")

    with suppress(ZeroDivisionError), new_file(str(target), force=force) as file:
        file.write(b"the first half")
        raise ZeroDivisionError

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == ([("file", "old")] if force else [])


def test_of_two_writers_of_a_new_file_one_is_refused(tmp_path):
    target = str(tmp_path / "file")

    late = new_file(target)
    late.__enter__().write(b"late")
    write_file(target, "early")
    with pytest.raises(InvalidInput, match="exists"):
        late.__exit__(None, None, None)

    assert (tmp_path / "file").read_text() == "early"


def test_a_dash_is_no_file(filled, folder):
    assert filled(*EXPORT, "--out", "-").code == 2
    assert not (folder / "-").exists()


def test_an_export_goes_to_a_device(filled):
    assert filled(*EXPORT, "--out", os.devnull).code == 0
    assert "No space left" in filled(*EXPORT, "--out", "/dev/full").err


class _Bytes(io.BytesIO):
    """Bytes that may act as a terminal."""


class Stream(io.TextIOWrapper):
    """A standard stream with the encoding of a locale."""

    def __init__(self, encoding: str, content: bytes = b"") -> None:
        super().__init__(_Bytes(content), encoding=encoding)

    @property
    def bytes(self) -> bytes:
        return self.buffer.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("encoding", LEGACY)
@pytest.mark.parametrize(
    "command",
    [
        EXPORT,
        (*EXPORT, "--format", "csv"),
        ("audit", "list", "--json"),
        ("audit", "prove", "task_001"),
    ],
    ids=" ".join,
)
def test_data_on_standard_output_is_utf_8_in_every_locale(folder, monkeypatch, filled, encoding, command):
    usual = Stream("utf-8")
    monkeypatch.setattr(sys, "stdout", usual)
    assert main(command) == 0
    legacy = Stream(encoding)
    monkeypatch.setattr(sys, "stdout", legacy)

    assert main(command) == 0

    if "prove" in command:  # each proof has its own signed head
        assert legacy.bytes.decode()[:40] == usual.bytes.decode()[:40]
        return
    assert legacy.bytes == usual.bytes


@pytest.mark.parametrize("encoding", LEGACY)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_standard_input_is_utf_8_in_every_locale(monkeypatch, encoding, mark):
    monkeypatch.setattr(sys, "stdin", Stream(encoding, f"{mark}Grüße\r\n".encode()))

    assert standard_input() == "Grüße\r\n"


def test_standard_input_of_another_encoding_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stream("utf-8", "Grüße".encode("latin-1")))

    with pytest.raises(InvalidInput, match="standard input: not UTF-8 text"):
        standard_input()


def test_line_ends_are_not_translated(monkeypatch):
    stream = Stream("utf-8")
    monkeypatch.setattr(sys, "stdout", stream)

    with standard_output() as out:
        out.write("a\r\nb\n")

    assert stream.bytes == b"a\r\nb\n"


def test_json_on_a_terminal_hides_nothing(monkeypatch):
    terminal = Stream("utf-8")
    terminal.buffer.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", terminal)

    print_json('["a\x9b31m\u202eb"]')

    assert terminal.bytes.decode() == '["a\\u009b31m\\u202eb"]\n'


@pytest.mark.parametrize("start", ["\n", " =", "\u3000@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", " \n="])
def test_every_cell_that_a_spreadsheet_runs_is_escaped(start):
    assert defused(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"


def test_csv_has_a_byte_order_mark_and_semicolons_on_request(filled, folder):
    filled(*EXPORT, "--format", "csv", "--bom", "--delimiter", ";", "--out", "r.csv")

    assert (folder / "r.csv").read_bytes().startswith("\ufefflog_id;task_id;".encode())
    assert filled(*EXPORT, "--bom").code == 2
    assert filled(*EXPORT, "--format", "csv", "--delimiter", "|").code == 2


@pytest.mark.parametrize("blank", ["\n", " ", "\r\n", "\t"])
def test_blanks_around_settings_are_ignored(monkeypatch, filled, folder, blank):
    for name, value in {"STORE": "sqlite:///hitl.db", "POLICY": "routing_policy.json", "DEBUG": "1"}.items():
        monkeypatch.setenv(f"HITL_{name}", f"{blank}{value}{blank}")

    answer: Answer = filled("inbox", "--json", "--reviewers", f"reviewers.json{blank}")

    assert read_settings().store == "sqlite:///hitl.db"
    assert read_settings().debug
    assert (answer.code, len(answer.data)) == (0, 3)
    assert sorted(path.name for path in folder.glob("hitl.db*") if path.suffix in {".db", ".key"}) == [
        "hitl.db",
        "hitl.db.key",
    ]
