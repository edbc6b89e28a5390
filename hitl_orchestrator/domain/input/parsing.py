"""Parse untrusted text into values. An error lists every problem with its path, and no partial value is returned."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hitl_orchestrator.domain.input.json_text import FlawedJson, loads_strictly, syntax_error
from hitl_orchestrator.domain.input.record_size import TOO_DEEP, check_records, check_size
from hitl_orchestrator.domain.value import ID_PATTERN, check_shape
from hitl_orchestrator.domain.working_hours import Weekday
from hitl_orchestrator.errors import InvalidInput, shortened

Model = TypeVar("Model", bound=BaseModel)
Member = TypeVar("Member", bound=StrEnum)
_MAX_SHOWN, _MAX_BITS = 60, 1000
_MOST_OPTIONS, _MOST_LETTERS = 500, 200
_SHAPES = {
    "dict_type": "an object",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "list_type": "a list",
    "tuple_type": "a list",
}

_MESSAGES = {
    "string_pattern_mismatch": "it is blank",
    "too_short": "at least one is needed",
    "timezone_aware": "a time needs its zone, such as 2025-01-10T09:15:00Z",
    "string_unicode": "text must be valid Unicode: it has a lone surrogate",
}


_SYNONYMS = {
    **dict.fromkeys(("=", "==", "===", "equal", "equals", "equal_to", "is"), "eq"),
    **dict.fromkeys(("!=", "<>", "neq", "not", "not_equal", "not_equals", "is_not"), "ne"),
    **dict.fromkeys(("<", "less", "less_than", "below", "under"), "lt"),
    **dict.fromkeys(("<=", "=<", "lte", "leq", "at_most", "less_than_or_equal", "max", "maximum"), "le"),
    **dict.fromkeys((">", "greater", "greater_than", "more_than", "above", "over"), "gt"),
    **dict.fromkeys((">=", "=>", "gte", "geq", "at_least", "greater_than_or_equal", "min", "minimum"), "ge"),
    **dict.fromkeys(("one_of", "is_in", "any_of"), "in"),
    **dict.fromkeys(("present", "is_present", "defined"), "exists"),
    **{day[:3]: day for day in Weekday},
    "tues": "tuesday",
    "wednes": "wednesday",
    "thur": "thursday",
    "thurs": "thursday",
    "risk": "risk_level",
    "confidence": "min_confidence",
    "and": "all",
    "or": "any",
    "role": "assigned_human_role",
    "from": "begins",
    "start": "begins",
    "until": "ends",
    "to": "ends",
    "end": "ends",
    "when": "conditions",
}
"""Terms of other systems, and the term here. By spelling alone, the nearest term to `gte` would be `gt`."""


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` if an option is a synonym of a word or spelled like it, else an empty string.

    Empty too for a long word or many options, because a comparison of all spellings would take too long.
    """
    names = {name.lower(): name for name in islice(options, _MOST_OPTIONS + 1)}
    if len(word) > _MOST_LETTERS or len(names) > _MOST_OPTIONS:
        return ""
    synonym = _SYNONYMS.get(word.lower(), "")
    close = [synonym] if synonym in names else get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"; did you mean {names[close[0]]!r}?" if close else ""


def member_of(kind: type[Member], text: str, where: str) -> Member:
    """Return the member of an enumeration that a text names. Raises `InvalidInput`."""
    try:
        return kind(text)
    except ValueError:
        names = [member.value for member in kind]
        hint = did_you_mean(text, names)
        raise InvalidInput([f"{where}: {shortened(text)!r} is not one of {', '.join(names)}{hint}"]) from None


def read_json(text: str, where: str, first_line: int = 1, *, many: bool = False) -> Any:
    """Parse strict JSON: no NaN, no infinities, no duplicate keys, and no record beyond the limits.

    An error lists every such value with its path, and the line of the text if that is one line of a file.

    `first_line` is the line number of the text in its file. With `many`, the limits apply to each record of the text
    instead of the whole: to the members of its list, or of the lists in its object.

    Raises:
        InvalidInput: with the line and column of a syntax error, or the limit that was exceeded.
    """
    try:
        if not many:
            check_size(text)
        value = loads_strictly(text)
        check_records(value, len(text)) if many else check_shape(value)
    except json.JSONDecodeError as exc:
        if not text.strip():
            raise InvalidInput([f"{where}: it is empty; give JSON"]) from exc
        line = first_line + exc.lineno - 1
        raise InvalidInput([f"{where}: line {line} column {exc.colno}: not JSON: {syntax_error(exc.msg)}"]) from exc
    except RecursionError as exc:
        raise InvalidInput([f"{where}: {TOO_DEEP}"]) from exc
    except FlawedJson as exc:
        raise InvalidInput(_at(where, first_line, problem) for problem in exc.problems) from exc
    except ValueError as exc:
        raise InvalidInput([_at(where, first_line, str(exc))]) from exc
    return value


def _at(where: str, line: int, problem: str) -> str:
    return f"{where}: {problem}" if line == 1 else f"{where}: line {line}: {problem}"


