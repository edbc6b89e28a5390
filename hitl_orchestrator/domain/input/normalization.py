"""Copy a value to its canonical form, so that later changes by the caller cannot reach what was stored."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.enums import Assessment, HumanDecision, RiskLevel
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
        if _is_canonical(valid):
            return valid
        return kind.model_validate(read_canonical(canonical_json(valid.model_dump(mode="json"))))
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, kind)) from exc
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidInput([f"{where}: not JSON that can be stored: {exc}"]) from exc


def _is_canonical(value: BaseModel) -> bool:
    """Return whether a value that was just validated from plain data certainly is its copy through canonical JSON."""
    return all(map(_is_canonical_field, vars(value).values())) and _is_canonical_json(value.model_extra or {})


def _is_canonical_field(value: object) -> bool:
    # The validation made the times and the members of enumerations: in free JSON they would become text.
    return (
        type(value) in _OF_FIELDS
        or (isinstance(value, BaseModel) and _is_canonical(value))
        or _is_canonical_json(value)
    )


def _is_canonical_json(value: object) -> bool:
    if type(value) is dict:
        return all(type(name) is str for name in value) and [*value] == sorted(value) and _all_canonical(value.values())
    if type(value) is list:
        return _all_canonical(value)
    return type(value) in _PLAIN or (type(value) is float and not value.is_integer())


def _all_canonical(values: Iterable[object]) -> bool:
    return all(map(_is_canonical_json, values))


_PLAIN = frozenset({str, bool, int, type(None)})
_OF_FIELDS = _PLAIN | {datetime, RiskLevel, HumanDecision, Assessment}
