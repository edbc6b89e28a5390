"""One PostgreSQL server for a test run, shared by its processes, and a database for each test that asks for one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from support.postgres_server import IS_THERE, MISSING, Server

TEMPLATE = "with_tables"


def need_postgres() -> None:
    """Skip the test if PostgreSQL is not installed; fail in CI."""
    if not IS_THERE:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)


@pytest.fixture(scope="session")
def postgres_folder(request) -> Path:
    """Return a folder shared by the processes of one test run. Its path is short enough for a socket."""
    run = getattr(request.config, "workerinput", {}).get("testrunuid", str(os.getpid()))
    folder = Path(tempfile.gettempdir(), f"hitl-pg-{run[:12]}")
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def postgres(postgres_folder, tmp_path_factory) -> Iterator[Server]:
    """Yield the server of this test run. The first process that needs it starts it, the last one stops it."""
    need_postgres()
    users = postgres_folder / "users"
    with _alone(tmp_path_factory):
        server = Server(postgres_folder / "s")
        if not users.exists():
            server.start()
            users.mkdir()
            _make_template(server)
        (users / str(os.getpid())).touch()
    yield server
    with _alone(tmp_path_factory):
        (users / str(os.getpid())).unlink()
        if not any(users.iterdir()):
            server.remove()
            shutil.rmtree(postgres_folder)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """Yield a server that a test may stop: it is not shared."""
    need_postgres()
    folder = Path(tempfile.mkdtemp(prefix="hitl-pg-"))
    folder.chmod(0o755)
    server = Server(folder)
    server.start()
    yield server
    server.remove()


@contextmanager
def _alone(folders: pytest.TempPathFactory) -> Iterator[None]:
    """Exclude the other processes of the test run."""
    base = folders.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "postgres.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def _make_template(server: Server) -> None:
    """Create the database that new ones are copied from."""
    from hitl_orchestrator.graph.postgres_checkpoints import postgres_checkpoints  # noqa: PLC0415
    from hitl_orchestrator.wiring.stores import open_ledger  # noqa: PLC0415

    server.run(f"CREATE DATABASE {TEMPLATE}")
    open_ledger(server.url(TEMPLATE)).close()
    postgres_checkpoints(server.url(TEMPLATE)).conn.close()


def new_store(server: Server) -> str:
    """Create a database with the tables of a new ledger."""
    from support.stores import found  # noqa: PLC0415

    store = server.new_database(TEMPLATE)
    found(store)
    return store


@pytest.fixture(scope="session")
def database_of_this_process(postgres) -> str:
    return new_store(postgres)


@pytest.fixture
def postgres_store(postgres, database_of_this_process) -> str:
    """Return a database with the tables of a new ledger."""
    from support.stores import found  # noqa: PLC0415

    postgres.empty(database_of_this_process)
    found(database_of_this_process)
    return database_of_this_process


@pytest.fixture
def empty_database(postgres) -> Iterator[str]:
    """Yield an empty database of its own."""
    url = postgres.new_database()
    yield url
    postgres.drop(url)
