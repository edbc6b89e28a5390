"""The processes that verify parts of a ledger: how they are started, spoken to, and ended.

They run this interpreter with code of this package alone, so that nothing of the program that started them runs twice.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import DEVNULL, PIPE, Popen
from threading import Thread
from typing import Any, Self

import orjson

_BOOT = (
    "import sys, json; start = json.loads(sys.stdin.buffer.readline()); sys.path[:] = start['path']; "
    "from hitl_orchestrator.ledger.verification.parallel.worker import main; main(start['place'])"
)
_SECRETS = "HITL_"


class WorkersFailed(Exception):
    """A process ended, answered with an error, or did not answer in time; or a part is not sound."""


def can_start() -> bool:
    """Whether this interpreter can be started again: a frozen program, or a server with Python inside, is none."""
    return not getattr(sys, "frozen", False) and Path(sys.executable or "").name.startswith("python")


def _path() -> list[str]:
    """Return where to import from: this package, and the folders of `sys.path` that another process can read.

    A folder that is named relatively may be another one by now.
    """
    named = [each for each in sys.path if isinstance(each, str) and each.isprintable() and Path(each).is_absolute()]
    return [str(Path(__file__).parents[4]), *named]


class Workers:
    """Processes that open the store at the same place. Use them as a context manager, from one thread."""

    def __init__(self, number: int, place: Mapping[str, Any], patience: float) -> None:
        """Start them. Each may be silent for `patience` seconds."""
        self._patience = patience
        self._answers: SimpleQueue[tuple[int, Mapping[str, Any]]] = SimpleQueue()
        start = {"path": _path(), "place": dict(place)}
        self._workers: list[_Worker] = []
        try:
            for index in range(number):
                self._workers.append(_Worker(index, start, self._answers))
        except OSError as exc:
            self._end()
            raise WorkersFailed from exc

    def __enter__(self) -> Self:
        """Return the processes."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End them, whatever they do."""
        self._end()

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [worker.pid for worker in self._workers]

    def await_all(self) -> None:
        """Wait until each has answered once, as it does when it has started. Raises `WorkersFailed`."""
        for _ in self._results(len(self._workers), lambda entries: None):
            pass

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message to each, and wait until all have understood it. Raises `WorkersFailed`."""
        for worker in self._workers:
            worker.send(message)
        self.await_all()

    def run(self, parts: Sequence[Mapping[str, Any]], on_entries: Callable[[int], None]) -> Iterator[tuple[int, Any]]:
        """Yield the place of each part and what it is, as they are verified. Raises `WorkersFailed`."""
        pending, given = deque(enumerate(parts)), dict[int, int]()

        def give(worker: _Worker) -> None:
            if pending:
                given[worker.index], part = pending.popleft()
                worker.send(part)

        for worker in self._workers:
            give(worker)
        for index, result in self._results(len(parts), on_entries):
            place = given[index]
            give(self._workers[index])
            yield place, result

    def _results(self, number: int, on_entries: Callable[[int], None]) -> Iterator[tuple[int, Any]]:
        """Yield this number of results, each with the process that it is from."""
        while number:
            try:
                index, answer = self._answers.get(timeout=self._patience)
            except Empty:
                raise WorkersFailed("they do not answer") from None
            if "entries" in answer:
                on_entries(answer["entries"])
            elif answer.get("done") is None:
                raise WorkersFailed(answer.get("failed", "not sound"))
            else:
                number -= 1
                yield index, answer["done"]

    def _end(self) -> None:
        for worker in self._workers:
            worker.end()


class _Worker:
    """One process, and the thread that receives its answers."""

    def __init__(
        self, index: int, start: Mapping[str, Any], answers: SimpleQueue[tuple[int, Mapping[str, Any]]]
    ) -> None:
        self.index, self._answers = index, answers
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
        command = [sys.executable, "-I", "-c", _BOOT]
        self._process = Popen(  # noqa: S603 - it is this interpreter
            command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
        )
        self._thread = Thread(target=self._receive, daemon=True, name=f"hitl-verify-{index}")
        self._thread.start()
        self.send(start)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message. A process that has ended answers with its end."""
        stdin = self._process.stdin
        if stdin is not None:
            with suppress(OSError, ValueError):
                stdin.write(orjson.dumps(message, default=tuple) + b"\n")
                stdin.flush()

    def end(self) -> None:
        """Kill the process and wait for it."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _receive(self) -> None:
        with suppress(ValueError, OSError):
            for line in self._process.stdout or ():
                self._answers.put((self.index, orjson.loads(line)))
        self._answers.put((self.index, {"failed": "it ended"}))
