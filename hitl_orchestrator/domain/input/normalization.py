"""A value made anew, so that nobody else holds a part of it: what is stored, shown and carried out is this one."""

import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import InvalidInput

Model = TypeVar("Model", bound=BaseModel)


def settled(value: Model, where: str) -> Model:
    """Return the same value made again from its canonical JSON.

    Frozen values may hold free JSON that its maker can still change, and Python can copy a value past its own checks.
    Whole numbers written as 5.0 become 5, as in every stored copy.

    Raises:
        InvalidInput: the value is not sound any more.
    """
    kind = type(value)
    try:
        sound = kind.model_validate(value.model_dump(warnings=False))
        return kind.model_validate(json.loads(canonical_json(sound.model_dump(mode="json"))))
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, kind)) from exc
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidInput([f"{where}: not JSON that can be stored: {exc}"]) from exc
