"""A policy as a map of its trust boundaries, risk by confidence, with a panel for each context where it differs.

The map is drawn as plain SVG, readable on light and on dark pages, or as a PNG.
"""

from collections.abc import Iterator
from html import escape
from itertools import groupby, islice
from math import prod
from textwrap import wrap
from typing import NamedTuple

from hitl_orchestrator.domain.decision import FALLBACK
from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, diagram_of
from hitl_orchestrator.policies.analysis.describe import EVERY_CASE, describe_context
from hitl_orchestrator.policies.analysis.layer_scope import scope_of, space_of, without_scope
from hitl_orchestrator.policies.analysis.monotonicity import decision_grid
from hitl_orchestrator.policies.analysis.regions import merged
from hitl_orchestrator.policies.engine.axes.confidence import FIRST_CONFIDENCE
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy
from hitl_orchestrator.policies.language.phrases import format_value

MOST_PANELS = 12
_MOST_CONTEXTS = 3_000
_CONTEXTS_IN_TITLE = 2
_LONGEST_TITLE = 160


class Field(NamedTuple):
    """A stretch of a row where one rule decides; a layer without a matching rule is silent, and has no action.

    `low` and `high` are confidences, from the first to below the second; None for tasks without a confidence.
    """

    rule_id: str
    action: Action | None
    low: float | None
    high: float | None


class Row(NamedTuple):
    """One risk: the answers without a proposal, without a confidence, and by confidence."""

    risk: RiskLevel
    missing: tuple[Field, Field]
    fields: tuple[Field, ...]


class Panel(NamedTuple):
    """The answers of the policy in some contexts, the riskiest row first. `kinds` counts the kinds of contexts."""

    title: str
    rows: tuple[Row, ...]
    kinds: int

    @property
    def parts_missing(self) -> bool:
        """Whether a missing proposal and a missing confidence are treated differently in some row."""
        return any(row.missing[0][:2] != row.missing[1][:2] for row in self.rows)


class PolicyMap(NamedTuple):
    """The panels of a policy, those of the most contexts first, and the number of panels left out."""

    policy_id: str
    bounds: tuple[float, ...]
    panels: tuple[Panel, ...]
    more: int

    def _repr_svg_(self) -> str:
        return svg(self)


def policy_map(policy: Policy, most: int = MOST_PANELS) -> PolicyMap:
    """Return the map of a policy; each layer has panels of its own, for the cases that it answers.

    Raises:
        InvalidInput: the policy is too complex to analyze.
    """
    panels: list[Panel] = []
    bounds: set[float] = set()
    for name, layer in policy.parts:
        title = "" if len(policy.parts) == 1 else name
        diagram = diagram_of(layer, space_of(name, layer))
        bounds |= set(diagram.space.bounds)
        panels += sorted(_panels(diagram, layer, title, name != ORGANIZATION), key=lambda panel: -panel.kinds)
    return PolicyMap(policy.policy_id, tuple(sorted(bounds)), tuple(panels[:most]), max(0, len(panels) - most))


def _panels(diagram: Diagram[int], policy: Policy, layer: str, silent: bool) -> Iterator[Panel]:
    space = diagram.space
    scope = scope_of(layer or ORGANIZATION, space)
    parts = {id(part): (part, [region]) for region, part in diagram.below(space.risk, scope)}
    contexts = list(islice(diagram.below(space.risk, scope, once=False), _MOST_CONTEXTS + 1))
    if len(contexts) <= _MOST_CONTEXTS:
        parts = {key: (part, []) for key, (part, _) in parts.items()}
        for region, part in contexts:
            parts[id(part)][1].append(region)
    for part, regions in parts.values():
        together = merged(regions)
        rows, described = decision_grid(part, space), [without_scope(region, scope, space) for region in together]
        yield Panel(
            _title(described, space, layer, complete=len(contexts) <= _MOST_CONTEXTS),
            tuple(_row(rows[risk], risk, policy, space, silent) for risk in reversed(range(len(RiskLevel)))),
            sum(prod(mask.bit_count() for mask in region[: space.risk]) for region in together),
        )


