"""Files that no output may replace or extend: stores, the files that SQLite keeps beside them, and keys."""

from pathlib import Path

_STORE_MAGIC = (b"SQLite format 3\0", b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
HEAD_KEY = ".head-key"
"""The end of the name of the key that signs heads."""
_KEYS = (".key", HEAD_KEY)
HEADS = ".heads"
"""The end of the name of the file of signed heads beside a store."""
_BESIDE = ("-wal", "-shm", "-journal", *_KEYS)


def kept_as(path: Path, *, heads: bool = False) -> str | None:
    """Return what a path is if nothing may be written to it, such as `a store`; None if it is free.

    A name that belongs to a store is kept even where there is no such file yet: SQLite would read it as its own. With
    `heads` signed heads are appended, for which the file of heads is free.

    Raises:
        OSError: a file cannot be read.
    """
    if path.is_dir():
        return "a folder"
    for suffix in _BESIDE:
        store = path.with_name(path.name.removesuffix(suffix) or path.name)
        if store != path and _is_store(store):
            return f"a {'key' if suffix in _KEYS else 'file'} of the store {store.name!r}"
    if _is_store(path):
        return "a store"
    if not path.is_file():
        return None
    if path.name.endswith(HEADS) and not heads:
        return "a file of signed heads"
    return "a key" if path.name.endswith(_KEYS) else None


def _is_store(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(16).startswith(_STORE_MAGIC)
