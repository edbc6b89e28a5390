"""The file of signed heads: one to a line, each behind the one before, outside the database."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hitl_orchestrator.domain.input.parsing import parse, read_json
from hitl_orchestrator.errors import HeadFileUnavailable, InvalidInput
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows, where two processes must not sign at once
    fcntl = None  # type: ignore[assignment]


def read_heads(text: str, where: str) -> list[SignedHead]:
    """Return the heads of a text, the oldest first.

    Raises:
        InvalidInput: a line is no signed head, or there is none.
    """
    heads = [
        parse(SignedHead, read_json(line, f"{where}:{number}"), f"{where}:{number}")
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not heads:
        raise InvalidInput([f"{where}: it holds no signed head; 'hitl audit head --out {where}' writes one"])
    return heads


class Headbook:
    """A file of heads, to which one process at a time adds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, make: Callable[[SignedHead | None], SignedHead | None]) -> SignedHead | None:
        """Add what `make` makes of the last head, and bring it to the disk; None adds nothing.

        Raises:
            HeadFileUnavailable: the file cannot be read or written.
            InvalidInput: its last line is no head.
        """
        try:
            with self._alone() as file:
                made = make(self._last(file))
                if made is not None:
                    file.write(made.line.encode() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                return made
        except OSError as exc:
            raise HeadFileUnavailable(str(self.path), exc.strerror or str(exc)) from exc

    @contextmanager
    def _alone(self) -> Iterator[IO[bytes]]:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(self.path, flags, 0o600), "r+b") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _last(self, file: IO[bytes]) -> SignedHead | None:
        """Return the last head, and stand behind it. Half a line was never acknowledged, and is taken back."""
        whole = file.read()
        whole = whole[: whole.rfind(b"\n") + 1]
        file.seek(len(whole))
        file.truncate()
        lines = whole.splitlines()
        return read_heads(lines[-1].decode(errors="replace"), str(self.path))[-1] if lines else None
