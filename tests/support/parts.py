"""The parts of a verification in this process, for tests of many stores; real processes are too slow to start."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot
from hitl_orchestrator.ledger.verification.parallel.processes import WorkersFailed
from hitl_orchestrator.ledger.verification.parallel.sound import Parallel
from hitl_orchestrator.ledger.verification.parallel.worker import PartVerifier


class PartsHere:
    """Verifies each part in one snapshot, with messages in JSON as they are sent to a process."""

    def __init__(self, snapshot: LedgerSnapshot) -> None:
        self._verifier = PartVerifier(snapshot, lambda entries: None)

    def __enter__(self) -> "PartsHere":
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def await_all(self) -> None:
        pass

    def tell(self, message: Mapping[str, Any]) -> None:
        if "begin" not in message:
            self._answer(message)

    def run(self, parts: Sequence[Mapping[str, Any]], on_entries: Callable[[int], None]) -> Iterator[tuple[int, Any]]:
        """Yield the last part first: results may come in any order."""
        for place, part in reversed(list(enumerate(parts))):
            yield place, self._answer(part)

    def _answer(self, message: Mapping[str, Any]) -> Any:
        ((kind, value),) = orjson.loads(_sent(message)).items()
        answer = self._verifier.answer(kind, value)
        if answer is None:
            raise WorkersFailed("not sound")
        return orjson.loads(_sent(answer))


def _sent(value: Any) -> bytes:
    return orjson.dumps(value, default=tuple)


def in_parts(snapshot: LedgerSnapshot, entries: int = 16, cases: int = 5) -> Parallel:
    """Return the division of a small ledger into many parts, which are verified here."""
    return Parallel(2, entries, cases, least=0, start=lambda *args: PartsHere(snapshot))  # type: ignore[arg-type,return-value]
