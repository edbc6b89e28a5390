"""The file of signed tree heads, one per line, kept outside the database."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hitl_orchestrator.domain.input.kept_files import kept_as
from hitl_orchestrator.domain.input.parsing import parse, read_json
from hitl_orchestrator.errors import HeadFileUnavailable, InvalidInput
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows, where two processes must not sign at once
    fcntl = None  # type: ignore[assignment]

_START = b'{"at":"'
"""The start of each line: canonical JSON is sorted."""
_END_READ = 2**20
"""The bytes at the end of the file that are read before appending. A head has about a thousand."""


def read_heads(text: str, where: str) -> list[SignedHead]:
    """Return the heads in a text, the oldest first.

    Raises:
        InvalidInput: a line is not a signed head, or there is none.
    """
    heads = [
        parse(SignedHead, read_json(line, f"{where}:{number}"), f"{where}:{number}")
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not heads:
        raise InvalidInput([f"{where}: it contains no signed head; 'hitl audit head --out {where}' writes one"])
    return heads


def _is_line(line: bytes) -> bool:
    return line.startswith(_START) or not line.strip()


class HeadFile:
    """A file of signed heads, appended to by one process at a time."""

    def __init__(self, path: Path, *, makes_folder: bool = False) -> None:
        """With `makes_folder` a missing folder of the file is made with it, private to this user."""
        self.path, self._makes_folder = path, makes_folder

    def add(self, make: Callable[[SignedHead | None], SignedHead | None]) -> SignedHead | None:
        """Append the result of `make`, called with the last head, and flush it to the disk. None appends nothing.

        Raises:
            HeadFileUnavailable: the file cannot be read or written, or belongs to a store.
            InvalidInput: its last line is not a head.
        """
        try:
            if self.path.is_symlink():
                raise HeadFileUnavailable(str(self.path), "it is a link; name the file itself")
            kept = kept_as(self.path, heads=True)
            if kept is not None:
                raise HeadFileUnavailable(str(self.path), f"it is {kept}; name another file")
            with self._locked() as file:
                head = make(self._last(file))
                if head is not None:
                    file.write(head.line.encode() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                return head
        except OSError as exc:
            raise HeadFileUnavailable(str(self.path), exc.strerror or str(exc)) from exc
        except ValueError as exc:  # a name that no file can have
            raise HeadFileUnavailable(ascii(str(self.path)), str(exc)) from exc

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        if self._makes_folder:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(self.path, flags, 0o600), "r+b") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _last(self, file: IO[bytes]) -> SignedHead | None:
        """Return the last head and seek behind it. An incomplete line was never acknowledged, and is removed.

        Only the start of a head is removed: a file with other content is left as it is.
        """
        skipped = max(file.seek(0, os.SEEK_END) - _END_READ, 0)
        file.seek(skipped)
        content = file.read()
        if skipped:
            skipped += content.find(b"\n") + 1
            content = content[content.find(b"\n") + 1 :]
        size = content.rfind(b"\n") + 1
        lines, rest = content[:size].splitlines(), content[size:]
        if not (rest.startswith(_START) or _START.startswith(rest)) or not all(map(_is_line, lines)):
            raise InvalidInput([f"{self.path}: it is no file of signed heads; name another file"])
        last = read_heads(lines[-1].decode(errors="replace"), str(self.path))[-1] if lines else None
        file.seek(skipped + size)
        file.truncate()
        return last
