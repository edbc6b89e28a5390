"""The picture of a decision map: plain SVG, readable on light and on dark pages and on a phone, or a PNG."""

from collections.abc import Iterator
from html import escape
from textwrap import wrap
from typing import NamedTuple

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.policies.analysis.maps.model import (
    FLAT_HEAD,
    LETTER,
    MEANING,
    OF_LETTERS,
    OF_PANELS,
    Field,
    FlatContext,
    Notes,
    Panel,
    joined,
)
from hitl_orchestrator.policies.language.phrases import format_value


class PolicyMap(NamedTuple):
    """The panels of a policy, those in which something goes ahead first, and its flat contexts in order of evaluation.

    `more` panels are left out, `more_approving` of them with something that goes ahead, and `more_flat` flat contexts.
    """

    policy_id: str
    bounds: tuple[float, ...]
    panels: tuple[Panel, ...]
    flat: tuple[FlatContext, ...]
    more: int
    more_approving: int
    more_flat: int
    layers: tuple[str, ...]

    def _repr_svg_(self) -> str:
        return svg(self)

    @property
    def summary(self) -> str:
        """Return in one or two sentences what goes ahead and what is left out."""
        shown = sum(panel.approves for panel in self.panels)
        total = shown + self.more_approving
        if not total:
            text = "Nothing goes ahead without a person."
        elif self.more_approving:
            text = f"Something goes ahead in {total} panels: {shown} are shown, {self.more_approving} are not."
        else:
            text = "Something goes ahead in " + ("one panel." if total == 1 else f"{total} panels, shown first.")
        return f"{text} Of all layers, the strictest answer counts." if len(self.layers) > 1 else text

    @property
    def left_out(self) -> tuple[str, ...]:
        """Return a line for the panels and the flat contexts that are left out."""
        lines = []
        if self.more:
            goes = f"in {self.more_approving or 'none'} of which something goes ahead"
            lines.append(f"and {self.more} more panel{'s' * (self.more > 1)}, {goes}")
        if self.more_flat:
            lines.append(f"and {self.more_flat} more line{'s' * (self.more_flat > 1)}, in which nothing goes ahead")
        return tuple(lines)

    @property
    def is_layered(self) -> bool:
        """Whether panels and lines need the names of their layers."""
        return len(self.layers) > 1


class Layout(NamedTuple):
    """The measures of the picture, in pixels: its width, its margin, the columns of a panel, and of a line."""

    wide: int
    margin: int
    names: int
    missing: int
    row: int
    letters: int
    rule: int
    stacked: bool = False

    @property
    def inner(self) -> int:
        """The width without the margins."""
        return self.wide - 2 * self.margin

    @property
    def start(self) -> float:
        """The left end of the fields without a confidence."""
        return self.margin + self.names

    @property
    def scale(self) -> float:
        """The width of the confidences from 0 to 1."""
        return self.inner - self.names - self.missing - GAP - 6

    def x(self, confidence: float) -> float:
        """Return the place of a confidence."""
        return self.start + self.missing + GAP + confidence * self.scale


