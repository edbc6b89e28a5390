"""Values that users construct themselves, and that refuse bad fields as all other input is refused."""

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.errors import InvalidInput


class Constructed(Value):
    """A value whose constructor raises `InvalidInput` with every problem. Stored ones are parsed as all values are."""

    if not TYPE_CHECKING:  # type checkers see the fields

        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as exc:
                raise InvalidInput(problems(exc, type(self).__name__, type(self))) from exc

        # With this mark pydantic does not call it where it parses, so that parsers still get their own error.
        __init__.__pydantic_base_init__ = True