def _title(regions: list[Region], space: FactSpace, layer: str, *, complete: bool) -> str:
    phrases = [describe_context(region, space) for region in regions]
    short = [phrase.removeprefix(f"{EVERY_CASE} ") for phrase in sorted(phrases, key=len)[:_CONTEXTS_IN_TITLE]]
    short = short if len("; ".join(short)) <= _LONGEST_TITLE else short[:1]
    more = len(phrases) - len(short)
    title = "; ".join(short) + (f"; and {more} more" if more else "" if complete else "; and more")
    title = f"{layer}: {title}" if layer else title
    return title[:1].upper() + title[1:]


def _row(row: list[int], risk: int, policy: Policy, space: FactSpace, silent: bool) -> Row:
    rules, ends = policy.by_priority, (*space.bounds[1:], 1.0)

    def field(index: int, low: float | None = None, high: float | None = None) -> Field:
        if index == FALLBACK_INDEX:
            return Field("" if silent else FALLBACK, None if silent else Action.HUMAN_REVIEW, low, high)
        return Field(rules[index].rule_id, rules[index].action, low, high)

    runs = (list(run) for _, run in groupby(range(len(space.bounds)), key=row[FIRST_CONFIDENCE:].__getitem__))
    fields = (field(row[run[0] + FIRST_CONFIDENCE], space.bounds[run[0]], ends[run[-1]]) for run in runs)
    return Row(tuple(RiskLevel)[risk], (field(row[0]), field(row[1])), tuple(fields))


WIDTH, MARGIN = 880, 28
LEFT, SCALE, MISSING, GAP = 118, 622, 64, 12
ROW, LINE, TICK = 44, 20, 18
LETTER_WIDE, TITLE_WIDE = 7.2, 8.8
"""The average width of a letter in a wide font. A label that would not fit is left out."""
NAME = {Action.AUTO_APPROVE: "green", Action.HUMAN_REVIEW: "amber", Action.ESCALATE: "red"}
LETTER = {Action.AUTO_APPROVE: "A", Action.HUMAN_REVIEW: "R", Action.ESCALATE: "E"}

STYLE = """
  text { font: 13px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #1f2328; }
  .head { font-weight: 600; font-size: 17px; } .title { font-weight: 600; font-size: 14px; }
  .small { font-size: 12px; fill: #59636e; }
  .card { fill: #ffffff; stroke: #d1d9e0; }
  .field { stroke: #ffffff; stroke-width: 1.5; }
  .green { fill: #aee5b9; } .amber { fill: #f7dd8b; } .red { fill: #f5b1ab; } .silent { fill: #e6eaef; }
  .mark { stroke: #1f2328; stroke-opacity: 0.16; stroke-width: 1.4; fill: none; }
  .tick { stroke: #8c959f; }
"""
DARK = """
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .small { fill: #9ba5b0; }
    .card { fill: #12161c; stroke: #3d444d; } .field { stroke: #12161c; }
    .green { fill: #1c5a2e; } .amber { fill: #6b4f08; } .red { fill: #7d211c; } .silent { fill: #2a313a; }
    .mark { stroke: #ffffff; } .tick { stroke: #818b96; }
  }
"""
PATTERNS = (
    '<defs><pattern id="amber" width="9" height="9" patternUnits="userSpaceOnUse">'
    '<path class="mark" d="M-2 2 L2 -2 M0 9 L9 0 M7 11 L11 7"/></pattern>'
    '<pattern id="red" width="9" height="9" patternUnits="userSpaceOnUse">'
    '<path class="mark" d="M0 9 L9 0 M0 0 L9 9"/></pattern></defs>'
)


class _Box(NamedTuple):
    """The left and right ends of a field, and its upper edge."""

    x: float
    end: float
    y: float


