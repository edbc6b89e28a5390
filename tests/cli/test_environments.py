"""Every command in every environment that lacks something: the documented exit code, and at most one sentence."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from support.command_table import COMMANDS, DONE, INVALID, NO, Row, commands_of, write_narrower_people
from support.postgres_fixtures import TEMPLATE
from support.postgres_server import direct_connection
from support.stores import sealed_under
from support.warm_commands import UNREAD, Ran, WarmCommands

from hitl_orchestrator.cli import main
from hitl_orchestrator.cli.app import app
from tests.cli.conftest import DATA

UNREAD_OUTPUT = 141
CONTAINER: dict[str, Any] = {
    "environment": {"HITL_POLICY": " ", "LC_ALL": "C"},
    "encoding": "ascii",
    "home": False,
    "zones": False,
}
LATIN_1 = '{"task_id": "Müller"}'.encode("latin-1")
KEYS = {"HITL_SEAL_KEY": "5e" * 32, "HITL_HEAD_KEY": "a1" * 32}
"""The keys of a store in PostgreSQL, in the environment: a container has no home directory to keep them in."""
NEW_KEY = "7c" * 32
TABLES = ("events", "cases", "reviews", "outcomes", "refusals", "contents", "policies")
AUDITOR = """
DO $$ BEGIN CREATE ROLE auditor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
"""


class OneStore:
    """A copy of the store and of the folder that a row of the table is typed in."""

    def __init__(self, warm: WarmCommands, folder: Path, url: str, keys: dict[str, str], for_reading: str) -> None:
        self._warm, self.folder, self._url, self._keys, self._for_reading = warm, folder, url, keys, for_reading

    def __call__(self, row: Row, *, environment: Mapping[str, str] = {}, **lacking: Any) -> Ran:
        """Type a row; the proof of a case is on standard input unless `stdin` is something else."""
        stdin = lacking.pop("stdin", None) or (self.folder / "proof.json").read_bytes()
        settings = {"HITL_STORE": f" {self._url}\n", **self._keys, **environment}
        if self._keys and row.takes_new_key:
            settings["HITL_SEAL_KEY"] = f"{NEW_KEY},{self._keys['HITL_SEAL_KEY']}"
        words = row.words.split()
        return self._warm.run(*words, cwd=self.folder, stdin=stdin, environment=settings, **lacking)

    def for_reading(self, row: Row) -> Ran:
        """Type a row as a user who may read the store but not write to it."""
        shared = [*self.folder.glob("hitl.db*"), self.folder]
        for each in shared:
            each.chmod(0o500)
        try:
            return self(row, environment={"HITL_STORE": self._for_reading}, powerless=True)
        finally:
            self.folder.chmod(0o700)

    def content(self) -> list[Any]:
        """Return all rows of a database, or the bytes of a store's files."""
        if not self._keys:
            return [(each.name, each.read_bytes()) for each in sorted(self.folder.glob("hitl.db*"))]
        with direct_connection(self._url) as connection:
            return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES]


def fill(store: str) -> None:
    """Fill a store, in the current folder, which gets the files that the commands read."""
    for words in (
        "demo --data-into .",
        f"run tasks.json --outputs agent_outputs.json --store {store}",
        f"audit prove task_001 --out proof.json --store {store}",
    ):
        assert main(words.split()) == DONE
    shutil.copy(DATA / "routing_policy.policy-test.yaml", ".")
    write_narrower_people(Path())


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Iterator[Path]:
    """Return a folder with a store, and with the files that the commands read."""
    folder = tmp_path_factory.mktemp("original")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        fill("sqlite:///hitl.db")
    return folder


