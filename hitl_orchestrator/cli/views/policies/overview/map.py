"""The map of a policy for 80 columns: panels of risk by confidence, and a line for each flat context."""

from collections.abc import Iterator
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Strip, Table
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies import Field, Panel, PolicyMap, format_value, map_words

_NAMES, _NONE, _WIDE = 7, 12, 57
_INDENT = 2
_STYLE = {
    Action.AUTO_APPROVE: "black on green",
    Action.HUMAN_REVIEW: "black on yellow",
    Action.ESCALATE: "white on red",
    None: "dim",
}
_SHADE: dict[Action | None, str] = {Action.HUMAN_REVIEW: "yellow", Action.ESCALATE: "red"}
_FILL = {Action.AUTO_APPROVE: " ", Action.HUMAN_REVIEW: "\u00b7", Action.ESCALATE: "#", None: " "}


def terminal(drawn: PolicyMap) -> Iterator[Block]:
    """Yield the map. Letters and fill patterns distinguish the actions without colors."""
    yield Line()
    yield Line(drawn.summary, "bold", indent=_INDENT)
    words = {action: f" {map_words.LETTER[action]} {map_words.MEANING[action]} " for action in Action}
    legend = [Cell(f"{text}{_FILL[action] * 2} ", _STYLE[action]) for action, text in words.items()]
    yield Strip(legend, _INDENT)
    if drawn.panels:
        yield Line(map_words.OF_PANELS, "dim", indent=_INDENT)
    layer = None if drawn.is_layered else drawn.layers[0]
    for panel in drawn.panels:
        yield Line()
        if panel.layer != layer:
            layer = panel.layer
            yield Line(layer.upper(), "dim", indent=_INDENT)
        yield Line(panel.title[:1].upper() + panel.title[1:], "bold", indent=_INDENT)
        yield from _panel(panel)
    yield from _lines(drawn)
    for line in drawn.left_out:
        yield Line()
        yield Line(line, "bold", indent=_INDENT)


def plain(drawn: PolicyMap) -> dict[str, Any]:
    """Return the map as plain JSON, field by field."""
    fields: dict[str, Any] = _plain(drawn)
    return fields | {"summary": drawn.summary}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        fields = getattr(value, "_asdict", None)
        return [_plain(each) for each in value] if fields is None else {k: _plain(v) for k, v in fields().items()}
    return value


def _lines(drawn: PolicyMap) -> Iterator[Block]:
    """List the flat contexts, each layer with its own."""
    if not drawn.flat:
        return
    yield Line()
    yield Line(map_words.FLAT_HEAD, "bold", indent=_INDENT)
    yield Line(map_words.OF_LETTERS, "dim", indent=_INDENT)
    for layer in drawn.layers:
        rows = [
            (Cell(line.letters, _SHADE.get(line.actions[0], "dim")), Cell(line.named), Cell(line.where))
            for line in drawn.flat
            if line.layer == layer
        ]
        if rows:
            yield Line()
            if drawn.is_layered:
                yield Line(layer.upper(), "dim", indent=_INDENT)
            yield Table((Column(""), Column("rule"), Column("cases", gives_way=True, folds=True)), rows)


def _panel(panel: Panel) -> Iterator[Block]:
    notes: map_words.Notes = {}
    for row in panel.rows:
        cells = [Cell(f"{row.risk:<{_NAMES}}")]
        parts = row.missing if panel.parts_missing else row.missing[1:]
        for index, field in enumerate(parts):
            # A field that continues with the same rule needs no second note.
            field_notes = {} if field[:2] == row.fields[0][:2] else notes
            cells.append(_drawn(field, _NONE // len(parts), field_notes, (row.risk, _missing(index, parts))))
        cells.append(Cell(" "))
        for index, field in enumerate(row.fields):
            about = f"{format_value(field.low)} to {format_value(field.high)}"
            wide = _at(field.high) - _at(field.low)
            cells.append(_drawn(field, wide, notes, (row.risk, about), "\u2502" if index else ""))
        yield Strip(cells, _INDENT)
    yield Strip([Cell(_ticks(panel), "dim")], _INDENT)
    for note in map_words.joined(notes, len(panel.rows)):
        yield Line(note, "dim", indent=_INDENT + _NAMES)


def _missing(index: int, parts: tuple[Field, ...]) -> str:
    return "no confidence" if len(parts) == 1 or index == 1 else "no proposal"


def _at(confidence: float | None) -> int:
    return round((confidence or 0) * _WIDE)


def _drawn(field: Field, wide: int, notes: map_words.Notes, about: tuple[str, str], edge: str = "") -> Cell:
    """Draw a field after its edge. A rule name that does not fit becomes a note below the panel."""
    label, room = field.label, wide - len(edge)
    if len(label) > room:
        if field.rule_id:
            notes.setdefault((about[1], label), []).append(about[0])
        label = map_words.LETTER[field.action]
    label = f" {label} " if len(label) + 2 <= room else label
    filled = label[: max(room, 0)].center(max(room, 0), _FILL[field.action])
    return Cell(f"{edge}{filled}"[: max(wide, 0)], _STYLE[field.action])


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
