"""A process that verifies parts of a ledger for another one, which talks to it over its standard input and output.

Each message is one line of JSON. What it receives has keys, which therefore never are arguments or in the environment.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple

import orjson

from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.ledger.database.ports import StoreTransaction
from hitl_orchestrator.ledger.keys.mac import Period, Seals
from hitl_orchestrator.ledger.ports.snapshot import CaseRange, LedgerSnapshot
from hitl_orchestrator.ledger.store.snapshot import StoreSnapshot
from hitl_orchestrator.ledger.verification.parallel.ranges import ChainRange, OnEntries, sound_cases, sound_chain


class Facts(NamedTuple):
    """What all parts of a verification need, read before any of them and compared after all."""

    ledger_id: str
    keys: Mapping[str, str] | None
    periods: list[tuple[int, str]]
    proposed: list[str]
    jumps: list[int]
    measures: dict[str, int]

    def seals(self, after: int | None = None) -> Seals | None:
        """Return the seals after an entry, or after all; None without keys."""
        if self.keys is None:
            return None
        valid = [Period(*each) for each in self.periods if after is None or each[0] <= after + 1]
        return Seals.with_derived(self.ledger_id, self.keys, valid)


def main(place: Mapping[str, Any]) -> None:
    """Answer messages until the input ends. What goes wrong is an answer too, and ends this process."""
    try:
        _serve(place)
    except (HitlError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as exc:
        _say({"failed": type(exc).__name__})
    except (MemoryError, OSError, KeyboardInterrupt):
        pass


class PartVerifier:
    """Verifies the parts of a ledger in one state of it. `report` is called with numbers of entries."""

    def __init__(self, snapshot: LedgerSnapshot, report: OnEntries) -> None:
        self._snapshot, self._report = snapshot, report
        self._facts = Facts("", None, [], [], [], {})

    def answer(self, kind: str, value: list[Any]) -> Any:
        """Return what a part is, None if it is not sound; or keep the facts that the next parts need."""
        facts, report = self._facts, self._report
        match kind:
            case "facts":
                self._facts = Facts(*value)
                return True
            case "chain":
                chain = ChainRange(*value)
                return sound_chain(self._snapshot, chain, facts.seals(chain.after), frozenset(facts.proposed), report)
            case "cases":
                jumps = frozenset(facts.jumps)
                part, seals, measures = CaseRange(*value), facts.seals(), facts.measures
                return sound_cases(self._snapshot, part, seals, report, jumps=jumps, measures=measures)
            case "orphans":
                return True if next(self._snapshot.orphans(), None) is None else None
        raise ValueError(kind)


def _serve(place: Mapping[str, Any]) -> None:
    verifier: PartVerifier | None = None
    with ExitStack() as state:
        _say({"done": True})
        for line in sys.stdin.buffer:
            (kind, value), *_ = orjson.loads(line).items()
            if kind == "begin":
                state.close()
                verifier = PartVerifier(state.enter_context(_state_of(place, value)), _report)
                _say({"done": True})
            elif verifier is not None:
                _say({"done": verifier.answer(kind, value)})


@contextmanager
def _state_of(place: Mapping[str, Any], name: str) -> Iterator[LedgerSnapshot]:
    """Open the store at a place, in the state with this name."""
    if "address" in place:
        from hitl_orchestrator.ledger.database.postgres import PostgresDatabase  # noqa: PLC0415 - one kind is imported
        from hitl_orchestrator.ledger.database.postgres_connections import Connections  # noqa: PLC0415

        database = PostgresDatabase(Connections(place["address"]))
        reading: AbstractContextManager[StoreTransaction] = database.read_state(name)
    else:
        from hitl_orchestrator.ledger.database.sqlite_read_only import ReadOnlySqliteDatabase  # noqa: PLC0415

        reading = ReadOnlySqliteDatabase(**place).read_strictly()
    with reading as transaction:
        snapshot = StoreSnapshot(transaction)
        try:
            yield snapshot
        finally:
            snapshot.close()


def _report(entries: int) -> None:
    _say({"entries": entries})


def _say(message: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(message, default=tuple) + b"\n")
    sys.stdout.buffer.flush()
