"""Data on standard streams and in files: UTF-8 bytes in every locale, and no file of the user is destroyed."""

import io
import json
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from hitl_orchestrator.domain.input.kept_files import kept_as
from hitl_orchestrator.domain.input.record_size import read_bounded
from hitl_orchestrator.domain.shown.invisible_characters import escape_in_json
from hitl_orchestrator.errors import InvalidInput

STANDARD_INPUT = "-"
_PRIVATE = 0o600


def standard_input() -> str:
    """Return the text on standard input, without a byte order mark.

    Raises:
        InvalidInput: it is not UTF-8, or larger than a file may be.
    """
    try:
        return read_bounded(read_standard_input(), "standard input").decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidInput([f"standard input: not UTF-8 text (byte {exc.start}); send it as UTF-8"]) from exc


def read_standard_input() -> Callable[[int], bytes]:
    """Return a function that reads at most so many bytes of standard input."""
    return sys.stdin.buffer.read if hasattr(sys.stdin, "buffer") else lambda most: sys.stdin.read(most).encode()


def check_read_once(**names: str | None) -> None:
    """Refuse standard input (`-`) in several places of one command; each is named by its argument or option.

    Raises:
        InvalidInput: naming the places.
    """
    places = [place for place, name in names.items() if name == STANDARD_INPUT]
    if len(places) > 1:
        raise InvalidInput([f"standard input can be read once, and {' and '.join(places)} name it; give a file"])


@contextmanager
def standard_output() -> Iterator[IO[str]]:
    """Yield standard output as UTF-8 text without translation of line ends."""
    if not hasattr(sys.stdout, "buffer"):
        yield sys.stdout
        return
    sys.stdout.flush()
    text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    try:
        yield text
    finally:
        with suppress(ValueError):
            text.detach()


def print_json_list(values: Iterable[Any]) -> None:
    """Print values as one JSON list, each as soon as it is read, as `json.dumps` with an indent of two writes them."""
    before = "["
    with standard_output() as stream:
        for value in values:
            text = json.dumps(value, indent=2).replace("\n", "\n  ")
            stream.write(f"{before}\n  {escape_in_json(text) if stream.isatty() else text}")
            before = ","
        stream.write("[]\n" if before == "[" else "\n]\n")


def print_json(text: str) -> None:
    """Print a JSON text and a line feed. On a terminal, characters that act on it or hide are escaped as in JSON."""
    with standard_output() as stream:
        stream.write(f"{escape_in_json(text) if stream.isatty() else text}\n")


@contextmanager
def json_array() -> Iterator[Callable[[Any], None]]:
    """Yield a function that prints the next member of one JSON array, a line each. An error leaves the array open."""
    begin = "["
    with standard_output() as stream:
        is_terminal = stream.isatty()

        def add(value: Any) -> None:
            nonlocal begin
            text = json.dumps(value)
            stream.write(f"{begin}\n{escape_in_json(text) if is_terminal else text}")
            begin = ","

        yield add
        stream.write("[]\n" if begin == "[" else "\n]\n")


@contextmanager
def new_file(name: str, *, force: bool = False) -> Iterator[IO[bytes]]:
    """Yield a file that becomes `name` when the block ends without an error: complete, or not at all, with mode 0600.

    A device or a pipe is written directly.

    Raises:
        InvalidInput: `name` exists and `force` is not set; it is a link, a folder, a store or a key; it cannot be
            written.
    """
    path = Path(name)
    try:
        if _is_stream(path):
            with path.open("wb") as file:
                yield file
            return
        _check_replaceable(path, force=force)
        draft = path.with_name(f".{path.name}.{token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _publish(draft, path, force=force)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as exc:
        raise InvalidInput([f"{name}: cannot be written: {exc.strerror or exc}"]) from exc


@contextmanager
def new_text_file(name: str, *, force: bool = False, encoding: str = "utf-8") -> Iterator[IO[str]]:
    """Yield a text file like that of `new_file`, without translation of line ends."""
    with new_file(name, force=force) as file:
        text = io.TextIOWrapper(file, encoding=encoding, newline="")
        yield text
        text.flush()
        text.detach()


def write_file(name: str, content: str | bytes, *, force: bool = False) -> None:
    """Write a file. Raises as `new_file`."""
    with new_file(name, force=force) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def check_new_file(name: str | None, *, force: bool = False) -> None:
    """Refuse a name that `new_file` would refuse, before a command does anything else. None is accepted."""
    try:
        if name is not None and not _is_stream(Path(name)):
            _check_replaceable(Path(name), force=force)
    except OSError as exc:
        raise InvalidInput([f"{name}: cannot be written: {exc.strerror or exc}"]) from exc


def _is_stream(path: Path) -> bool:
    """Return whether a path leads to a device or a pipe, such as /dev/stdout."""
    return path.exists() and not (path.is_file() or path.is_dir())


def _check_replaceable(path: Path, *, force: bool) -> None:
    if path.name == "-":
        raise InvalidInput(["-: is no file; leave out --out to write to standard output"])
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        mode = 0
    if stat.S_ISLNK(mode):
        raise InvalidInput([f"{path}: is a link; name the file itself"])
    if stat.S_ISDIR(mode):
        raise InvalidInput([f"{path}: is a folder; name a file in it"])
    kept = kept_as(path)
    if kept is not None:
        raise InvalidInput([f"{path}: is {kept}, which is never overwritten; name another"])
    if mode and not force:
        raise InvalidInput([f"{path}: exists; name another file, or replace it with --force"])


def _publish(draft: Path, path: Path, *, force: bool) -> None:
    """Give a complete file its name. Without `force`, a file that appeared meanwhile remains."""
    if force:
        draft.replace(path)
        return
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise InvalidInput([f"{path}: exists; name another file, or replace it with --force"]) from None
    except OSError:  # a file system without hard links
        draft.replace(path)
