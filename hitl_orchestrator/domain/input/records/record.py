"""One record of a file, with its place for messages."""

from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.value import MAX_SIZE
from hitl_orchestrator.errors import InvalidInput

Model = TypeVar("Model", bound=BaseModel)


class Record(NamedTuple):
    """A record as it was read, or why it cannot be read.

    `position` counts from 0. `part` names its place in a file that has lines or rows, such as `line 3`; it is empty in
    an array. `size` is the number of characters of its text.
    """

    where: str
    position: int
    raw: Any = None
    size: int = 0
    part: str = ""
    problems: tuple[str, ...] = ()

    def at(self, field: str, sentence: str) -> str:
        """Return a sentence about a field of this record, with the place."""
        return f"{self.where}: {self.part}: {field}: {sentence}" if self.part else f"{self._place}.{field}: {sentence}"

    @property
    def place(self) -> str:
        """The place within the file: a line, a row, or the index in an array."""
        return self.part or f"[{self.position}]"

    @property
    def _place(self) -> str:
        return f"{self.where}: {self.place}"

    def stated(self, field: str) -> str | None:
        """Return the text of a field as it was read; None if it has none."""
        value = self.raw.get(field) if isinstance(self.raw, dict) else None
        return value if isinstance(value, str) else None

    def parsed(self, model: type[Model]) -> Model:
        """Return the record as a value. Raises `InvalidInput` with each of its problems and its place."""
        if self.problems:
            raise InvalidInput(self.problems)
        try:
            value = model.model_validate(self.raw)
        except ValidationError as exc:
            where, prefix = (self._place, "") if self.part else (self.where, f"[{self.position}]")
            raise InvalidInput(problems(exc, where, model, prefix)) from exc
        if self.size > MAX_SIZE // 4:
            # Fields that a record leaves out have a value that is stored too, so its stored text is longer.
            check_record(value, self._place)
        return value