@pytest.fixture(scope="module")
def original_database(postgres, tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """Yield a folder with those files, and the name of a database that is copied for each row of the table."""
    folder = tmp_path_factory.mktemp("beside_postgres")
    url = sealed_under(postgres.new_database(TEMPLATE), KEYS["HITL_SEAL_KEY"])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in KEYS.items():
            patch.setenv(name, value)
        fill(url)
    postgres.run(AUDITOR)
    with direct_connection(url) as connection:
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor")
    yield folder, url.rpartition("/")[2]
    postgres.drop(url)


@pytest.fixture
def on_sqlite(warm, original, tmp_path) -> OneStore:
    folder = tmp_path / "copy"
    shutil.copytree(original, folder)
    return OneStore(warm, folder, "sqlite:///hitl.db", {}, "sqlite:///hitl.db")


@pytest.fixture
def on_postgres(warm, postgres, original_database, tmp_path) -> Iterator[OneStore]:
    folder = tmp_path / "copy"
    shutil.copytree(original_database[0], folder)
    url = postgres.new_database(original_database[1])
    yield OneStore(warm, folder, url, KEYS, postgres.url(url.rpartition("/")[2], "auditor"))
    postgres.drop(url)


@pytest.fixture
def typed(request, on) -> OneStore:
    """Type a row of the table on a copy of the store."""
    return request.getfixturevalue(f"on_{on}")


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
    assert set(commands_of(typer.main.get_command(app))) == set(COMMANDS)


def rows(*, of_the_store: bool) -> Any:
    """Type every row of the table on both stores; on PostgreSQL those that open a store.

    What is lacking is `of_the_store`, or else of the streams alone: those meet no store, so that CI has one of the two.
    """
    cases = [(on, name) for on in ("sqlite", "postgres") for name in COMMANDS if on == "sqlite" or COMMANDS[name].opens]
    marks = {"sqlite": (), "postgres": () if of_the_store else pytest.mark.soak}
    return pytest.mark.parametrize(
        ("on", "row"), [pytest.param(on, COMMANDS[name], id=f"{on}-{name}", marks=marks[on]) for on, name in cases]
    )


EVERY, ON_STREAMS = rows(of_the_store=True), rows(of_the_store=False)


@EVERY
def test_in_a_container_without_locale_home_user_and_zones_it_works_as_everywhere(typed, row):
    check(typed(row, **CONTAINER), row.code)


@ON_STREAMS
def test_without_standard_input_it_does_not_wait_for_any(typed, row):
    check(typed(row, closed=[0]), INVALID if row.reads_input else row.code)


@ON_STREAMS
def test_standard_input_in_another_encoding_is_refused_where_it_is_read_and_ignored_elsewhere(typed, row):
    ran = typed(row, stdin=LATIN_1, encoding="latin-1")
    check(ran, INVALID if row.reads_input else row.code)
    assert (b"not UTF-8 text" in ran.err) == row.reads_input


@ON_STREAMS
def test_without_standard_error_it_prints_what_it_prints_elsewhere(typed, row):
    ran = typed(row, closed=[2])
    assert (ran.code, ran.err) == (row.code, b"")
    assert ran.out or row.code


@ON_STREAMS
def test_a_daemon_without_any_stream_gets_the_exit_code(typed, row):
    code = INVALID if row.reads_input else row.code
    assert typed(row, closed=[0, 1, 2]) == Ran(code, b"", b"")


@EVERY
def test_output_to_a_full_disk_is_reported(typed, row):
    check(typed(row, to={"stdout": "/dev/full"}), INVALID, row.code or INVALID)


@ON_STREAMS
def test_output_to_a_reader_that_is_gone_ends_quietly(typed, row):
    check(typed(row, to={"stdout": UNREAD}), UNREAD_OUTPUT, row.code or UNREAD_OUTPUT)


@EVERY
def test_on_a_store_that_may_only_be_read_it_reads_or_refuses(typed, row):
    before = typed.content()
    ran = typed.for_reading(row)
    check(ran, INVALID if row.writes else row.code)
    assert not (row.writes and row.opens) or b"; nothing was written" in ran.err
    assert typed.content() == before


@pytest.mark.parametrize("on", ["sqlite", "postgres"])
@pytest.mark.parametrize("to", [{"stderr": "/dev/full"}, {"stdout": "/dev/full", "stderr": "/dev/full"}])
@pytest.mark.parametrize("words", ["show task_009", "show task_009 --json", "policy check missing.json"])
def test_an_error_that_cannot_be_printed_keeps_its_exit_code(typed, words, to):
    code = INVALID if "missing" in words else NO
    assert typed(Row(words), to=to) == Ran(code, b"", b"")
