"""Key files next to a store, created on first use and readable by their owner only."""

import os
import secrets
import shlex
import stat
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from hitl_orchestrator.errors import InvalidKey
from hitl_orchestrator.ledger.keys.mac import KeyFile, Mac, SealKeys, hmac_under

_OWNER_ALONE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHER_WAY = "pass the key itself (HITL_SEAL_KEY, for heads HITL_HEAD_KEY)"
LEAST_BYTES = 32
_MOST_BYTES = 65_536


def private_text(path: Path, make: Callable[[], str], *, of_a_copy: bool = False) -> str:
    """Return the text of a private file, which is created from `make` if missing.

    Of several concurrent processes one creates it, and all return the same text. `of_a_copy` as in `check_private`.

    Raises:
        InvalidKey: other users can read it, or it cannot be read or created.
    """
    is_there = False
    try:
        is_there = path.exists()
        if not is_there:
            _make(path, make())
        check_private(path, of_a_copy=of_a_copy)
        with path.open("rb") as file:
            # One byte more than a key may have: what follows does not make it a key.
            return file.read(_MOST_BYTES + 1).decode("ascii")
    except (OSError, ValueError) as exc:
        raise InvalidKey(path, _why(exc, is_there=is_there)) from exc


def _why(exc: Exception, *, is_there: bool) -> str:
    """Return why a key file cannot be used, with the remedy for a user who may not read it, or not create it."""
    cause = getattr(exc, "strerror", None) or str(exc)
    if not is_there:
        return f"there is no such file, and this user cannot create it ({cause}); {_OTHER_WAY}"
    if isinstance(exc, PermissionError):
        return f"this user may not read it; ask its owner for a copy that this user owns, or {_OTHER_WAY}"
    return f"{cause}; restore it, or {_OTHER_WAY}"


def check_private(path: Path, *, of_a_copy: bool = False) -> None:
    """Raise unless a file is missing or accessible by its owner only.

    That of a copy for reading alone (`of_a_copy`) may be read by others: this process signs nothing with it.

    Raises:
        InvalidKey: other users may read or write it.
    """
    if os.name != "posix" or not path.exists():
        return
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if mode & (_OTHERS_WRITE if of_a_copy else _OTHERS):
        quoted = shlex.quote(str(path))
        own = f"run: chmod 600 {quoted}"
        foreign = "it belongs to another user, who can run: chmod 600; or copy the store with it, as your own files"
        remedy = own if os.geteuid() in (status.st_uid, 0) else foreign
        raise InvalidKey(path, f"other users may read or write it (mode {mode:o}); {remedy}")


def _make(path: Path, text: str) -> None:
    """Create a private file atomically. If another process created it first, that file remains."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def add_new_key(path: Path) -> str:
    """Put a new key before those in a key file, in one step, and return it.

    Raises:
        InvalidKey: the file cannot be read or written, or other users can read it.
    """
    text, key = private_text(path, _lost(path)), new_key()
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{key}\n{text}")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as exc:
        raise InvalidKey(path, f"the new key cannot be written ({exc.strerror}); the old one stays valid") from exc
    return key


def _lost(path: Path) -> Callable[[], str]:
    """Return what creates a key file that was there before: an error."""

    def refuse() -> str:
        raise InvalidKey(path, "the file is gone; restore it")

    return refuse


def new_key() -> str:
    """Return a new key of 32 random bytes in hexadecimal, as written to files and environment variables."""
    return secrets.token_hex(LEAST_BYTES)


def keys_in(text: str, where: str | Path) -> tuple[bytes, ...]:
    """Return the hexadecimal keys in a text, separated by commas or white space, the newest first.

    Raises:
        InvalidKey: there is none, or one is not hexadecimal or too short to be safe.
    """
    remedy = f"a key has {2 * LEAST_BYTES} or more hexadecimal digits; create one with: openssl rand -hex {LEAST_BYTES}"
    try:
        keys = tuple(bytes.fromhex(word) for word in text.replace(",", " ").split())
    except ValueError:
        raise InvalidKey(where, f"it holds something other than a key; {remedy}") from None
    if not keys or min(map(len, keys)) < LEAST_BYTES:
        raise InvalidKey(where, f"it holds {'a key that is too short' if keys else 'no key'}; {remedy}")
    return keys


SealKey = str | Path | Mac
"""A key that seals: hexadecimal text, a file of it, or a function that computes a MAC elsewhere (a KMS)."""


def seal_keys_from(seal_key: SealKey | Sequence[SealKey] | None, beside: Path, *, of_a_copy: bool = False) -> SealKeys:
    """Return these keys, the newest first, or those in the key file `beside` the store.

    The file is read, or created, when it is first needed. `of_a_copy` as in `check_private`.

    Raises:
        InvalidKey: a key is malformed, or other users may read the file.
    """
    if seal_key is None:
        check_private(beside, of_a_copy=of_a_copy)
        read = partial(private_text, beside, of_a_copy=of_a_copy)
        again = KeyFile(lambda: _macs(keys_in(read(_lost(beside)), beside)), lambda: add_new_key(beside))
        return SealKeys(lambda: _macs(keys_in(read(lambda: f"{new_key()}\n"), beside)), again)
    macs = macs_of(seal_key)
    return SealKeys(lambda: macs)


def macs_of(seal_key: SealKey | Sequence[SealKey]) -> Sequence[Mac]:
    """Return these keys, the newest first. Raises `InvalidKey`."""
    keys = [seal_key] if isinstance(seal_key, (str, Path)) or callable(seal_key) else seal_key
    if not isinstance(keys, (list, tuple)) or not keys or not all(_is_key(key) for key in keys):
        kinds = "hexadecimal text, a Path, a function that computes a MAC, or a list of these"
        raise InvalidKey(
            "seal_key", f"it is of the type {type(seal_key).__name__}, or has another one in it; give {kinds}"
        )
    return [mac for key in keys for mac in _macs_of(key)]


def _is_key(value: object) -> bool:
    return isinstance(value, (str, Path)) or callable(value)


def _macs_of(key: SealKey) -> Sequence[Mac]:
    if isinstance(key, Path):
        if not key.exists():
            raise InvalidKey(key, "there is no such file")
        return _macs(keys_in(private_text(key, new_key), key))
    return _macs(keys_in(key, "HITL_SEAL_KEY")) if isinstance(key, str) else (key,)


def _macs(keys: Sequence[bytes]) -> Sequence[Mac]:
    return [hmac_under(key) for key in keys]


def encryption_key(text: str) -> bytes:
    """Return a key for AES-256 from its hexadecimal text.

    Raises:
        InvalidKey: it does not have exactly 32 bytes.
    """
    key = keys_in(text, "HITL_CHECKPOINT_KEY")[0]
    if len(key) != LEAST_BYTES:
        raise InvalidKey("HITL_CHECKPOINT_KEY", f"it has {len(key)} bytes; AES-256 takes exactly {LEAST_BYTES}")
    return key
