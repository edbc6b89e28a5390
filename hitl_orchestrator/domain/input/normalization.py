"""Copy a value to its canonical form, so that later changes by the caller cannot reach what was stored."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.errors import InvalidInput

Model = TypeVar("Model", bound=BaseModel)


def normalized(value: Model, where: str) -> Model:
    """Return a copy of a value, validated again from its canonical JSON.

    Free JSON inside a frozen value is still mutable, and Python can copy a value past its validation. Whole numbers
    such as 5.0 become 5, as in every stored copy; beyond 2**53 they stay floats.

    Raises:
        InvalidInput: the value is no longer valid.
    """
    kind = type(value)
    try:
        valid = kind.model_validate(value.model_dump(warnings=False))
        return kind.model_validate(read_canonical(canonical_json(valid.model_dump(mode="json"))))
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, kind)) from exc
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidInput([f"{where}: not JSON that can be stored: {exc}"]) from exc
