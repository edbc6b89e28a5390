"""Copy a value to its canonical form, so that later changes by the caller cannot reach what was stored."""

from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.errors import InvalidInput

Model = TypeVar("Model", bound=BaseModel)
_KINDS: tuple[type[BaseModel], ...] = (Task, AgentOutput, Review, Proposal)


def required(kind: type[Model], value: object, where: str) -> Model:
    """Return a value that is of this kind. Raises `InvalidInput` for any other, such as a dictionary."""
    if not isinstance(value, kind):
        name, given = kind.__name__, type(value).__name__
        raise InvalidInput([f"{where}: this is of the type {given}, and {name} is needed; make one with {name}(...)"])
    return value


def normalized(value: Model, where: str) -> Model:
    """Return a copy of a value, validated again from its canonical JSON.

    Free JSON inside a frozen value is still mutable, and Python can copy a value past its validation. Whole numbers
    such as 5.0 become 5, as in every stored copy; beyond 2**53 they stay floats. A subclass is stored as its public
    class: fields that it declares for a proposal become extra fields, and it cannot loosen the types.

    Raises:
        InvalidInput: the value is no longer valid.
    """
    kind = cast("type[Model]", next((each for each in _KINDS if isinstance(value, each)), type(value)))
    try:
        # With `serialize_as_any`, since the declared type of a field would drop what a subclass of it adds.
        valid = kind.model_validate(value.model_dump(warnings=False, serialize_as_any=True))
        return kind.model_validate(read_canonical(canonical_json(valid.model_dump(mode="json"))))
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, kind)) from exc
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidInput([f"{where}: not JSON that can be stored: {exc}"]) from exc
