"""The form of a language model's answer: the JSON Schema that it is asked for, and the check of what it answers."""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.errors import InvalidInput, shortened

__all__ = ["CONFIDENCE", "PERCENT", "AnswerForm"]

CONFIDENCE = "confidence_in_percent"
"""The field in which a model states its confidence."""
PERCENT: Mapping[str, Any] = {
    "type": "integer",
    "minimum": 0,
    "maximum": 100,
    "description": "The probability, in percent, that the answer is right: of all answers with 70, 70% are right.",
}
_WHERE = "the model's answer"


class AnswerForm:
    """A form with one field for the label, from a set of labels or from a schema with further fields."""

    def __init__(
        self,
        labels: Sequence[str] | Mapping[str, str] | None,
        schema: type[BaseModel] | Mapping[str, Any] | None,
        label: str,
        *,
        stated_confidence: bool,
    ) -> None:
        """Check the form. Raises `InvalidInput` for one that no answer could fill."""
        if (labels is None) == (schema is None):
            raise InvalidInput(["LLMClassifier: give labels, or a schema whose answers have a label"])
        self.label, self.descriptions = label, _descriptions(labels)
        self._model = schema if isinstance(schema, type) else None
        self._checked = _of_labels(self.descriptions, label) if schema is None else _as_schema(schema, label)
        self._validator = Draft202012Validator(self._checked)
        self.asked = copy.deepcopy(self._checked)
        if stated_confidence:
            if CONFIDENCE in self.asked["properties"]:
                raise InvalidInput(
                    [f"LLMClassifier: schema: the field {CONFIDENCE!r} is that of the stated confidence"]
                )
            self.asked["properties"][CONFIDENCE] = dict(PERCENT)
            self.asked["required"] = [*self.asked.get("required", ()), CONFIDENCE]

    def read(self, answer: Any) -> tuple[dict[str, Any], Any]:
        """Return the fields of an answer, and the confidence it states, None without one.

        Raises:
            InvalidInput: it does not have this form.
        """
        if not isinstance(answer, Mapping):
            raise InvalidInput([f"{_WHERE}: {shortened(repr(answer))} is not an object"])
        fields = dict(answer)
        stated = fields.pop(CONFIDENCE, None) if CONFIDENCE in self.asked["properties"] else None
        flaws = [
            f"{_WHERE}: {error.json_path}: {shortened(error.message)}" for error in self._validator.iter_errors(fields)
        ]
        if flaws:
            raise InvalidInput(flaws)
        if self._model is not None:
            try:
                fields = self._model.model_validate(fields).model_dump(mode="json")
            except ValidationError as exc:
                raise InvalidInput(problems(exc, _WHERE, self._model)) from exc
        if not isinstance(fields.get(self.label), str):
            raise InvalidInput([f"{_WHERE}: {self.label}: it is missing, or no text"])
        return {"predicted_label": fields.pop(self.label), **fields}, stated


def _descriptions(labels: Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    if labels is None:
        return {}
    if isinstance(labels, str) or not isinstance(labels, Sequence | Mapping):
        raise InvalidInput(
            [f"LLMClassifier: labels: {labels!r} is neither a list of labels nor labels with descriptions"]
        )
    named = dict(labels) if isinstance(labels, Mapping) else dict.fromkeys(labels, "")
    if len(named) < 2 or len(named) < len(labels) or not all(isinstance(one, str) and one.strip() for one in named):  # noqa: PLR2004
        raise InvalidInput(["LLMClassifier: labels: give two or more different labels, none of them empty"])
    return named


def _of_labels(descriptions: Mapping[str, str], label: str) -> dict[str, Any]:
    return {
        "title": "answer",
        "description": "The label of the task.",
        "type": "object",
        "properties": {
            "explanation": {"type": "string", "description": "One or two sentences: why this label."},
            label: {"type": "string", "enum": list(descriptions)},
        },
        "required": ["explanation", label],
        "additionalProperties": False,
    }


def _as_schema(schema: Any, label: str) -> dict[str, Any]:
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        found = schema.model_json_schema()
    elif isinstance(schema, Mapping):
        found = copy.deepcopy(dict(schema))
    else:
        raise InvalidInput([f"LLMClassifier: schema: {schema!r} is neither a pydantic class nor a JSON Schema"])
    try:
        Draft202012Validator.check_schema(found)
    except SchemaError as exc:
        raise InvalidInput([f"LLMClassifier: schema: {exc.message}"]) from exc
    if label not in found.get("properties", {}):
        named = f"name its label with label={json.dumps(next(iter(found.get('properties', {})), 'intent'))}"
        raise InvalidInput([f"LLMClassifier: schema: it has no field {label!r}; {named}"])
    return {"title": "answer", "description": "The answer to the task.", **found}
