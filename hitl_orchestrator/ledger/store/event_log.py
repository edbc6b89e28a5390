"""The ledger's entries within a transaction: appended to the chain under a seal, and verified where they are read."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple, cast

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.errors import InvalidKey, LedgerDamaged
from hitl_orchestrator.ledger.database.migrate import Found
from hitl_orchestrator.ledger.database.ports import Database, Rows, StoreTransaction, TransientStoreError
from hitl_orchestrator.ledger.events import ledger_builders
from hitl_orchestrator.ledger.events.chain import (
    GENESIS,
    GOVERNING,
    Draft,
    Entry,
    Head,
    HeadRow,
    event_of,
    governed_after,
    link,
    record_of,
)
from hitl_orchestrator.ledger.events.contents import Contents, NewCase, marked, restored
from hitl_orchestrator.ledger.events.ledger_builders import KeyChange
from hitl_orchestrator.ledger.keys.mac import SealKeys, Seals
from hitl_orchestrator.ledger.keys.recorded import NO_HEAD_ROW, check_end, seals_after
from hitl_orchestrator.ledger.ports.runs import GovernanceChanged
from hitl_orchestrator.ledger.store.sql import events as statements
from hitl_orchestrator.ledger.store.sql.cases import ADD_CASE

_GOVERNED = HeadRow._fields.index("governed")


class EntryRow(NamedTuple):
    """A row from `ENTRIES`: an entry, its search columns and seal, and the contents of its case."""

    seq: int
    case_id: str | None
    entry: str
    digest: str
    mac: str
    key: str | None
    body: str | None


class _Governed(NamedTuple):
    """A governing entry that was read and verified, and the digest of all up to it."""

    seq: int
    kind: EventKind | None
    governed: str


class _Read(NamedTuple):
    """What the governing entries say that were read and verified: them all, and the seals after the changes of keys."""

    known: tuple[_Governed, ...]
    seals: Seals | None


def founded_under(keys: SealKeys) -> Found:
    """Return a function that writes the sealed head row of a new ledger."""
    return lambda run: run(statements.FOUND, {"row_id": 1, **keys.new_ledger()._asdict()})


class EventLog:
    """The entries of one ledger. Safe to share between threads.

    Without the seal keys it reads without verifying seals, for audits, and appends nothing.
    """

    def __init__(self, database: Database, keys: SealKeys | None) -> None:
        """Read nothing yet: the tables of a store that is verified may have another form than expected."""
        self._database, self._keys = database, keys
        self._read = _Read((_Governed(0, None, GENESIS),), None)

    @cached_property
    def ledger_id(self) -> str:
        """The id of the ledger. Raises `LedgerDamaged` if its head row is missing."""
        with self._database.read() as transaction:
            row = transaction.first(statements.HEAD_ROW)
        if row is None:
            raise LedgerDamaged(NO_HEAD_ROW)
        return str(row["ledger_id"])

    @cached_property
    def seals(self) -> Seals | None:
        """The seals of this ledger before its entries are read, None without keys. Raises as `ledger_id`."""
        return None if self._keys is None else Seals(self._keys, self.ledger_id)

    @property
    def sealing(self) -> Seals:
        """The seals of this ledger after the last change of its key that was read, to write with.

        Raises:
            InvalidKey: the ledger was opened without keys, or the first of them was never one of this ledger.
            LedgerDamaged: as `governing`.
        """
        if self.seals is None:
            raise InvalidKey("HITL_SEAL_KEY", "the ledger was opened without its key, and can only be read")
        if self._read.seals is None:
            self.read_keys()
        seals = cast(Seals, self._read.seals)
        seals.check_newest()
        return seals

    def read_keys(self) -> None:
        """Read the changes of the key that other processes made. Raises as `governing`."""
        with self._database.read() as transaction:
            self.governing(transaction, ())

    def append(self, transaction: StoreTransaction, *drafts: Draft, end: Any = None) -> int:
        """Append entries about one case, or about none, and return the number of the first.

        `end` is a row of this transaction with the end of the ledger and the contents of the case, if it has read one.

        Raises:
            InvalidInput: an entry would not read back as it was given; nothing of the transaction is stored.
            LedgerDamaged: the head row does not confirm the end of the ledger.
        """
        case_id = drafts[0].case_id
        row = end or transaction.first(statements.HEAD_AND_CONTENTS, wanted_case=case_id)
        contents = contents_of(row["key"], row["body"])
        size = 0 if contents is None else len(contents)
        linked = self._link(transaction, row, [marked(_readable(draft), contents) for draft in drafts])
        if contents is not None and len(contents) > size:
            transaction.run(statements.UPDATE_CONTENTS, wanted_case=case_id, body=contents.body)
        return linked[0].seq

    def add_cases(self, transaction: StoreTransaction, new: Sequence[NewCase], *, end: Any) -> list[int]:
        """Append the first entries of cases, with their rows; return the number of the first entry of each.

        The schema decides which of several submissions is first.
        """
        drafts = list[Draft]()
        for each in new:
            drafts += [each.intake, *(marked(_readable(draft), each.contents) for draft in each.more)]
        entries, firsts, place = self._link(transaction, end, drafts), list[int](), 0
        for each in new:
            firsts.append(entries[place].seq)
            place += 1 + len(each.more)
        rows = [{**each.row, "submitted_seq": seq} for each, seq in zip(new, firsts, strict=True)]
        transaction.insert_many(ADD_CASE, rows)
        transaction.insert_many(statements.ADD_CONTENTS, rows)
        return firsts

    def head(self, transaction: StoreTransaction) -> Head:
        """Return the last entry's number and digest. Raises `LedgerDamaged` if the head row does not confirm them."""
        row = self._end(transaction, transaction.first(statements.HEAD))
        return Head(row.seq, row.digest)

    def event_of(self, row: Any) -> Event:
        """Return the event of a row with the columns `SEALED`, with digests in place of texts.

        Raises:
            LedgerDamaged: this ledger did not write the entry under this number, or it cannot be read.
        """
        return event_of(self.text_of(row), row["digest"])

    def text_of(self, row: Any) -> str:
        """Return the text of an entry in such a row, after verifying its seal. Raises as `event_of`."""
        self._check(row["seq"], row["entry"], row["digest"], row["mac"])
        return str(row["entry"])

    def events_of_case(self, transaction: StoreTransaction, case_id: str) -> list[Event]:
        """Return the entries of a case, with digests in place of texts. Raises as `event_of`."""
        return self.events_in(transaction, case_id, self.rows_of_case(transaction, case_id))

    def rows_of_case(self, transaction: StoreTransaction, case_id: str) -> Rows:
        """Ask for the rows of the entries of a case, which may be on their way until `events_in` reads them."""
        return transaction.run(statements.EVENTS_OF_CASE, wanted_case=case_id)

    def events_in(self, transaction: StoreTransaction, case_id: str, found: Rows) -> list[Event]:
        """Return the entries in rows of `rows_of_case`, as `events_of_case` does."""
        rows = list(found)
        if rows and not self._is_current(rows[0]["head_mac"]):
            self.governing(transaction, ())
        events = [self.event_of(row) for row in rows]
        other = next((event for event in events if event.case_id != case_id), None)
        if other is not None:
            raise LedgerDamaged(f"entry {other.seq} is about case {other.case_id!r}, and is listed for {case_id!r}")
        return events

    def event_in(self, row: EntryRow) -> Event:
        """Return the event of a row, with all texts restored. Raises `LedgerDamaged`, naming the row."""
        with _named(row):
            self._check(row.seq, row.entry, row.digest, row.mac)
            event = event_of(row.entry, row.digest)
            if event.case_id != row.case_id:
                raise LedgerDamaged(f"it is about case {event.case_id!r}")
            return event.model_copy(update={"body": restored(event.kind, event.body, contents_of(row.key, row.body))})

    def record_in(self, row: EntryRow) -> AuditRecord:
        """Return the audit record of a final entry, with all texts restored. Raises `LedgerDamaged`, naming the row."""
        with _named(row):
            self._check(row.seq, row.entry, row.digest, row.mac)
            contents = contents_of(row.key, row.body)
            record = record_of(row.entry, lambda stored: restored(EventKind.FINISHED, stored, contents))
            if record.case_id != row.case_id:
                raise LedgerDamaged(f"its record is about case {record.case_id!r}")
            return record

    def governing(self, transaction: StoreTransaction, kinds: Collection[EventKind], after: int = 0) -> list[Event]:
        """Return the governing entries of these kinds after a number, in order.

        The head row confirms that they are all there: one that was removed, added or moved is an error. Entries that
        were read before are not read again, unless the caller asks for them.

        Raises:
            LedgerDamaged: an entry is missing, or this ledger did not write it.
            InvalidKey: the first configured key was never one of this ledger.
        """
        events = self._governing(transaction, kinds, after)
        if self._read.seals is not None:
            self._read.seals.check_newest()
        return [event for event in events if event.kind in kinds and event.seq > after]

    def _governing(
        self, transaction: StoreTransaction, kinds: Collection[EventKind] = (), after: int = 0
    ) -> list[Event]:
        known, seals = self._read
        first = next((n for n, each in enumerate(known) if each.seq > after and each.kind in kinds), len(known))
        rows = list(transaction.run(statements.GOVERNING_AFTER, after=known[first - 1].seq))
        written = [row for row in rows if row["seq"] is not None]
        events = [event_of(row["entry"], row["digest"]) for row in written]
        if self.seals is None:
            return events
        checked = seals_after(seals or self.seals, seals is None, rows, events)
        for row in written:
            _check(checked, row["seq"], row["entry"], row["digest"], row["mac"])
        states = [*known[:first]]
        for event in events:
            states.append(_Governed(event.seq, event.kind, governed_after(states[-1].governed, event.digest)))
        self._check_governed(rows, states[-1], checked)
        if len(states) != len(known) or seals is None:
            self._read = _Read(tuple(states), checked)
        return events

    def _check_governed(self, rows: list[Any], last: _Governed, seals: Seals) -> None:
        row = HeadRow(*(rows[0][f"head_{name}"] for name in HeadRow._fields)) if rows else None
        check_end(row, Head(0, "") if row is None else Head(row.seq, row.digest), self.ledger_id, seals)
        if row is not None and row.governed != last.governed:
            why = "one of them was removed, added, or moved"
            raise LedgerDamaged(
                f"the entries about policies, people and keys are not those that the head row confirms: {why}"
            )

    def has_seen_all(self, end: Any, seen: int) -> bool:
        """Whether no governing entry follows the one that was `seen`, by the end of the ledger in a row with `END`."""
        last, head = self._read.known[-1], str(end["head"]).split(" ")
        # What is appended to an altered head row is refused, and the fault named.
        return len(head) <= _GOVERNED or (last.seq == seen and head[_GOVERNED] == last.governed)

    def check_seen(self, end: Any, seen: int | None) -> None:
        """Raise `GovernanceChanged` if a governing entry follows the one that was `seen`; None asks for no check."""
        if seen is not None and not self.has_seen_all(end, seen):
            raise GovernanceChanged("policies or people have changed")

    def change_key(self, transaction: StoreTransaction, actor: Actor, at: datetime) -> KeyChange:
        """Append the entry after which the first configured key seals the ledger, sealed with both keys.

        Raises:
            InvalidKey: the first key is the valid one, or was retired before.
        """
        if self._keys is None or self.seals is None:
            raise InvalidKey("HITL_SEAL_KEY", "the ledger was opened without its key, and can only be read")
        self._governing(transaction)
        end = transaction.first(statements.HEAD)
        seals = cast(Seals, self._read.seals)
        old, new = seals.current, self._keys.next_after(seals.current)
        retired = next((period.since for period in seals.periods if period.key == new), None)
        if retired is not None:
            why = f"its first key {new!r} sealed entry {retired} and the following, and was retired; make a new one"
            raise InvalidKey("HITL_SEAL_KEY", why)
        draft = ledger_builders.key_changed(old, new, 0, actor, at)
        jumped = ledger_builders.jump_back(self._end(transaction, end).latest, [draft])
        seq = (end["seq"] or 0) + len(jumped) + 1
        changing = ledger_builders.key_changed(old, new, seq, actor, at)
        self._link(transaction, end, [changing], seals.before_change(seq, new))
        return KeyChange(old_key=old, new_key=new, valid_from=seq + 1, at=at)

    def _link(
        self, transaction: StoreTransaction, row: Any, drafts: list[Draft], seals: Seals | None = None
    ) -> list[Entry]:
        """Append entries to the end of the ledger in `row`, and update the head row.

        Returns them without the entry that precedes them if the clock moved back.
        """
        end = self._end(transaction, row)
        seals, jumped = seals or self.sealing, ledger_builders.jump_back(end.latest, drafts)
        linked = link(Head(end.seq, end.digest), [*jumped, *drafts], seals.entry)
        governed, latest = end.governed, ledger_builders.latest_after(end.latest, drafts)
        for entry in linked:
            governed = governed_after(governed, entry.digest) if entry.kind in GOVERNING else governed
        if governed != end.governed:
            # Processes remember the governing entries that they read, so none may be read that is not committed.
            transaction.close_group()
        after = HeadRow(end.ledger_id, linked[-1].seq, linked[-1].digest, governed, latest)
        transaction.insert_many(statements.APPEND, [entry._asdict() for entry in linked])
        moved = {f"new_{name}": value for name, value in after._asdict().items()}
        transaction.run(statements.MOVE_HEAD, **moved | {"new_mac": seals.head(after)})
        return linked[len(jumped) :]

    def _end(self, transaction: StoreTransaction, row: Any) -> HeadRow:
        """Return the end of the ledger, in a row with the columns `END`, after comparing it with the head row."""
        seq, digest = (0, GENESIS) if row["seq"] is None else (row["seq"], row["digest"])
        *_, governed, latest, mac = ("", "", "", *str(row["head"]).split(" "))
        end = HeadRow(self.ledger_id, seq, digest, governed, latest, mac)
        if " ".join(map(str, end)) != row["head"]:
            self._check_end(transaction, Head(seq, digest))
        if self.seals is not None:
            self._follow(transaction, mac)
            cast(Seals, self._read.seals).check_head(end)
        return end

    def _follow(self, transaction: StoreTransaction, head_seal: str) -> None:
        """Read the change of the key that another process made, if the head row is sealed with another key.

        Raises:
            TransientStoreError: there is one. What this transaction sealed before is sealed with a retired key: it is
                rolled back and repeated.
        """
        if self._is_current(head_seal):
            return
        before = self._read.seals
        self.governing(transaction, ())
        if before is not None and cast(Seals, self._read.seals).current != before.current:
            raise TransientStoreError(self._database.url, "the key of its ledger was changed meanwhile; try again")

    def _is_current(self, head_seal: object) -> bool:
        """Return whether the head row names the key that this process knows as the current one."""
        seals = self._read.seals
        return self.seals is None or (seals is not None and seals.names_current(head_seal))

    def _check_end(self, transaction: StoreTransaction, end: Head) -> None:
        """Name the way in which the head row and the last entry differ."""
        row = transaction.first(statements.HEAD_ROW)
        seals = self._read.seals
        check_end(None if row is None else HeadRow(*row_values(row)), end, self.ledger_id, seals)

    def _check(self, seq: int, entry: object, digest: object, mac: object) -> None:
        """Verify the seal of an entry that is read, and the digest of its text."""
        if self.seals is None:
            return
        seals = self.sealing
        try:
            _check(seals, seq, entry, digest, mac)
        except LedgerDamaged:
            self.read_keys()
            if self.sealing.current == seals.current:
                raise
            _check(self.sealing, seq, entry, digest, mac)


