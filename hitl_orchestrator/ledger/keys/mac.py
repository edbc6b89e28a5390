"""Seals of a ledger: MACs over its entries, its head row and its review rows, under keys that are not in the database.

An attacker who can write the tables can write an entry or a decision, but cannot compute its seal, the text
`hmac-sha256:KEY:MAC`, which names the key. Each ledger has its own keys, derived from the seal keys and its id, so that
no row of another ledger passes. A ledger has one key at a time: an entry `key_changed`, sealed with both keys, retires
one for good and makes the other valid from the next entry on.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple
from uuid import uuid4

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.errors import InvalidKey, LedgerDamaged, TamperedReview, UnknownLedgerKey, UnknownSealKey
from hitl_orchestrator.ledger.events.chain import GENESIS, HeadRow
from hitl_orchestrator.ledger.events.ledger_builders import key_change_in
from hitl_orchestrator.ledger.keys.messages import columns_message, entry_message, head_message, review_message

Mac = Callable[[bytes], bytes]
"""A message authentication code under one key, which cannot be computed without that key."""

_ALGORITHM = "hmac-sha256"
_KEY_ID_PREFIX = b"hitl-orchestrator name of this key 1\n"
_LEDGER_PREFIX = b"hitl-orchestrator key of ledger 1\n"
_LOT_PREFIX = b"lot 1\n"
AFFINITY, TALLY = "affinity", "tally"
"""What keyed digests name: the customer of a review, and what a case counts for."""
_WHERE = "HITL_SEAL_KEY"


def hmac_under(key: bytes) -> Mac:
    """Return HMAC-SHA256 under a key."""
    return lambda message: hmac.digest(key, message, "sha256")


def ephemeral_keys() -> "SealKeys":
    """Return a new key that is not stored, for a store that ends with its process."""
    mac = hmac_under(secrets.token_bytes(32))
    return SealKeys(lambda: (mac,))


class KeyFile(NamedTuple):
    """A file of keys, to which other processes may add: `read` it again, or put a new key before the others."""

    read: Callable[[], Sequence[Mac]]
    add_new: Callable[[], object]


class SealKeys:
    """The seal keys of an installation, the newest first. Several ledgers may share them."""

    def __init__(self, keys: Callable[[], Sequence[Mac]], file: KeyFile | None = None) -> None:
        """`keys` is called when a row is first sealed or verified. A `file` is read again when a key is unknown."""
        self._keys, self._file = keys, file

    @cached_property
    def named(self) -> dict[str, Mac]:
        """The keys by their ids. Raises `InvalidKey`."""
        return _named(self._keys())

    @property
    def newest(self) -> str:
        """The id of the first key. Raises `InvalidKey`."""
        return next(iter(self.named))

    def read_again(self) -> None:
        """Read the keys again if they are in a file."""
        if self._file is not None:
            self.named = _named(self._file.read())

    def put_first(self, keys: Sequence[Mac]) -> None:
        """Put keys before the others, until the process ends. Raises `InvalidKey` for keys in the file of a store."""
        if self._file is not None:
            raise InvalidKey("new_key", "this store has its keys in a file, to which the rotation adds one of its own")
        self.named = _named(keys) | self.named

    def next_after(self, valid: str) -> str:
        """Return the id of the first key, which is to follow the valid one. It is made if they are in a file.

        Raises:
            InvalidKey: the first key is the valid one, and none can be made here.
        """
        self.read_again()
        if self.newest == valid and self._file is not None:
            self._file.add_new()
            self.read_again()
        if self.newest == valid:
            how = "put the new key before the present one, separated by a comma"
            raise InvalidKey(_WHERE, f"its first key {valid!r} is the one that seals this ledger now; {how}")
        return self.newest

    def new_ledger(self) -> HeadRow:
        """Return the sealed head row of a new ledger."""
        row = HeadRow(str(uuid4()), 0, GENESIS, GENESIS)
        return row._replace(mac=Seals(self, row.ledger_id).head(row))


class Period(NamedTuple):
    """A key, and the first of the entries that it seals."""

    since: int
    key: str


class _Fault(NamedTuple):
    """Why a seal is not accepted. `key` is the id of a key that is not configured, if that is the reason."""

    why: str
    key: str | None = None


class Seals:
    """Seals the rows of one ledger with its key, and verifies each with the key that was valid when it was written."""

    def __init__(self, keys: SealKeys, ledger_id: str, periods: Sequence[Period] = ()) -> None:
        """`periods` are those of the keys, in order; by default the newest key seals every entry."""
        self._keys, self.ledger_id, self._given = keys, ledger_id, tuple(periods)
        self._hashes: dict[str, hmac.HMAC] = {}
        self._known_head: tuple[bytes, str] | None = None

    def derived(self) -> dict[str, str]:
        """Return the keys of this ledger alone, in hexadecimal by their ids, for a process that verifies it.

        They are not the configured keys, which are never handed on. Raises `InvalidKey`.
        """
        return {name: mac(self._label).hex() for name, mac in self._keys.named.items()}

    @classmethod
    def with_derived(cls, ledger_id: str, derived: Mapping[str, str], periods: Sequence[Period]) -> "Seals":
        """Return the seals of a ledger with the keys that `derived` returned in another process."""
        seals = cls(SealKeys(lambda: ()), ledger_id, periods)
        seals._hashes = {name: hmac.new(bytes.fromhex(key), digestmod="sha256") for name, key in derived.items()}
        return seals

    def in_periods(self, periods: Sequence[Period]) -> "Seals":
        """Return the seals of this ledger with these periods of its keys."""
        return self._with(tuple(periods))

    @property
    def _label(self) -> bytes:
        return _LEDGER_PREFIX + self.ledger_id.encode(errors="replace")

    @cached_property
    def periods(self) -> tuple[Period, ...]:
        """The keys of the ledger, each with its first entry."""
        return self._given or (Period(1, self._keys.newest),)

    @property
    def current(self) -> str:
        """The id of the key that seals new rows."""
        return self.periods[-1].key

    def names_current(self, seal: object) -> bool:
        """Return whether a seal names the key that seals new rows."""
        return key_in(seal) == self.current

    def key_at(self, seq: int) -> str:
        """Return the id of the key that was valid at an entry."""
        return next((period.key for period in reversed(self.periods) if period.since <= seq), self.periods[0].key)

    def beginning_with(self, seal: object) -> "Seals":
        """Return the seals of this ledger if the key of this seal is its first one. Changes of the key follow."""
        return self._with((Period(1, key_in(seal)),))

    def changed_by(self, event: Event, seal: object) -> "Seals":
        """Return the seals after an entry that changes the key, which is sealed with both keys.

        Raises:
            LedgerDamaged: this ledger did not write the entry under this number.
            UnknownLedgerKey: one of the keys is not configured.
        """
        change = key_change_in(event)
        if change.old_key != self.current:
            valid = f"the valid key is {self.current!r}"
            raise LedgerDamaged(f"entry {event.seq} retires the key {change.old_key!r}, and {valid}")
        if any(period.key == change.new_key for period in self.periods):
            raise LedgerDamaged(f"entry {event.seq} makes the retired key {change.new_key!r} valid again")
        after = self.before_change(event.seq, change.new_key)
        after.check_entry(event.seq, event.digest, seal)
        return after

    def before_change(self, seq: int, new_key: str) -> "Seals":
        """Return the seals with which the entry `seq` changes the key."""
        return self._with((*self.periods, Period(seq + 1, new_key)))

    def check_newest(self) -> None:
        """Compare the first configured key with those of the ledger, after `periods` was read from it.

        Raises:
            UnknownLedgerKey: the key that seals new rows is not configured.
            InvalidKey: the first key was never one of this ledger. A ledger that was rolled back behind a change of its
                key is refused in this way.
        """
        if self._keys.newest == self.current:
            return
        if self._hash(self.current) is None:
            raise UnknownLedgerKey(f"entry {self.periods[-1].since} and the following", self.current)
        newest = self._keys.newest
        if all(period.key != newest for period in self.periods):
            remedy = "'hitl audit rotate' makes it valid. If it was valid before, the ledger was rolled back"
            seals = f"this ledger is sealed with {self.current!r} and no entry changes that"
            raise InvalidKey(_WHERE, f"its first key is {newest!r}, and {seals}; {remedy}: restore it from a backup")

    def entry(self, seq: int, digest: str) -> str:
        """Return the seal of an entry. The digest of its text covers the text and the digest of the previous entry.

        One that changes the key is sealed with both.
        """
        return " ".join(self._seal(key, entry_message(seq, digest)) for key in self._keys_of(seq))

    def check_entry(self, seq: int, digest: str, seal: object) -> None:
        """Verify the seal of an entry; `digest` is that of its text.

        Raises:
            LedgerDamaged: this ledger did not write the entry under this number.
            UnknownLedgerKey: it was sealed with a key that is not configured.
        """
        keys, found = self._keys_of(seq), str(seal).split(" ")
        if len(found) != len(keys):
            raise LedgerDamaged(f"entry {seq!r} was not written by this ledger: it has {len(found)} seals")
        for key, each in zip(keys, found, strict=True):
            self._check(f"entry {seq!r}", entry_message(seq, digest), each, key)

    def is_of_entry(self, seq: int, digest: str, seal: object) -> bool:
        """Whether this is the seal of an entry that does not change the key; `check_entry` says why it is not."""
        if self.periods[-1].since > seq or self._hash(self.current) is None:
            return False
        expected = self._prefix + self._mac(self.current, entry_message(seq, digest))
        return isinstance(seal, str) and hmac.compare_digest(expected.encode(), seal.encode(errors="replace"))

    @cached_property
    def _prefix(self) -> str:
        return f"{_ALGORITHM}:{self.current}:"

    def head(self, row: HeadRow) -> str:
        """Return the seal of a head row, which the next transaction reads."""
        message = head_message(row)
        seal = self._seal(self.current, message)
        self._known_head = (message, seal)
        return seal

    def check_head(self, row: HeadRow) -> None:
        """Verify the seal of a head row other than the last one sealed or verified here. Raises as `check_entry`."""
        known = (head_message(row), row.mac)
        if known != self._known_head:
            self._check("the head row", *known, self.current)
            self._known_head = known

    def sealed(self, row: StoredReview) -> StoredReview:
        """Return a review row with its seal, over every column but those of the claim."""
        return row.model_copy(update={"seal": self._seal(self.current, review_message(row))})

    def check_review(self, row: StoredReview, seq: int | None) -> None:
        """Verify the seal of a review row that was written with this entry, None if there is no such entry.

        Raises:
            TamperedReview: the row was altered, or sealed with a key that was not valid then.
            UnknownSealKey: it was sealed with a key that is not configured.
        """
        fault = self._fault(review_message(row), row.seal, self.current if seq is None else self.key_at(seq))
        if fault is not None and fault.key is not None:
            raise UnknownSealKey(row.review_id, fault.key)
        if fault is not None:
            raise TamperedReview(row.review_id, fault.why)

    def columns(self, what: str, *values: object) -> str:
        """Return the seal of some columns of a row that no entry records, such as those of a lease."""
        return self._seal(self.current, columns_message(what, values))

    def is_of_columns(self, seal: object, what: str, *values: object) -> bool:
        """Whether this is the seal of these columns, under any key of the ledger, as no entry says which was valid."""
        # A value of another type than any column has, such as bytes, was not sealed.
        known = all(value is None or isinstance(value, str | int) for value in values)
        key = key_in(seal)
        known = known and any(period.key == key for period in self.periods)
        return known and self._fault(columns_message(what, values), seal, key) is None

    def name_of(self, text: str, what: str = AFFINITY) -> str:
        """Return a keyed digest of a text for one use, which reveals nothing without the key."""
        return self._mac(self.current, f"{what} 1\n{text}".encode())

    def names_of(self, text: str, what: str = AFFINITY) -> list[str]:
        """Return the digests of a text under all keys: that of `name_of` may be of an earlier one."""
        return [self._mac(period.key, f"{what} 1\n{text}".encode()) for period in self.periods]

    def lot_of(self, *names: str) -> str:
        """Return a keyed digest of names, in hexadecimal, by which something is drawn at random.

        It is under the first key of the ledger that is configured, so that a change of the key changes no lot.
        """
        key = next((period.key for period in self.periods if self._hash(period.key) is not None), self.current)
        return self._mac(key, _LOT_PREFIX + "\n".join(names).encode(errors="replace"))

    def _with(self, periods: tuple[Period, ...]) -> "Seals":
        other = Seals(self._keys, self.ledger_id, periods)
        other._hashes = self._hashes
        return other

    def _keys_of(self, seq: int) -> tuple[str, ...]:
        """Return the keys that seal an entry: the valid one, and the next one if the entry changes it."""
        if len(self.periods) == 1:
            return (self.periods[0].key,)
        after = tuple(period.key for period in self.periods[1:] if period.since == seq + 1)
        return (self.key_at(seq), *after)

    def _seal(self, key: str, message: bytes) -> str:
        return f"{_ALGORITHM}:{key}:{self._mac(key, message)}"

    def _check(self, what: str, message: bytes, seal: object, valid: str) -> None:
        fault = self._fault(message, seal, valid)
        if fault is not None and fault.key is not None:
            raise UnknownLedgerKey(what, fault.key)
        if fault is not None:
            raise LedgerDamaged(f"{what} was not written by this ledger: {fault.why}")

    def _fault(self, message: bytes, seal: object, valid: str) -> _Fault | None:
        algorithm, _, rest = seal.partition(":") if isinstance(seal, str) else ("", "", "")
        name, _, expected = rest.partition(":")
        if algorithm != _ALGORITHM or not expected:
            return _Fault("it has no seal")
        if self._hash(name) is None:
            return _Fault("its key is unknown", name)
        if name != valid:
            return _Fault(f"it is sealed with the key {name!r}, and the key {valid!r} was valid for it")
        if not hmac.compare_digest(self._mac(name, message).encode(), expected.encode(errors="replace")):
            return _Fault("its seal does not match the row")
        return None

    def _mac(self, name: str, message: bytes) -> str:
        keyed = self._hash(name)
        if keyed is None:
            raise UnknownLedgerKey("the end of the ledger", name)
        # Copying a keyed hash is cheaper than keying a new one.
        keyed = keyed.copy()
        keyed.update(message)
        return keyed.hexdigest()

    def _hash(self, name: str) -> hmac.HMAC | None:
        """Return the keyed hash of a key, None if it is not configured."""
        if name not in self._hashes:
            if name not in self._keys.named:
                self._keys.read_again()
            if name not in self._keys.named:
                return None
            self._hashes[name] = hmac.new(self._keys.named[name](self._label), digestmod="sha256")
        return self._hashes[name]


class SealCheck:
    """Verifies the seals of entries in order, each under the key that the entries before it made valid."""

    def __init__(self, seals: Seals, *, from_start: bool = True) -> None:
        """Without `from_start` the entries follow others, after which these are the seals."""
        self._seals, self._is_known = seals, not from_start

    def accepts(self, seq: int, digest: str, seal: object) -> bool:
        """Whether the next entry, which does not change the key, has its seal; `check` says why it has not."""
        return self.seals_for(seal).is_of_entry(seq, digest, seal)

    def check(self, seq: int, digest: str, seal: object, change: Event | None) -> None:
        """Verify the seal of the next entry, parsed as a `change` if it changes the key. Raises as `check_entry`."""
        seals = self.seals_for(seal)
        if change is not None and seals.periods[-1].since <= seq:
            self._seals = seals.changed_by(change, seal)
        else:
            seals.check_entry(seq, digest, seal)

    def seals_for(self, seal: object) -> Seals:
        """Return the seals after the entries so far; without any entry those that begin with the key of this seal."""
        if not self._is_known:
            self._seals, self._is_known = self._seals.beginning_with(seal), True
        return self._seals


def _named(keys: Sequence[Mac]) -> dict[str, Mac]:
    return {sha256(mac(_KEY_ID_PREFIX)).hexdigest()[:16]: mac for mac in keys}


def key_in(seal: object) -> str:
    """Return the id of the key that a seal names."""
    return str(seal).partition(":")[2].partition(":")[0]
