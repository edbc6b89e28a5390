"""The signer of a store: its head key, and the file of signed heads."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hitl_orchestrator.domain.input.kept_files import HEAD_KEY, HEADS
from hitl_orchestrator.errors import InvalidKey, LedgerDamaged
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.verification.head_file import HeadFile
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.services.case_reader import Clock
from hitl_orchestrator.wiring.clocks import current_time
from hitl_orchestrator.wiring.lost_stores import ID_SHOWN
from hitl_orchestrator.wiring.stores import key_file_of

if TYPE_CHECKING:
    from hitl_orchestrator.ledger.keys.signing import SigningKey

__all__ = ["default_head_file", "signer_of", "signing_key"]


def signer_of(
    ledger: Ledger,
    store: str,
    *,
    head_file: str | Path | Literal[False] | None = None,
    head_key: "str | Path | SigningKey | None" = None,
    clock: Clock | None = None,
) -> LedgerSigner:
    """Return the signer of a ledger. Its key is loaded when it first signs.

    Without a head file heads are appended to the one beside the store, if that may be written; with False to none.
    """
    beside = default_head_file(store, ledger) if head_file is None else None
    file = beside if beside is not None and _may_write(beside.parent) else head_file
    book = HeadFile(Path(file), makes_folder=file is beside) if file else None
    return LedgerSigner(
        ledger,
        clock or current_time,
        lambda: signing_key(store, head_key),
        book,
        own_key=lambda: signing_key(store, head_key, make=False),
        has_signed=lambda: file is not None and file is beside and head_key is None and _has_head_key(store),
    )


def default_head_file(store: str, ledger: Ledger) -> Path | None:
    """Return the file of signed heads beside a store, made or not; None in memory, and for a user without a home.

    It is named after the ledger, since another store may take the address of a deleted one.
    """
    try:
        key_file = key_file_of(store)
        if key_file is None:
            return None
        return key_file.with_suffix(f".{ledger.ledger_id[:ID_SHOWN]}{HEADS}")
    except (InvalidKey, LedgerDamaged):
        # A user without a home directory, where the heads of a server's store lie; or a ledger that lost its id.
        return None


def _has_head_key(store: str) -> bool:
    """Return whether a store has a head key of its own, which was made when its first head was signed."""
    key_file = key_file_of(store)
    return key_file is not None and key_file.with_suffix(HEAD_KEY).exists()


def _may_write(folder: Path) -> bool:
    """Return whether this process may write a folder, or make it if it is missing."""
    return os.access(folder if folder.exists() else folder.parent, os.W_OK)


def signing_key(store: str, source: "str | Path | SigningKey | None" = None, *, make: bool = True) -> "SigningKey":
    """Return the key that signs the heads of a store: the given one, that of a file, or a new one next to the store.

    Without `make` it is read for its public key alone, so a file that others may read is accepted.

    Raises:
        InvalidKey: it is malformed, or there is none and `make` is false.
    """
    from hitl_orchestrator.ledger.keys import signing  # noqa: PLC0415 - most commands sign nothing

    if isinstance(source, signing.SigningKey):
        return source
    if isinstance(source, str):
        return signing.signing_key_in(source, "HITL_HEAD_KEY")
    key_file = None if source is not None else key_file_of(store)
    if source is None and key_file is None:
        return signing.new_signing_key()
    file = source or Path(str(key_file)).with_suffix(HEAD_KEY)
    if not make and not file.exists():
        raise InvalidKey(file, "there is no such file yet; signing a head creates it")
    return signing.signing_key_at(file, of_a_copy=not make)