def _check(seals: Seals, seq: int, entry: object, digest: object, mac: object) -> None:
    text = str(entry)
    if sha256(text.encode(errors="replace")).hexdigest() != digest:
        raise LedgerDamaged(f"entry {seq!r}: its text or its digest was altered: they no longer match")
    seals.check_entry(seq, str(digest), mac)


def row_values(row: Any) -> list[Any]:
    """Return the values of a row of `HEAD_ROW`, in the order of the fields of `HeadRow`."""
    return [row[name] for name in HeadRow._fields]


def contents_of(key: str | None, body: str | None) -> Contents | None:
    """Return the contents of a case, None once erased. Raises `LedgerDamaged` for an invalid key."""
    try:
        return None if key is None else Contents(key, body or "")
    except (ValueError, TypeError, AttributeError) as exc:
        raise LedgerDamaged("the key of a case's contents is invalid") from exc


def _readable(draft: Draft) -> Draft:
    """Return a draft whose audit record reads back from its JSON. Raises `InvalidInput` for another."""
    if draft.kind is EventKind.FINISHED:
        parse(AuditRecord, draft.body, f"the outcome of case {draft.case_id!r} cannot be stored")
    return draft


@contextmanager
def _named(row: EntryRow) -> Iterator[None]:
    try:
        yield
    except LedgerDamaged as exc:
        raise LedgerDamaged(f"entry {row.seq!r} of case {row.case_id!r} in table events: {exc.problem}") from exc