def svg(drawn: PolicyMap, *, dark: bool = True) -> str:
    """Return the map as SVG. Without `dark` it has no media query, for renderers that do not support them."""
    y = MARGIN + 62.0
    parts: list[str] = []
    for panel in drawn.panels:
        lines, y = _panel(panel, y)
        parts += lines
    if drawn.more:
        parts.append(
            _text(
                MARGIN, y + 4, f"and {drawn.more} more panel{'s' * (drawn.more > 1)}, of fewer kinds of cases", "small"
            )
        )
        y += LINE + 8
    height = round(y - 6)
    title = f"Decisions of {drawn.policy_id}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            'role="img" aria-labelledby="map-title map-story">',
            f'<title id="map-title">{_escape(title)}</title>',
            f'<desc id="map-story">{_escape(story(drawn))}</desc>',
            f"<style>{STYLE}{DARK if dark else ''}</style>",
            PATTERNS,
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="14"/>',
            _text(MARGIN, MARGIN + 8, _cut(title, 480), "head"),
            *_legend(drawn),
            *parts,
            "</svg>",
            "",
        ]
    )


def png(drawn: PolicyMap) -> bytes:
    """Return the map as a PNG.

    Raises:
        InvalidInput: the extra `plots` is not installed.
    """
    try:
        from vl_convert import svg_to_png  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidInput(
            [f"a PNG needs vl-convert-python, which is missing (an SVG file needs nothing); {install_hint('plots')}"]
        ) from None
    return bytes(svg_to_png(svg(drawn, dark=False), scale=2))


def story(drawn: PolicyMap) -> str:
    """Return the map in words, for screen readers."""
    sentences = []
    for panel in drawn.panels:
        rows = (f"{row.risk} risk: {', '.join(map(_phrase, row.fields))}" for row in panel.rows)
        sentences.append(f"{panel.title}: {'; '.join(rows)}.")
    return " ".join(sentences)


def _phrase(field: Field) -> str:
    answer = f"{field.action or 'silent'} by {field.rule_id or 'no rule'}"
    return f"{answer} from {format_value(field.low)} to {format_value(field.high)}"


def _legend(drawn: PolicyMap) -> Iterator[str]:
    x, y = float(MARGIN), MARGIN + 34
    named = [(f"{LETTER[action]} {action}", NAME[action]) for action in Action]
    if any(
        field.action is None for panel in drawn.panels for row in panel.rows for field in (*row.missing, *row.fields)
    ):
        named.append(("silent: other layers decide", "silent"))
    for text, name in named:
        yield from _filled(x, y - 12, 22, 15, name)
        yield _text(x + 29, y, text, "small")
        x += 29 + len(text) * LETTER_WIDE + 16
    yield _text(WIDTH - MARGIN, y, "horizontal axis: confidence of the agent", "small", "end")


def _escape(text: str) -> str:
    """Return a text escaped for XML, with invisible characters written out, as in the terminal."""
    return escape(escape_invisible(text))


def _panel(panel: Panel, y: float) -> tuple[list[str], float]:
    """Return the lines of a panel that begins at a height, and the height of the next panel."""
    parts: list[str] = []
    for line in wrap(escape_invisible(panel.title), int((WIDTH - 2 * MARGIN) / TITLE_WIDE)):
        parts.append(_text(MARGIN, y + 10, line, "title"))
        y += LINE
    notes: list[str] = []
    for row in panel.rows:
        parts.append(_text(MARGIN + LEFT - 36, y + ROW / 2 + 4, f"{row.risk} risk", "", "end"))
        # A rule that also decides the adjacent confidences needs no note of its own.
        beside = any(row.fields[0][:2] == field[:2] for field in row.missing)
        parts += _missing(row.missing, row.risk, panel.parts_missing, y, [] if beside else notes)
        for field in row.fields:
            parts += _field(field, row.risk, _Box(_x(field.low or 0), _x(field.high or 0), y), notes)
        y += ROW
    parts += _ticks(panel, y)
    y += TICK + (TICK if panel.parts_missing else 0)
    for line in wrap("; ".join(notes), 105):
        y += TICK
        parts.append(_text(MARGIN + LEFT - 24, y, line, "small"))
    return parts, y + 34


