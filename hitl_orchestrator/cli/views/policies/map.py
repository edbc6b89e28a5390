"""The map of a policy for 80 columns: actions by risk and confidence, one panel per distinct context."""

from collections.abc import Iterator
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Cell, Line, Strip
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies import Field, Panel, PolicyMap, format_value

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
    """Yield the map. Letters and fill patterns distinguish the actions without colors."""
    legend = [Cell(f" {_SIGN[action]} {action} {_FILL[action] * 2} ", _STYLE[action]) for action in Action]
    yield Line()
    yield Strip(legend, _INDENT)
    for panel in drawn.panels:
        yield Line()
        yield Line(panel.title, "bold", indent=_INDENT)
        yield from _panel(panel)
    if drawn.more:
        yield Line()
        yield Line(f"and {count(drawn.more, 'more panel')}, of fewer kinds of cases", "dim", indent=_INDENT)


def plain(drawn: PolicyMap) -> dict[str, Any]:
    """Return the map as plain JSON, field by field."""
    fields: dict[str, Any] = _plain(drawn)
    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        fields = getattr(value, "_asdict", None)
        return [_plain(each) for each in value] if fields is None else {k: _plain(v) for k, v in fields().items()}
    return value


def _panel(panel: Panel) -> Iterator[Block]:
    notes: dict[str, None] = {}
    for row in panel.rows:
        cells = [Cell(f"{row.risk:<{_NAMES}}")]
        parts = row.missing if panel.parts_missing else row.missing[1:]
        for index, field in enumerate(parts):
            # A field that continues with the same rule needs no second note.
            field_notes = {} if field[:2] == row.fields[0][:2] else notes
            cells.append(_drawn(field, _NONE // len(parts), field_notes, f"{row.risk}, {_missing(index, parts)}"))
        cells.append(Cell(" "))
        for index, field in enumerate(row.fields):
            about = f"{row.risk}, {format_value(field.low)} to {format_value(field.high)}"
            cells.append(_drawn(field, _at(field.high) - _at(field.low), notes, about, "\u2502" if index else ""))
        yield Strip(cells, _INDENT)
    yield Strip([Cell(_ticks(panel), "dim")], _INDENT)
    for note in notes:
        yield Line(note, "dim", indent=_INDENT + _NAMES)


def _missing(index: int, parts: tuple[Field, ...]) -> str:
    return "no confidence" if len(parts) == 1 or index == 1 else "no proposal"


def _at(confidence: float | None) -> int:
    return round((confidence or 0) * _WIDE)


def _drawn(field: Field, wide: int, notes: dict[str, None], about: str, edge: str = "") -> Cell:
    """Draw a field after its edge. A rule name that does not fit becomes a note below the panel."""
    sign, style = _SIGN[field.action], _STYLE[field.action]
    label, room = f"{sign} {field.rule_id}".strip(), wide - len(edge)
    if len(label) > room:
        if field.rule_id:
            notes[f"{about}: {label}"] = None
        label = sign
    label = f" {label} " if len(label) + 2 <= room else label
    filled = label[: max(room, 0)].center(max(room, 0), _FILL[field.action])
    return Cell(f"{edge}{filled}"[: max(wide, 0)], style)


def _ticks(panel: Panel) -> str:
    """Return the bounds below a panel, without those that would overlap."""
    line = list(" " * (_NAMES + _NONE + 1 + _WIDE + 4))
    head = "none" if not panel.parts_missing else "no prop/conf"
    line[_NAMES : _NAMES + len(head)] = head
    start, taken = _NAMES + _NONE + 1, _NAMES + len(head)
    bounds = sorted({field.low for row in panel.rows for field in row.fields if field.low is not None} | {1.0})
    for bound in bounds:
        text, column = format_value(bound), start + _at(bound)
        if column > taken and (bound == 1 or column + len(text) < start + _WIDE):
            line[column : column + len(text)] = text
            taken = column + len(text)
    return "".join(line).rstrip()
