"""Notice that a store was lost: its signed heads show that the one to be made is not the first at its address."""

import glob
from pathlib import Path

from hitl_orchestrator.domain.input.kept_files import HEAD_KEY, HEADS
from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.address import shown
from hitl_orchestrator.ledger.database.sqlite_file import has_tables

__all__ = ["ID_SHOWN", "check_file_not_lost", "check_not_lost", "left_by_earlier"]

ID_SHOWN = 8
"""The letters of a ledger id in the name of its file of signed heads."""


def left_by_earlier(key_file: Path) -> list[Path]:
    """Return the signed heads beside the key file of a store, and the key that signed them.

    Nothing signs before a store was made, so these are of the store, or of an earlier one at its address. The seal key
    shows nothing: a crash while a store is made leaves one.
    """
    name = glob.escape(key_file.stem)
    patterns = (f"{name}.{'?' * ID_SHOWN}{HEADS}", f"{name}{HEAD_KEY}")
    return [file for pattern in patterns for file in sorted(key_file.parent.glob(pattern))]


def check_not_lost(store: str, key_file: Path | None) -> None:
    """Refuse to make a store where an earlier one left signed heads: a new one would hide the loss.

    Called once it is certain that there is no store.

    Raises:
        StoreUnavailable: there was one.
    """
    left = [] if key_file is None else left_by_earlier(key_file)
    if left:
        raise _lost(store, left)


def check_file_not_lost(path: str, key_file: Path, store: str) -> None:
    """Refuse a SQLite file that is gone, or lost its tables, although an earlier store was in it.

    Raises:
        StoreUnavailable: there was one.
    """
    # First what was left, which another process may just have made with its store.
    left, file = left_by_earlier(key_file), Path(path)
    if file.exists() and has_tables(file):
        return
    if not left and key_file.exists() and file.exists() and not file.stat().st_size:
        left = [key_file]
    if left:
        raise _lost(store, left)


def _lost(store: str, left: list[Path]) -> StoreUnavailable:
    names = " and ".join(repr(str(each)) for each in left)
    them, belong = ("it", "belongs") if len(left) == 1 else ("them", "belong")
    why = f"it holds no ledger, but {names} {belong} to an earlier store at this address"
    return StoreUnavailable(
        shown(store), f"{why}; restore that from a backup, or move {them} away to start a new store"
    )
