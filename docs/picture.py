"""Draws docs/img/flow.svg: the five nodes of a case, its three routes, the pause, and the loop up the chain.

Plain SVG on a card of its own, so that it reads on light and on dark pages. `python docs/generate.py` writes it.
"""

from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 960, 408
MIDDLE, TALL = 104, 54

TITLE = "The flow of a case"
STORY = (
    "A task with an agent output is classified, scored and routed. auto_approve, green, leads straight to finalize. "
    "human_review, yellow, and escalate, red, lead to a node that waits for a person; a case that is escalated again "
    "is passed up the chain. finalize writes the audit record."
)

STYLE = """
  text { font: 13px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .name { font-weight: 600; font-size: 15px; }
  .small { font-size: 12px; fill: #59636e; }
  .card { fill: #ffffff; stroke: #d1d9e0; }
  .node { fill: #f3f5f8; stroke: #59636e; stroke-width: 1.5; }
  .end { fill: none; stroke: #8c959f; stroke-width: 1.2; stroke-dasharray: 4 3; }
  .wait { fill: #fff8dc; stroke: #9a6700; stroke-width: 2; }
  .line { fill: none; stroke: #59636e; stroke-width: 1.8; }
  .tip { fill: #59636e; }
  .line.green { stroke: #1a7f37; stroke-width: 2.4; } .green.tip, text.green { fill: #1a7f37; }
  .line.yellow { stroke: #9a6700; stroke-width: 2.4; } .yellow.tip, text.yellow { fill: #9a6700; }
  .line.red { stroke: #cf222e; stroke-width: 2.4; } .red.tip, text.red { fill: #cf222e; }
  .route { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9ba5b0; }
    .card { fill: #12161c; stroke: #3d444d; } .node { fill: #212830; stroke: #9ba5b0; } .end { stroke: #818b96; }
    .wait { fill: #2e2611; stroke: #d9a514; } .line { stroke: #9ba5b0; } .tip { fill: #9ba5b0; }
    .line.green { stroke: #3fb950; } .green.tip, text.green { fill: #3fb950; }
    .line.yellow { stroke: #d9a514; } .yellow.tip, text.yellow { fill: #d9a514; }
    .line.red { stroke: #f8655c; } .red.tip, text.red { fill: #f8655c; }
  }
"""


class Point(NamedTuple):
    """A place on the card."""

    x: float
    y: float


def flow() -> str:
    """Return the whole picture."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" aria-labelledby="title story">',
        f'<title id="title">{TITLE}</title>',
        f'<desc id="story">{escape(STORY)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="14"/>',
        *_machine(),
        *_person(),
        *_tables(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _machine() -> list[str]:
    """What happens without a person: the upper row."""
    return [
        _box("end", 24, MIDDLE, 124, TALL, ("task", ""), ("+ agent output", "")),
        _arrow("", Point(148, MIDDLE), Point(184, MIDDLE)),
        *_node(184, "classify", "what is proposed,", "and how risky"),
        _arrow("", Point(288, MIDDLE), Point(324, MIDDLE)),
        *_node(324, "score", "how sure, and", "which signals"),
        _arrow("", Point(428, MIDDLE), Point(464, MIDDLE)),
        *_node(464, "route", "the first rule", "that holds"),
        _arrow("green", Point(568, MIDDLE), Point(692, MIDDLE)),
        _text(628, MIDDLE - 10, "auto_approve", "route green"),
        *_node(692, "finalize", "one outcome,", "once"),
        _arrow("", Point(796, MIDDLE), Point(832, MIDDLE)),
        _box("end", 832, MIDDLE, 104, TALL, ("audit record", "")),
    ]


def _person() -> list[str]:
    """What waits for a person: the two ways in, the pause, the way out, and the loop."""
    left, top, right, bottom = 656, 236, 888, 310
    return [
        _path("red", f"M 538 {MIDDLE + TALL / 2} V 256 H {left - 9}", Point(left, 256), (1, 0)),
        _text(546, 248, "escalate", "route red", "start"),
        _path("yellow", f"M 494 {MIDDLE + TALL / 2} V 290 H {left - 9}", Point(left, 290), (1, 0)),
        _text(502, 282, "human_review", "route yellow", "start"),
        f'<rect class="wait" x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" rx="10"/>',
        *(f'<rect class="tip yellow" x="{x}" y="258" width="7" height="28" rx="1.5"/>' for x in (680, 693)),
        _text(716, 268, "human_review", "name", "start"),
        _text(716, 288, "waits for a person", "small", "start"),
        _path("", f"M 744 {top} V {MIDDLE + TALL / 2 + 9}", Point(744, MIDDLE + TALL / 2), (0, -1)),
        _text(756, 178, "a person: approve, reject,", "", "start"),
        _text(756, 195, "modify or override", "", "start"),
        _path("red", f"M 836 {bottom} C 836 356, 708 356, 708 {bottom + 9}", Point(708, bottom), (0, -1)),
        _text(772, 366, "escalate: passed up the chain", "route red"),
        _text(772, 386, "domain_reviewer, senior_manager, compliance_officer", "small"),
    ]


def _tables() -> list[str]:
    """What all of it rests on: the tables."""
    left, top, width, height = 24, 236, 404, 108
    rows = (
        ("cases", "received, waiting, decided, finished"),
        ("reviews", "the inbox; the first answer stands"),
        ("events", "the ledger: only grows, one outcome a case"),
    )
    lines = [
        f'<rect class="end" x="{left}" y="{top}" width="{width}" height="{height}" rx="10"/>',
        _text(left + 16, top + 26, "The tables are the truth; the graph carries it out.", "", "start"),
    ]
    for row, (name, what) in enumerate(rows):
        y = top + 52 + 21 * row
        lines += [_text(left + 16, y, name, "route", "start"), _text(left + 86, y, what, "small", "start")]
    return lines


def _node(x: float, name: str, *captions: str) -> list[str]:
    above = [_text(x + 52, MIDDLE - 58 + 16 * row, line, "small") for row, line in enumerate(captions)]
    return [*above, _box("node", x, MIDDLE, 104, TALL, (name, "name"))]


def _box(kind: str, x: float, middle: float, width: float, height: float, *lines: tuple[str, str]) -> str:
    first = middle + 5 - 8 * (len(lines) - 1)
    texts = "".join(_text(x + width / 2, first + 17 * row, line, style) for row, (line, style) in enumerate(lines))
    return (
        f'<rect class="{kind}" x="{x}" y="{middle - height / 2:g}" width="{width}" height="{height}" rx="10"/>{texts}'
    )


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def _arrow(color: str, start: Point, end: Point) -> str:
    return _path(color, f"M {start.x} {start.y} H {end.x - 9}", end, (1, 0))


def _path(color: str, way: str, end: Point, heading: tuple[int, int]) -> str:
    """Draw a line along `way`, and its tip at `end`."""
    along, across = heading
    back = Point(end.x - 11 * along, end.y - 11 * across)
    wings = f"{back.x - 6 * across:g},{back.y - 6 * along:g} {back.x + 6 * across:g},{back.y + 6 * along:g}"
    return (
        f'<path class="{f"line {color}".strip()}" d="{way}"/>'
        f'<polygon class="{f"tip {color}".strip()}" points="{end.x:g},{end.y:g} {wings}"/>'
    )
