"""The columns of a decision table: fields of a rule, and conditions with an operator in the header or in the cell."""

import re
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.policies.language.asking import Ask
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.conditions.comparison import THOUSANDS
from hitl_orchestrator.policies.language.declarations import FieldType
from hitl_orchestrator.policies.language.rule import Rule
from hitl_orchestrator.policies.language.tables.csv_rows import TRUTH, typed_cell

ANY = "-"
"""The cell that states no condition, as an empty one does."""

SOURCES = ("metadata", "proposal", "agent", "history", "derived")
"""The conditions whose columns name a field, such as `metadata.amount >=`."""

_SIGNS = {">=": "ge", "<=": "le", ">": "gt", "<": "lt", "!=": "ne", "==": "eq", "=": "eq"}
_ORDERED = ("lt", "le", "gt", "ge")
_WORDS = ("eq", "ne", *_ORDERED, "in", "exists", "contains", "starts_with")
_SEVERAL = ("in", "contains", "starts_with")
_IN_HEADER = re.compile(r"(?P<name>.*?)(?:\s*(?P<sign>>=|<=|!=|==|=|>|<)|\s+(?P<word>" + "|".join(_WORDS) + r"))?")
_IN_CELL = re.compile(r"(?P<sign>>=|<=|!=|==|=|>|<)\s*(?P<value>.*)", re.DOTALL)
_LIST = re.compile(r"list:\s*(?P<name>.+)")
_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+")
_PLAIN = {"risk_level", "domain", "task_type", "signals", "min_confidence", "max_confidence"}
_NESTED = {
    "signals": ("any", "all", "none"),
    "time": ("days", "begins", "ends", "of"),
    "date": ("from", "until", "holiday"),
}
_SHORT = {
    ("confidence", "ge"): ("min_confidence",),
    ("confidence", "lt"): ("max_confidence",),
}
_WORDS_OF_LISTS = {("conditions", "risk_level"), ("conditions", "signals")}
_NUMBERS = {"min_confidence", "max_confidence"}
_TEXTS = {"history": FieldType.NUMBER, "derived": FieldType.NUMBER, "agent": FieldType.TEXT}


class Column(NamedTuple):
    """A column: the place of its cells in a rule, and the operator of a comparison, if the header names one."""

    header: str
    place: tuple[str, ...]
    kind: FieldType | None = None
    operator: str | None = None
    compares: bool = False

    def part(self, cell: Any) -> Any:
        """Return a cell as the part of a rule at the place of this column. Raises `ValueError`."""
        if not self.compares:
            return self._words(cell) if isinstance(cell, str) else cell
        if self.operator is not None:
            return {self.operator: self._value(cell, several=self.operator in _SEVERAL)}
        if isinstance(cell, dict):
            return cell
        if isinstance(cell, str) and (found := _IN_CELL.fullmatch(cell)):
            return {_SIGNS[found["sign"]]: self._value(found["value"], several=False)}
        several = isinstance(cell, list) or (isinstance(cell, str) and ("|" in cell or bool(_LIST.fullmatch(cell))))
        return {"in" if several else "eq": self._value(cell, several=several)}

    def _value(self, cell: Any, *, several: bool) -> Any:
        if not isinstance(cell, str):
            return [cell] if several and not isinstance(cell, list | dict) else cell
        if self.operator == "exists":
            return TRUTH.get(cell.strip().lower(), cell)
        if not several:
            return self._typed(cell)
        named = _LIST.fullmatch(cell.strip())
        return {"list": named["name"]} if named else [self._typed(word.strip()) for word in cell.split("|")]

    def _typed(self, cell: str) -> Any:
        if self.kind is FieldType.NUMBER and _COMMA.fullmatch(cell.strip()):
            point, none = (cell.strip().replace(",", sign) for sign in (".", ""))
            which = f", or without separators, {none}" if THOUSANDS.fullmatch(cell.strip()) else ""
            raise ValueError(f"{cell!r}: write the number with a point, {point}{which}")
        return typed_cell(cell, self.kind)

    def _words(self, cell: str) -> Any:
        if self.kind is not None:
            return self._typed(cell)
        if named := _LIST.fullmatch(cell.strip()):
            return {"list": named["name"]}
        if "," in cell and self.place[:2] in _WORDS_OF_LISTS:
            raise ValueError(f"{cell!r}: separate words by |, such as {'|'.join(map(str.strip, cell.split(',')))}")
        return [word.strip() for word in cell.split("|")] if "|" in cell and self.place[0] != "message" else cell