def _x(confidence: float) -> float:
    return MARGIN + LEFT + MISSING + GAP + confidence * SCALE


def _missing(fields: tuple[Field, Field], risk: str, split: bool, y: float, notes: list[str]) -> Iterator[str]:
    x = float(MARGIN + LEFT - 24)
    wide = MISSING + 24
    if not split:
        yield from _field(fields[1], risk, _Box(x, x + wide, y), notes)
        return
    yield from _field(fields[0], risk, _Box(x, x + wide / 2, y), notes)
    yield from _field(fields[1], risk, _Box(x + wide / 2, x + wide, y), notes)


def _field(field: Field, risk: str, box: _Box, notes: list[str]) -> Iterator[str]:
    """Yield a field with its label; a label that is too wide becomes a note below the panel."""
    x, end, y = box
    name = "silent" if field.action is None else NAME[field.action]
    letter = "" if field.action is None else LETTER[field.action]
    yield "<g>"
    tooltip = f"{field.action or 'silent'}: {field.rule_id or 'no rule matches'}"
    yield f"<title>{_escape(tooltip)}</title>"
    yield from _filled(x, y, end - x, ROW, name)
    label, room = f"{letter} {field.rule_id}".strip(), end - x
    if field.rule_id and len(label) * LETTER_WIDE > room - 8:
        about = (
            f"{format_value(field.low)} to {format_value(field.high)}"
            if field.low is not None
            else "without a confidence"
        )
        notes.append(f"{risk}, {about}: {label}".replace(" ", "\u00a0"))
        label = letter if room > LETTER_WIDE + 4 else ""
    if label:
        yield _text((x + end) / 2, y + ROW / 2 + 4, label, "", "middle")
    yield "</g>"


def _filled(x: float, y: float, wide: float, tall: float, name: str) -> Iterator[str]:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall}"'
    yield f'<rect class="field {name}" {place}/>'
    if name in {"amber", "red"}:
        yield f'<rect fill="url(#{name})" {place}/>'


def _ticks(panel: Panel, y: float) -> Iterator[str]:
    """Yield the bounds below a panel. A number that would overlap another one is left out."""
    start, wide = float(MARGIN + LEFT - 24), MISSING + 24
    if panel.parts_missing:
        yield _text(start + wide / 4, y + 15, "no", "small", "middle")
        yield _text(start + wide / 4, y + 15 + TICK - 4, "proposal", "small", "end")
        yield _text(start + wide * 3 / 4, y + 15, "no", "small", "middle")
        yield _text(start + wide / 2 + 4, y + 15 + TICK - 4, "confidence", "small")
    else:
        yield _text(start + wide / 2, y + 15, "no confidence", "small", "middle")
    bounds = sorted({field.low for row in panel.rows for field in row.fields if field.low is not None} | {0.0, 1.0})
    written: list[tuple[float, float]] = []
    for bound in sorted(bounds, key=lambda value: (value not in (0.0, 1.0), value)):
        x, half = _x(bound), len(format_value(bound)) * LETTER_WIDE / 2 + 2
        yield f'<path class="tick" d="M{x:.1f} {y:.1f} v4"/>'
        if all(x + half <= left or x - half >= right for left, right in written):
            written.append((x - half, x + half))
            yield _text(x, y + 15, format_value(bound), "small", "middle")


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    of_style = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{of_style}>{_escape(text)}</text>'


def _cut(text: str, wide: float) -> str:
    most = int(wide / 9)
    return text if len(text) <= most else f"{text[: most - 1]}…"
