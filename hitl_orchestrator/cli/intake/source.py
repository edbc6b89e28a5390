"""A file of records that can be read several times, whatever its size."""

import gzip
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from pydantic import BaseModel

from hitl_orchestrator.cli.intake.problems import Problems, twice
from hitl_orchestrator.cli.output.data import STANDARD_INPUT, read_standard_input
from hitl_orchestrator.domain.input.file_kinds import check_kind, check_not_wrapped
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.input.records.json_records import json_records
from hitl_orchestrator.domain.input.records.record import Model, Record
from hitl_orchestrator.domain.input.records.table_records import MARK, parquet_records
from hitl_orchestrator.domain.input.records.text_blocks import BLOCK, text_blocks
from hitl_orchestrator.errors import InvalidInput

_TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_GZIP = b"\x1f\x8b"


class Source:
    """A file of records. Standard input and pipes are copied to a temporary file when they are first read."""

    def __init__(self, path: str) -> None:
        self.path, self.where = path, name_of(path)
        self._copy: IO[bytes] | None = None

    def values(self, model: type[Model], kind: str) -> Iterator[tuple[Record, Model | None, tuple[str, ...]]]:
        """Yield each record, with its value, or None and its problems.

        Raises:
            InvalidInput: the file cannot be read to its end, or has records of another kind.
        """
        for record in self._records(model, kind):
            if record.position == 0 and not record.problems:
                check_kind([record.raw], kind, self.where)
                check_not_wrapped([record.raw], kind, self.where)
            try:
                value = record.parsed(model)
            except InvalidInput as exc:
                yield record, None, exc.problems
            else:
                yield record, value, ()

    def size(self) -> int:
        """Return the size of the file in bytes; 0 for a pipe, or a file that cannot be read."""
        try:
            return 0 if self.path == STANDARD_INPUT else Path(self.path).stat().st_size
        except (OSError, ValueError):
            return 0

    def close(self) -> None:
        """Delete the copy."""
        if self._copy is not None:
            self._copy.close()

    def all_values(self, model: type[Model], kind: str, unique: str) -> list[Model]:
        """Return the values of a file that is small enough for the memory; `unique` differs in each.

        Raises:
            InvalidInput: with every problem.
        """
        values, problems, seen = list[Model](), Problems(), dict[str, str]()
        for record, value, why in self.values(model, kind):
            problems.add(*why)
            stated = record.stated(unique)
            if stated is not None and (first := seen.setdefault(stated, record.place)) != record.place:
                problems.add(record.at(unique, twice(unique, stated, first)))
            values += [] if value is None else [value]
        if problems:
            raise InvalidInput(problems)
        return values

    def _records(self, model: type[BaseModel], kind: str) -> Iterator[Record]:
        """Yield the records of the file. Raises `InvalidInput` if it cannot be read to its end."""
        if self.path.lower().endswith(_TABLES):
            remedy = "'hitl import' turns one into the files that are read here"
            raise InvalidInput([f"{self.where}: it is a table without the fields of records; {remedy}"])
        with self._opened() as file:
            begin = file.read(len(MARK))
            file.seek(0)
            if begin == MARK:
                yield from parquet_records(file, self.where, lambda names: self._check_columns(names, model, kind))
            elif self.path.lower().endswith(".parquet"):
                raise InvalidInput(
                    [f"{self.where}: it is no Parquet file; write it again, or name it after its content"]
                )
            elif begin.startswith(_GZIP):
                with gzip.open(file) as unpacked:
                    yield from json_records(text_blocks(unpacked.read, self.where), self.where)
            else:
                yield from json_records(text_blocks(file.read, self.where), self.where)

    def _check_columns(self, names: Sequence[str], model: type[BaseModel], kind: str) -> None:
        """Refuse columns of a Parquet file that are no fields."""
        check_kind(dict.fromkeys(names), kind, self.where)
        fields = model.model_fields
        outer = {name: name.partition(".")[0] for name in names}
        unknown = [
            f"{name}: unknown field{did_you_mean(field, fields)}"
            for name, field in outer.items()
            if field not in fields
        ]
        if unknown:
            raise InvalidInput(f"{self.where}: column {each}" for each in unknown)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            if self._copy is None and not self._can_be_read_again():
                self._copy = self._copied()
            if self._copy is not None:
                self._copy.seek(0)
                yield self._copy
                return
            with Path(self.path).open("rb") as file:
                yield file
        except (OSError, ValueError, EOFError, zlib.error) as exc:
            raise InvalidInput([f"{self.path}: cannot be read: {getattr(exc, 'strerror', None) or exc}"]) from exc

    def _can_be_read_again(self) -> bool:
        return self.path != STANDARD_INPUT and stat.S_ISREG(Path(self.path).stat().st_mode)

    def _copied(self) -> IO[bytes]:
        with ExitStack() as kept, ExitStack() as opened:
            copy = kept.enter_context(TemporaryFile())
            is_input = self.path == STANDARD_INPUT
            read = read_standard_input() if is_input else opened.enter_context(Path(self.path).open("rb")).read
            while block := read(BLOCK):
                copy.write(block)
            kept.pop_all()
        return copy


def name_of(path: str) -> str:
    """Return the name of a file in error messages."""
    return "standard input" if path == STANDARD_INPUT else Path(path).name