def columns_of(header: Iterable[str], policy: Mapping[str, Any]) -> tuple[list[Column], list[str]]:
    """Return the columns of a header, and the problems of the names that are no columns.

    The declarations of the raw `policy` give the types of its fields.
    """
    columns: list[Column] = []
    problems: list[str] = []
    for name in header:
        column = _column(name.strip(), policy)
        if column is None:
            problems.append(f"unknown column {name!r}{did_you_mean(name, _known(policy))}")
        elif any(column[1:] == other[1:] for other in columns):
            problems.append(f"the column {name!r} occurs twice")
        else:
            columns.append(column)
    return columns, problems


def _column(name: str, policy: Mapping[str, Any]) -> Column | None:
    head, _, rest = name.partition(".")
    if name in Rule.model_fields and name != "conditions":
        return Column(name, (name,), _kind_of(Rule.model_fields[name].annotation))
    if head == "ask" and rest in {field.alias or each for each, field in Ask.model_fields.items()}:
        return Column(name, ("ask", rest))
    if name in _PLAIN:
        return Column(name, ("conditions", name), FieldType.NUMBER if name in _NUMBERS else None)
    if head in Conditions.model_fields and rest in _NESTED.get(head, ()):
        return Column(name, ("conditions", head, rest), FieldType.BOOLEAN if rest == "holiday" else None)
    return _compared(name, policy)


def _compared(header: str, policy: Mapping[str, Any]) -> Column | None:
    found = _IN_HEADER.fullmatch(header)
    name, sign, word = (found["name"], found["sign"], found["word"]) if found else (header, None, None)
    operator = _SIGNS[sign] if sign else word
    if (name, operator) in _SHORT:
        return Column(header, ("conditions", *_SHORT[name, str(operator)]), FieldType.NUMBER)
    source, _, field = ("proposal", ".", name) if name == "predicted_label" else name.partition(".")
    if source not in SOURCES or source not in Conditions.model_fields or not field:
        return None
    kind = FieldType.NUMBER if operator in _ORDERED else _declared(source, field, policy)
    return Column(header, ("conditions", source, field), kind, operator, compares=True)


def _declared(source: str, field: str, policy: Mapping[str, Any]) -> FieldType | None:
    """Return the declared type of a field; None where the policy declares none, so that cells stay text."""
    if source in _TEXTS:
        return _TEXTS[source]
    declared = policy.get(source)
    kind = declared.get(field) if isinstance(declared, dict) else None
    kind = kind.get("type") if isinstance(kind, dict) else kind
    return FieldType(kind) if isinstance(kind, str) and kind in list(FieldType) else None


def _kind_of(annotation: Any) -> FieldType | None:
    """Return the type of the cells of a rule's field; None for texts and words."""
    if get_origin(annotation) in (Union, UnionType):
        return next((kind for each in get_args(annotation) if (kind := _kind_of(each)) is not None), None)
    if annotation is bool:
        return FieldType.BOOLEAN
    return FieldType.NUMBER if annotation in (int, float) else None


def _known(policy: Mapping[str, Any]) -> list[str]:
    """Return the names of columns, as suggestions for a misspelt one."""
    fields = [name for name in Rule.model_fields if name not in {"conditions", "ask"}]
    declared = [f"{source}.{name}" for source in SOURCES for name in _names(policy.get(source))]
    compared = [f"{name} {sign}" for name in [*declared, "confidence"] for sign in (">=", "<")]
    return [*fields, *sorted(_PLAIN), "ask.role", "ask.team", "ask.not", "predicted_label", *declared, *compared]


def _names(declared: Any) -> Iterable[str]:
    return declared if isinstance(declared, dict) else ()