WIDE = Layout(wide=880, margin=28, names=94, missing=88, row=40, letters=70, rule=170)
PHONE = Layout(wide=390, margin=14, names=64, missing=46, row=40, letters=62, rule=0, stacked=True)
GAP, LINE, TICK, CHIP = 10, 19, 17, 17
LETTER_WIDE, TITLE_WIDE = 7.2, 8.5
"""The average width of a letter in a wide font. A label that would not fit is left out."""
NAME = {Action.AUTO_APPROVE: "green", Action.HUMAN_REVIEW: "amber", Action.ESCALATE: "red", None: "silent"}
STYLE = """
  text { font: 13px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #1f2328; }
  .head { font-weight: 600; font-size: 17px; } .title { font-weight: 600; font-size: 14px; }
  .layer { font-weight: 600; font-size: 12px; fill: #59636e; letter-spacing: 0.06em; }
  .small { font-size: 12px; fill: #59636e; } .strong { font-weight: 600; }
  .card { fill: #ffffff; stroke: #d1d9e0; } .rule { stroke: #d1d9e0; }
  .field { stroke: #ffffff; stroke-width: 1.5; }
  .green { fill: #aee5b9; } .amber { fill: #f7dd8b; } .red { fill: #f5b1ab; } .silent { fill: #e6eaef; }
  .mark { stroke: #1f2328; stroke-opacity: 0.16; stroke-width: 1.4; fill: none; }
  .tick { stroke: #8c959f; }
"""
DARK = """
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .small { fill: #9ba5b0; } .layer { fill: #9ba5b0; }
    .card { fill: #12161c; stroke: #3d444d; } .rule { stroke: #3d444d; } .field { stroke: #12161c; }
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


def svg(drawn: PolicyMap, layout: Layout = WIDE, *, dark: bool = True) -> str:
    """Return the map as SVG. Without `dark` it has no media query, for renderers that do not support them."""
    page = _Page(layout)
    title = f"Decisions of {drawn.policy_id}"
    page.text(title, "head", most=1, letter=10.4)
    page.y += 5
    page.text(drawn.summary, letter=LETTER_WIDE)
    _legend(page, drawn)
    if drawn.panels:
        page.text(OF_PANELS, "small", letter=6.8)
    layer = None if drawn.is_layered else drawn.layers[0]
    for panel in drawn.panels:
        layer = _layer(page, layer, panel.layer)
        _panel(page, panel)
    _lines(page, drawn)
    for line in drawn.left_out:
        page.y += 6
        page.text(line, "small", letter=6.8)
    height = round(page.y + layout.margin - 8)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.wide} {height}" width="{layout.wide}" '
            f'height="{height}" role="img" aria-labelledby="map-title map-story">',
            f'<title id="map-title">{_escape(title)}</title>',
            f'<desc id="map-story">{_escape(story(drawn))}</desc>',
            f"<style>{STYLE}{DARK if dark else ''}</style>",
            PATTERNS,
            f'<rect class="card" x="0.5" y="0.5" width="{layout.wide - 1}" height="{height - 1}" rx="14"/>',
            *page.parts,
            "</svg>",
            "",
        ]
    )


def png(drawn: PolicyMap, layout: Layout = WIDE) -> bytes:
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
    return bytes(svg_to_png(svg(drawn, layout, dark=False), scale=2))


def story(drawn: PolicyMap) -> str:
    """Return the map in words, for screen readers."""
    sentences = [drawn.summary]
    for panel in drawn.panels:
        rows = (f"{row.risk} risk: {', '.join(map(_phrase, row.fields))}" for row in panel.rows)
        sentences.append(f"{_named(drawn, panel.layer, panel.title)}: {'; '.join(rows)}.")
    for line in drawn.flat:
        actions = ", ".join(action or "silent" for action in line.actions)
        sentences.append(f"{_named(drawn, line.layer, line.where)}: {actions} by {line.named}.")
    return " ".join((*sentences, *(f"{line[:1].upper()}{line[1:]}." for line in drawn.left_out)))


def _named(drawn: PolicyMap, layer: str, where: str) -> str:
    text = f"{layer}: {where}" if drawn.is_layered else where
    return text[:1].upper() + text[1:]


def _phrase(field: Field) -> str:
    answer = f"{field.action or 'silent'} by {field.rule_id or 'no rule'}"
    return f"{answer} from {format_value(field.low)} to {format_value(field.high)}"


class _Page:
    """The parts of a picture, from top to bottom. `y` is the lower edge of what is drawn so far."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.y, self.parts = layout, float(layout.margin - 8), list[str]()

    def text(self, text: str, style: str = "", *, letter: float, indent: float = 0, most: int = 99) -> None:
        """Add a text, wrapped to the page; of more than `most` lines the rest is cut off, with a sign for it."""
        fits = int((self.layout.inner - indent) / letter)
        lines = wrap(escape_invisible(text), fits) or [""]
        if len(lines) > most:
            lines = [*lines[: most - 1], f"{' '.join(lines[most - 1 :])[: fits - 1]}\u2026"]
        for line in lines:
            self.y += LINE
            self.parts.append(_text(self.layout.margin + indent, self.y, line, style))


