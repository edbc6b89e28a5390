"""The file of a text model: JSON with words, and numbers as base64. Reading it runs nothing that the file says."""

import base64
import binascii
import json
import math
from collections.abc import Sequence
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from hitl_orchestrator.domain.input.kept_files import kept_as
from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.input.record_size import read_bounded
from hitl_orchestrator.domain.value import Text, Value
from hitl_orchestrator.errors import InvalidInput, install_hint

FORMAT = "hitl text classifier 1"
_PLAIN_FIELDS = ("task_description", "task_type", "domain")
METADATA = "metadata."
_NUMBER_BYTES = 8


class TextModel(NamedTuple):
    """What was learned: terms with their weights for each label. The numbers are arrays of numpy.

    `examples` is the number of examples of each label; of fewer than `least`, its probability is no confidence.
    """

    fields: tuple[str, ...]
    labels: tuple[str, ...]
    terms: tuple[str, ...]
    examples: tuple[int, ...]
    least: int
    idf: Any
    weights: Any
    intercepts: Any


class _Stored(Value):
    format: str = Field(pattern=f"^{FORMAT}$")
    fields: tuple[Text, ...] = Field(min_length=1)
    labels: tuple[Text, ...] = Field(min_length=2)
    terms: tuple[Text, ...] = Field(min_length=1)
    examples: tuple[Annotated[int, Field(ge=1)], ...]
    least: int = Field(ge=1)
    idf: str
    weights: str
    intercepts: str
    sha256: str


def learn_module(name: str) -> Any:
    """Return a module of the extra `learn`.

    Raises:
        InvalidInput: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise InvalidInput([f"TextClassifier needs scikit-learn, which is missing; {install_hint('learn')}"]) from None


def check_fields(fields: Sequence[Any]) -> None:
    """Raise `InvalidInput` unless these are fields of a task that have text."""
    unknown = [
        name
        for name in fields
        if not isinstance(name, str)
        or not (name in _PLAIN_FIELDS or (name.startswith(METADATA) and len(name) > len(METADATA)))
    ]
    if unknown or not fields:
        wanted = f"{', '.join(_PLAIN_FIELDS)} or metadata.NAME"
        raise InvalidInput([f"TextClassifier: fields: {unknown or 'no field'} is not one of {wanted}"])


def write(model: TextModel, path: Path) -> None:
    """Write a model, and replace the file in one step. Raises `InvalidInput` if it cannot be written."""
    content: dict[str, Any] = {"format": FORMAT, **model._asdict()}
    for name in ("idf", "weights", "intercepts"):
        content[name] = base64.b64encode(content[name].astype("<f8").tobytes()).decode()
    content = {name: list(value) if isinstance(value, tuple) else value for name, value in content.items()}
    content["sha256"] = _digest(content)
    try:
        kept = kept_as(path)
        if kept is not None:
            raise InvalidInput([f"{path}: it is {kept}; give another name"])
        with NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=True)
        Path(file.name).replace(path)
    except OSError as exc:
        raise InvalidInput([f"{path}: cannot be written: {exc.strerror or exc}"]) from exc


def read(path: Path) -> TextModel:
    """Read a model, and check every part of it.

    Raises:
        InvalidInput: the file is unreadable, of another kind, altered, or damaged.
    """
    where = path.name
    try:
        with path.open("rb") as file:
            content = json.loads(read_bounded(file.read, where).decode("utf-8"))
    except OSError as exc:
        raise InvalidInput([f"{where}: cannot be read: {exc.strerror or exc}"]) from exc
    except (ValueError, RecursionError) as exc:
        raise InvalidInput([f"{where}: it is no file of a TextClassifier, or is damaged"]) from exc
    try:
        stored = _Stored.model_validate(content)
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, _Stored)[:5]) from exc
    if stored.sha256 != _digest({name: value for name, value in content.items() if name != "sha256"}):
        raise InvalidInput([f"{where}: it was altered or damaged: its digest differs; save it again"])
    check_fields(stored.fields)
    for name in ("labels", "terms"):
        if len(set(getattr(stored, name))) < len(getattr(stored, name)):
            raise InvalidInput([f"{where}: {name}: one of them is there twice"])
    if len(stored.examples) != len(stored.labels):
        raise InvalidInput([f"{where}: examples: {len(stored.examples)} numbers for {len(stored.labels)} labels"])
    labels, terms = len(stored.labels), len(stored.terms)
    return TextModel(
        fields=stored.fields,
        labels=stored.labels,
        terms=stored.terms,
        examples=stored.examples,
        least=stored.least,
        idf=_numbers(stored.idf, terms, f"{where}: idf"),
        weights=_numbers(stored.weights, labels * terms, f"{where}: weights").reshape(labels, terms),
        intercepts=_numbers(stored.intercepts, labels, f"{where}: intercepts"),
    )


def _numbers(text: str, count: int, where: str) -> Any:
    numpy = learn_module("numpy")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidInput([f"{where}: not base64"]) from exc
    if len(content) != count * _NUMBER_BYTES:
        raise InvalidInput([f"{where}: {len(content)} bytes instead of {count * _NUMBER_BYTES}"])
    numbers = numpy.frombuffer(content, dtype="<f8")
    if not math.isfinite(float(numpy.abs(numbers).max())):
        raise InvalidInput([f"{where}: numbers must be finite"])
    return numbers


def _digest(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
