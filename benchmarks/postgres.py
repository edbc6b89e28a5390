"""The cost of a case on PostgreSQL: our whole `submit` and `decide` against the bare graph on the Postgres saver.

The server is the tests' own, from a wheel, with its default disk settings (fsync on). Without a server
nothing is measured.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import Bare, graph_on, one_round
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.graph.checkpoints import strict_serializer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.postgres_server import IS_THERE, MISSING, Server

WHY_NOT = None if IS_THERE else MISSING


class BareOnPostgres(Bare):
    """Five trivial nodes on a PostgresSaver, as its own documentation connects it."""

    def __init__(self, url: str, *, synchronous: str) -> None:
        import psycopg  # noqa: PLC0415 - only where it is installed
        from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415
        from psycopg.rows import dict_row  # noqa: PLC0415

        connection: Any = psycopg.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row)
        connection.execute(f"SET synchronous_commit = {synchronous}")
        saver = PostgresSaver(connection, serde=strict_serializer())
        saver.setup()
        self.connection, self.graph = connection, graph_on(saver)


def measure(rounds: int = 9) -> dict[str, float]:
    """Return milliseconds a case and the ratios of ours to the bare graph: medians over `rounds`.

    `bare` commits as our checkpoints do (synchronous_commit=off), `default` as a PostgresSaver comes, which like our
    ledger waits for the disk.
    """
    if not IS_THERE:
        return {}
    figures: dict[str, list[float]] = {}
    with postgres_server() as server, Orchestrator.open(server.new_database()) as hitl:
        bare = BareOnPostgres(server.new_database(), synchronous="off")
        default = BareOnPostgres(server.new_database(), synchronous="on")
        for number in range(-1, rounds):  # the first round warms up
            for path, reviewed in (("auto", False), ("reviewed", True)):
                for who, seconds in one_round(bare, default, hitl, number, reviewed).items():
                    if number >= 0:
                        figures.setdefault(f"postgres_{path}_{who}_ms", []).append(seconds * 1000)
        bare.connection.close()
        default.connection.close()
    result = {key: median(values) for key, values in figures.items()}
    for path in ("postgres_auto", "postgres_reviewed"):
        result[f"{path}_ratio"] = result[f"{path}_ours_ms"] / result[f"{path}_bare_ms"]
        result[f"{path}_ratio_to_default"] = result[f"{path}_ours_ms"] / result[f"{path}_default_ms"]
    return result


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Start a server that waits for its disk, and stop it at the end."""
    server = Server(Path(tempfile.mkdtemp(prefix="hitl-bench-")), fsync=True)
    server.folder.chmod(0o755)
    server.start()
    try:
        yield server
    finally:
        server.remove()


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:34} {value:8.3f}")