def _layer(page: _Page, before: str | None, layer: str) -> str:
    """Add the name of a layer where it changes, and return it."""
    page.y += 16
    if layer != before:
        page.text(layer.upper(), "layer", letter=9.6)
    return layer


def _legend(page: _Page, drawn: PolicyMap) -> None:
    fields = [field for panel in drawn.panels for row in panel.rows for field in (*row.missing, *row.fields)]
    used = {*(field.action for field in fields), *(action for line in drawn.flat for action in line.actions)}
    named: list[Action | None] = [*Action, *([None] if None in used else [])]
    x, page.y = float(page.layout.margin), page.y + 9
    page.y += LINE
    for action in named:
        text = f"{LETTER[action]}  {MEANING[action]}"
        wide = 29 + len(text) * 6.8
        if x + wide > page.layout.wide - page.layout.margin:
            x, page.y = float(page.layout.margin), page.y + LINE + 3
        page.parts += _filled(_Box(x, x + 22, page.y - 12, 15), NAME[action])
        page.parts.append(_text(x + 29, page.y, text, "small"))
        x += wide + 12
    page.y += 3


def _escape(text: str) -> str:
    """Return a text escaped for XML, with invisible characters written out, as in the terminal."""
    return escape(escape_invisible(text))


class _Box(NamedTuple):
    """The left and right ends of a field, its upper edge and its height."""

    x: float
    end: float
    y: float
    tall: float


def _panel(page: _Page, panel: Panel) -> None:
    page.text(panel.title[:1].upper() + panel.title[1:], "title", letter=TITLE_WIDE)
    page.y += 7
    layout, notes = page.layout, Notes()
    for row in panel.rows:
        name = f"{row.risk} risk" if not layout.stacked else str(row.risk)
        page.parts.append(_text(layout.start - 10, page.y + layout.row / 2 + 4, name, "", "end"))
        # A rule that also decides the adjacent confidences needs no note of its own.
        beside = any(row.fields[0][:2] == field[:2] for field in row.missing)
        page.parts += _missing(page, row.missing, panel.parts_missing, row.risk, {} if beside else notes)
        for field in row.fields:
            box = _Box(layout.x(field.low or 0), layout.x(field.high or 0), page.y, layout.row)
            page.parts += _field(field, box, row.risk, notes)
        page.y += layout.row
    page.parts += _ticks(layout, panel, page.y)
    page.y += TICK + (TICK if panel.parts_missing else 0)
    if notes:
        lines = "; ".join(note.replace(" ", "\u00a0") for note in joined(notes, len(panel.rows)))
        page.text(lines, "small", letter=7, indent=0 if layout.stacked else layout.names)


def _missing(page: _Page, fields: tuple[Field, Field], split: bool, risk: str, notes: Notes) -> Iterator[str]:
    x, wide, y, tall = page.layout.start, page.layout.missing, page.y, page.layout.row
    if not split:
        yield from _field(fields[1], _Box(x, x + wide, y, tall), risk, notes)
        return
    yield from _field(fields[0], _Box(x, x + wide / 2, y, tall), risk, notes)
    yield from _field(fields[1], _Box(x + wide / 2, x + wide, y, tall), risk, notes)


