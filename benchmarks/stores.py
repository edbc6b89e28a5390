"""New stores on both databases, which are deleted at the end.

The PostgreSQL server is that of the tests, from a wheel, with its default disk settings (fsync on).
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.postgres_server import IS_THERE, MISSING, Server

__all__ = ["MISSING", "Stores", "new_stores"]


class Stores:
    """A folder of SQLite files and a PostgreSQL server, None where none is installed."""

    def __init__(self, folder: Path, server: Server | None) -> None:
        self.folder, self._server, self._numbers = folder, server, count()

    @property
    def has_postgres(self) -> bool:
        """Whether there is a PostgreSQL server."""
        return self._server is not None

    @property
    def postgres_version(self) -> str | None:
        """The version of the server."""
        return None if self._server is None else str(self._server.run("SHOW server_version")[0][0])

    def file(self, ending: str) -> Path:
        """Return the path of a new file."""
        return self.folder / f"{next(self._numbers)}.{ending}"

    def sqlite(self) -> str:
        """Return the URL of a new SQLite store."""
        return f"sqlite:///{self.file('db')}"

    def postgres(self) -> str:
        """Return the URL of a new PostgreSQL database."""
        assert self._server is not None
        return self._server.new_database()

    def databases(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the URL of a new store on each database."""
        yield "SQLite", self.sqlite()
        if self.has_postgres:
            yield "PostgreSQL", self.postgres()


@contextmanager
def new_stores() -> Iterator[Stores]:
    """Start a server, and stop it at the end. Keys of stores go to a home of their own, and are deleted too."""
    with tempfile.TemporaryDirectory(prefix="hitl-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        os.environ["HOME"] = str(folder)
        server = Server(folder / "postgres", fsync=True) if IS_THERE else None
        if server is None:
            yield Stores(folder, None)
            return
        server.start()
        try:
            yield Stores(folder, server)
        finally:
            server.remove()
