"""The map of a policy on a terminal of 80 columns: risk by confidence, one panel for each context where it differs."""

from collections.abc import Iterator
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Cell, Line, Strip
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies.analysis.decision_map import Field, Panel, PolicyMap
from hitl_orchestrator.policies.language.phrases import format_value

_NAMES, _NONE, _WIDE = 7, 12, 57
_INDENT = 2
_STYLE = {
    Action.AUTO_APPROVE: "black on green",
    Action.HUMAN_REVIEW: "black on yellow",
    Action.ESCALATE: "white on red",
    None: "dim",
}
_SIGN = {Action.AUTO_APPROVE: "A", Action.HUMAN_REVIEW: "R", Action.ESCALATE: "E", None: "-"}
_FILL = {Action.AUTO_APPROVE: " ", Action.HUMAN_REVIEW: "\u00b7", Action.ESCALATE: "#", None: " "}


def terminal(drawn: PolicyMap) -> Iterator[Block]:
    """Yield the map: letters and fillings tell the actions apart where there are no colors."""
    legend = [Cell(f" {_SIGN[action]} {action} {_FILL[action] * 2} ", _STYLE[action]) for action in Action]
    yield Line()
    yield Strip(legend, _INDENT)
    for one in drawn.panels:
        yield Line()
        yield Line(one.title, "bold", indent=_INDENT)
        yield from _panel(one)
    if drawn.more:
        yield Line()
        yield Line(f"and {count(drawn.more, 'more panel')}, of fewer kinds of cases", "dim", indent=_INDENT)


def plain(drawn: PolicyMap) -> dict[str, Any]:
    """Return the map as plain JSON, field by field."""
    told: dict[str, Any] = _plain(drawn)
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        fields = getattr(value, "_asdict", None)
        return [_plain(one) for one in value] if fields is None else {key: _plain(one) for key, one in fields().items()}
    return value


def _panel(one: Panel) -> Iterator[Block]:
    notes: dict[str, None] = {}
    for row in one.rows:
        cells = [Cell(f"{row.risk:<{_NAMES}}")]
        parts = row.missing if one.parts_missing else row.missing[1:]
        for place, field in enumerate(parts):
            # What goes on beside it by the same rule needs no note of its own.
            told = {} if field[:2] == row.fields[0][:2] else notes
            cells.append(_drawn(field, _NONE // len(parts), told, f"{row.risk}, {_missing(place, parts)}"))
        cells.append(Cell(" "))
        for place, field in enumerate(row.fields):
            about = f"{row.risk}, {format_value(field.low)} to {format_value(field.high)}"
            cells.append(_drawn(field, _at(field.high) - _at(field.low), notes, about, "\u2502" if place else ""))
        yield Strip(cells, _INDENT)
    yield Strip([Cell(_ticks(one), "dim")], _INDENT)
    for note in notes:
        yield Line(note, "dim", indent=_INDENT + _NAMES)


def _missing(place: int, parts: tuple[Field, ...]) -> str:
    return "no confidence" if len(parts) == 1 or place == 1 else "no proposal"


def _at(confidence: float | None) -> int:
    return round((confidence or 0) * _WIDE)


def _drawn(field: Field, wide: int, notes: dict[str, None], about: str, edge: str = "") -> Cell:
    """Draw a field behind its edge. Where its rule has no room, a line below the panel names it."""
    sign, style = _SIGN[field.action], _STYLE[field.action]
    label, room = f"{sign} {field.rule_id}".strip(), wide - len(edge)
    if len(label) > room:
        if field.rule_id:
            notes[f"{about}: {label}"] = None
        label = sign
    label = f" {label} " if len(label) + 2 <= room else label
    filled = label[: max(room, 0)].center(max(room, 0), _FILL[field.action])
    return Cell(f"{edge}{filled}"[: max(wide, 0)], style)


def _ticks(one: Panel) -> str:
    """Write the bounds below a panel, as far as they do not run into one another."""
    line = list(" " * (_NAMES + _NONE + 1 + _WIDE + 4))
    head = "none" if not one.parts_missing else "no prop/conf"
    line[_NAMES : _NAMES + len(head)] = head
    start, taken = _NAMES + _NONE + 1, _NAMES + len(head)
    bounds = sorted({field.low for row in one.rows for field in row.fields if field.low is not None} | {1.0})
    for bound in bounds:
        told, place = format_value(bound), start + _at(bound)
        if place > taken and (bound == 1 or place + len(told) < start + _WIDE):
            line[place : place + len(told)] = told
            taken = place + len(told)
    return "".join(line).rstrip()