def _field(field: Field, box: _Box, risk: str, notes: Notes) -> Iterator[str]:
    """Yield a field with its label; of a label that is too wide the letter stays, and a note below has the rest."""
    tooltip = f"{field.action or 'silent'}: {field.rule_id or 'no rule matches'}"
    label, letter, room = field.label, LETTER[field.action], box.end - box.x
    yield f"<g><title>{_escape(tooltip)}</title>"
    yield from _filled(box, NAME[field.action])
    if field.rule_id and len(escape_invisible(label)) * LETTER_WIDE > room - 8:
        known = field.low is not None
        stretch = f"{format_value(field.low)} to {format_value(field.high)}" if known else "without a confidence"
        notes.setdefault((stretch, label), []).append(risk)
        label = letter if room > LETTER_WIDE + 4 else ""
    if label:
        yield _text((box.x + box.end) / 2, box.y + box.tall / 2 + 4, label, "", "middle")
    yield "</g>"


def _filled(box: _Box, name: str) -> Iterator[str]:
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.end - box.x:.1f}" height="{box.tall:g}"'
    yield f'<rect class="field {name}" {place}/>'
    if name in {"amber", "red"}:
        yield f'<rect fill="url(#{name})" {place}/>'


def _ticks(layout: Layout, panel: Panel, y: float) -> Iterator[str]:
    """Yield the bounds below a panel. A number that would overlap another one is left out."""
    start, wide = layout.start, layout.missing
    if panel.parts_missing:
        yield _text(start + wide / 4, y + 15, "no", "small", "middle")
        yield _text(start + wide / 2 - 4, y + 12 + TICK, "proposal", "small", "end")
        yield _text(start + wide * 3 / 4, y + 15, "no", "small", "middle")
        yield _text(start + wide / 2 + 4, y + 12 + TICK, "confidence", "small")
    else:
        yield _text(start + wide / 2, y + 15, "none" if layout.stacked else "no confidence", "small", "middle")
    bounds = sorted({field.low for row in panel.rows for field in row.fields if field.low is not None} | {0.0, 1.0})
    written: list[tuple[float, float]] = []
    for bound in sorted(bounds, key=lambda value: (value not in (0.0, 1.0), value)):
        x, half = layout.x(bound), len(format_value(bound)) * LETTER_WIDE / 2 + 2
        yield f'<path class="tick" d="M{x:.1f} {y:.1f} v4"/>'
        if all(x + half <= left or x - half >= right for left, right in written):
            written.append((x - half, x + half))
            yield _text(x, y + 15, format_value(bound), "small", "middle")


def _lines(page: _Page, drawn: PolicyMap) -> None:
    """Add the flat contexts: their letters, the deciding rules and the contexts."""
    if not drawn.flat:
        return
    layout = page.layout
    page.y += 20
    page.parts.append(f'<path class="rule" d="M{layout.margin} {page.y:.1f} h{layout.inner}"/>')
    page.y += 6
    page.text(FLAT_HEAD, "title", letter=TITLE_WIDE)
    page.text(OF_LETTERS, "small", letter=6.8)
    layer = None if drawn.is_layered else drawn.layers[0]
    for line in drawn.flat:
        layer = _layer(page, layer, line.layer) if line.layer != layer else layer
        _line(page, line)


def _line(page: _Page, line: FlatContext) -> None:
    layout, top = page.layout, page.y + 8
    for place, action in enumerate(line.actions):
        x = layout.margin + place * (CHIP + 3)
        page.parts += _filled(_Box(x, x + CHIP, top, CHIP), NAME[action])
        page.parts.append(_text(x + CHIP / 2, top + 13, LETTER[action], "", "middle"))
    page.y = top + 13 - LINE
    page.text(line.named, "strong", letter=7.9, indent=layout.letters)
    beside = layout.rule and len(escape_invisible(line.named)) * 7.9 < layout.rule
    page.y -= LINE if beside else 0
    page.text(line.where, letter=LETTER_WIDE, indent=layout.letters + (layout.rule if beside else 0))


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    of_style = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{of_style}>{_escape(text)}</text>'
