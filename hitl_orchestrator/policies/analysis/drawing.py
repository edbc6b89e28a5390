"""The map of a policy as a picture: plain SVG on a card of its own, readable on light and on dark pages; and a PNG."""

from collections.abc import Iterator, Sequence
from html import escape as escaped
from textwrap import wrap
from typing import NamedTuple

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.invisible_characters import escape_invisible
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.policies.analysis.decision_map import Field, Panel, PolicyMap
from hitl_orchestrator.policies.analysis.describe import shown

WIDTH, MARGIN = 880, 28
LEFT, SCALE, MISSING, GAP = 118, 622, 64, 12
ROW, LINE, TICK = 44, 20, 18
LETTER_WIDE, TITLE_WIDE = 7.2, 8.8
"""How wide a letter is on average, in a wide font; a label that would not fit is not written."""
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


class _Place(NamedTuple):
    """Where a field begins and ends, and its upper edge."""

    x: float
    end: float
    y: float


def svg(drawn: PolicyMap, *, dark: bool = True) -> str:
    """Return the map as SVG. Without `dark` it is the same on every page, for what knows no media queries."""
    y = MARGIN + 62.0
    parts: list[str] = []
    for number, one in enumerate(drawn.panels):
        lines, y = _panel(one, number, y)
        parts += lines
    if drawn.more:
        parts.append(
            _text(
                MARGIN, y + 4, f"and {drawn.more} more panel{'s' * (drawn.more > 1)}, of fewer kinds of cases", "small"
            )
        )
        y += LINE + 8
    height = round(y - 6)
    title = f"What {drawn.policy_id} does"
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
        InvalidInput: what draws it is not installed.
    """
    try:
        from resvg_py import svg_to_bytes  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        problem = f"a PNG file needs resvg-py, which is missing (an SVG file needs nothing); {install_hint('plots')}"
        raise InvalidInput([problem]) from None
    return bytes(svg_to_bytes(svg_string=svg(drawn, dark=False), zoom=2, sans_serif_family="DejaVu Sans"))


def story(drawn: PolicyMap) -> str:
    """Tell the map in words, for whoever cannot see it."""
    told = []
    for one in drawn.panels:
        rows = (f"{row.risk} risk: {', '.join(map(_told, row.fields))}" for row in one.rows)
        told.append(f"{one.title}: {'; '.join(rows)}.")
    return " ".join(told)


def _told(field: Field) -> str:
    return f"{field.action or 'silent'} by {field.rule_id or 'no rule'} from {shown(field.low)} to {shown(field.high)}"


def _legend(drawn: PolicyMap) -> Iterator[str]:
    x, y = float(MARGIN), MARGIN + 34
    named = [(f"{LETTER[action]} {action}", NAME[action]) for action in Action]
    if any(field.action is None for one in drawn.panels for row in one.rows for field in (*row.missing, *row.fields)):
        named.append(("silent: other layers decide", "silent"))
    for text, name in named:
        yield from _filled(x, y - 12, 22, 15, name)
        yield _text(x + 29, y, text, "small")
        x += 29 + len(text) * LETTER_WIDE + 16
    yield _text(WIDTH - MARGIN, y, "across: how confident the agent is", "small", "end")


def _escape(text: str) -> str:
    """Return a text as it may stand in XML, with what is no character there written out, as the terminal does."""
    return escaped(escape_invisible(text))


def _panel(one: Panel, number: int, y: float) -> tuple[list[str], float]:
    """Return the lines of a panel that begins at a height, and where the next one begins."""
    parts: list[str] = []
    for line in wrap(escape_invisible(one.title), int((WIDTH - 2 * MARGIN) / TITLE_WIDE)):
        parts.append(_text(MARGIN, y + 10, line, "title"))
        y += LINE
    notes: list[str] = []
    for row in one.rows:
        parts.append(_text(MARGIN + LEFT - 36, y + ROW / 2 + 4, f"{row.risk} risk", "", "end"))
        # What goes on beside it by the same rule needs no note of its own.
        beside = any(row.fields[0][:2] == field[:2] for field in row.missing)
        parts += _missing(row.missing, row.risk, one.parts_missing, y, [] if beside else notes)
        for field in row.fields:
            parts += _field(field, row.risk, _Place(_x(field.low or 0), _x(field.high or 0), y), notes)
        y += ROW
    parts += _ticks(one, y)
    y += TICK + (TICK if one.parts_missing else 0)
    for line in wrap("; ".join(notes), 105):
        y += TICK
        parts.append(_text(MARGIN + LEFT - 24, y, line, "small"))
    return parts, y + 34


def _x(confidence: float) -> float:
    return MARGIN + LEFT + MISSING + GAP + confidence * SCALE


def _missing(fields: tuple[Field, Field], risk: str, parted: bool, y: float, notes: list[str]) -> Iterator[str]:
    x = float(MARGIN + LEFT - 24)
    wide = MISSING + 24
    if not parted:
        yield from _field(fields[1], risk, _Place(x, x + wide, y), notes)
        return
    yield from _field(fields[0], risk, _Place(x, x + wide / 2, y), notes)
    yield from _field(fields[1], risk, _Place(x + wide / 2, x + wide, y), notes)


def _field(field: Field, risk: str, place: _Place, notes: list[str]) -> Iterator[str]:
    """Yield a field with its label, or with a note below the panel where that is too wide for it."""
    x, end, y = place
    name = "silent" if field.action is None else NAME[field.action]
    letter = "" if field.action is None else LETTER[field.action]
    yield "<g>"
    told = f"{field.action or 'silent'}: {field.rule_id or 'no rule holds'}"
    yield f"<title>{_escape(told)}</title>"
    yield from _filled(x, y, end - x, ROW, name)
    label, room = f"{letter} {field.rule_id}".strip(), end - x
    if field.rule_id and len(label) * LETTER_WIDE > room - 8:
        about = f"{shown(field.low)} to {shown(field.high)}" if field.low is not None else "without a confidence"
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


def _ticks(one: Panel, y: float) -> Iterator[str]:
    """Yield the bounds below a panel. One whose number would lie on another's keeps its line alone."""
    start, wide = float(MARGIN + LEFT - 24), MISSING + 24
    if one.parts_missing:
        yield _text(start + wide / 4, y + 15, "no", "small", "middle")
        yield _text(start + wide / 4, y + 15 + TICK - 4, "proposal", "small", "end")
        yield _text(start + wide * 3 / 4, y + 15, "no", "small", "middle")
        yield _text(start + wide / 2 + 4, y + 15 + TICK - 4, "confidence", "small")
    else:
        yield _text(start + wide / 2, y + 15, "no confidence", "small", "middle")
    bounds = sorted({field.low for row in one.rows for field in row.fields if field.low is not None} | {0.0, 1.0})
    written: list[tuple[float, float]] = []
    for bound in sorted(bounds, key=lambda value: (value not in (0.0, 1.0), value)):
        x, half = _x(bound), len(shown(bound)) * LETTER_WIDE / 2 + 2
        yield f'<path class="tick" d="M{x:.1f} {y:.1f} v4"/>'
        if all(x + half <= left or x - half >= right for left, right in written):
            written.append((x - half, x + half))
            yield _text(x, y + 15, shown(bound), "small", "middle")


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    of_style = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{of_style}>{_escape(text)}</text>'


def _cut(text: str, wide: float) -> str:
    most = int(wide / 9)
    return text if len(text) <= most else f"{text[: most - 1]}…"


__all__: Sequence[str] = ("png", "story", "svg")