def read_records(text: str, where: str) -> list[Any]:
    """Parse a JSON array, one JSON object, or JSON Lines, into a list of raw records."""
    stripped = text.strip()
    if not stripped:
        raise InvalidInput([f"{where}: it is empty; give a JSON array or one JSON object a line"])
    if stripped.startswith("["):
        records: list[Any] = read_json(text, where, many=True)
        return records
    return _read_lines(text, where) if has_lines(text) else [read_json(text, where)]


def has_lines(text: str) -> bool:
    """Return whether a text is JSON Lines: several lines, of which the first is JSON or each begins an object."""
    lines = [line for line in text.split("\n") if line.strip()]
    return len(lines) > 1 and (all(line.lstrip().startswith("{") for line in lines) or _is_json(lines[0]))


def parse(model: type[Model], raw: Any, where: str) -> Model:
    """Validate raw data. Raises `InvalidInput` with every problem and its path."""
    try:
        return model.model_validate(raw)
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, model)) from exc


def parse_many(model: type[Model], records: Sequence[Any], where: str, unique: str) -> list[Model]:
    """Validate the records of a file, whose `unique` field must differ in each. One error lists all problems."""
    values: list[Model] = []
    errors: list[str] = []
    for index, raw in enumerate(records):
        try:
            values.append(model.model_validate(raw))
        except ValidationError as exc:
            errors.extend(problems(exc, where, model, prefix=f"[{index}]"))
    errors.extend(_duplicates(records, where, unique))
    if errors:
        raise InvalidInput(errors)
    return values


def problems(exc: ValidationError, where: str, model: type[BaseModel], prefix: str = "") -> list[str]:
    """Return one sentence per problem of a validation error: file, path, problem and suggestion."""
    return [f"{where}: {_place(prefix, error['loc'])}{_sentence(error, model)}" for error in exc.errors()]


def _place(prefix: str, location: tuple[int | str, ...]) -> str:
    path = prefix
    for step in location:
        name = shortened(str(step))
        path += f"[{step}]" if isinstance(step, int) else f".{name}" if path else name
    return f"{path}: " if path else ""


def _sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    value, last = error["input"], str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        place = error["loc"][:-1]
        return f"unknown field{_elsewhere(model, place, last) or did_you_mean(last, _fields_at(model, place))}"
    if error["type"] == "missing":
        return "this field is required"
    if error["type"] in _SHAPES:
        return f"{_show(value)} is not {_SHAPES[error['type']]}"
    if error["type"] in {"enum", "literal_error"}:
        words = error.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ").split(", ")
        hint = did_you_mean(value, words) if isinstance(value, str) else ""
        return f"{_show(value)} is not one of {', '.join(words)}{hint}"
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == ID_PATTERN:
        return f"{_show(value)} is not an id: letters, digits and . _ : - only, a letter or digit first, 200 at most"
    message = (
        _MESSAGES.get(error["type"], error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    )
    sentence = f"{message[:1].lower()}{message[1:]}"
    return sentence if isinstance(value, (dict, list)) else f"{_show(value)}: {sentence}"


def _show(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return "a number of many digits"
    if isinstance(value, str):
        value = value[:_MAX_SHOWN]
    return shortened(json.dumps(value, ensure_ascii=True, default=repr), _MAX_SHOWN)


def _elsewhere(model: type[BaseModel], place: tuple[int | str, ...], name: str) -> str:
    """Return where a field belongs that is one of an object within this one, or of the object around it."""
    inner = sorted(each for each in _fields_at(model, place) if name in _fields_at(model, (*place, each)) - {each})
    if len(inner) == 1:
        return f"; it belongs in {inner[0]}"
    around = place[:-1]
    is_around = bool(place) and isinstance(place[-1], str) and name in _fields_at(model, around)
    return f"; it belongs beside {place[-1]}" if is_around else ""


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> set[str]:
    """Return the field names that are valid at a place within a model, in any of the models allowed there."""
    here = {model}
    for step in location:
        # A step other than a field is a list index, an object key, or the name of one of several types.
        within = [
            field.annotation
            for parent in here
            for name, field in parent.model_fields.items()
            if step == (field.alias or name)
        ]
        here = {member for kind in within for member in _models_in(kind)} if within else here
    return {field.alias or name for parent in here for name, field in parent.model_fields.items()}


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation, including those in lists and unions."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models_in(part)


def _duplicates(records: Sequence[Any], where: str, unique: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, raw in enumerate(records):
        value = raw.get(unique) if isinstance(raw, Mapping) else None
        if isinstance(value, str) and value in seen:
            yield f"{where}: [{index}].{unique}: {_show(value)} occurs twice; every {unique} must be unique in a file"
        seen.update([value] if isinstance(value, str) else ())


def _read_lines(text: str, where: str) -> list[Any]:
    records: list[Any] = []
    errors: list[str] = []
    # Only a line feed ends a line: other separators, such as U+2028, are valid inside JSON text.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.append(read_json(line, where, number))
            except InvalidInput as exc:
                errors.extend(exc.problems)
    if errors:
        raise InvalidInput(errors)
    return records


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
