"""Draw the pictures of the documentation as SVG: the flow of a case, the layers of the package, the states of a review.

Each picture has its own background and follows the color scheme of the page, so that it reads in light and dark mode.
`python docs/generate.py` writes the files.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 960, 408
MIDDLE, TALL = 104, 54

TITLE = "The flow of a case"
DESCRIPTION = (
    "A task with an agent output is classified, scored and routed. auto_approve, green, leads straight to finalize. "
    "human_review, yellow, and escalate, red, lead to a node that waits for a reviewer; a case that a reviewer "
    "escalates moves up the chain of roles. finalize writes the audit record."
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
    """A position in the picture, in pixels."""

    x: float
    y: float


def flow() -> str:
    """Return the flow of a case: the five nodes, the three routes, the pause and the escalation."""
    return _picture(TITLE, DESCRIPTION, HEIGHT, [*_automatic(), *_reviewer(), *_tables()])


def architecture(layers: Sequence[Sequence[str]]) -> str:
    """Return the layers of the package, the highest first; each layer lists its modules and packages."""
    height = 62 * len(layers) + 84
    description = "From the highest layer to the lowest: " + "; ".join(", ".join(layer) for layer in layers)
    parts = []
    for row, layer in enumerate(layers):
        top, gap = 30 + 62 * row, 12
        width = (WIDTH - 150 - gap * (len(layer) - 1)) / len(layer)
        parts.append(_text(58, top + 29, str(len(layers) - row), "small"))
        for column, name in enumerate(layer):
            parts.append(_box("node", 100 + column * (width + gap), top + 24, width, 44, (name, "name")))
    bottom = height - 44
    parts += [_path("", f"M 26 30 V {bottom - 9}", Point(26, bottom), (0, 1))]
    parts.append(_text(100, height - 20, "A module imports only from lower layers.", "small", "start"))
    return _picture("The layers of hitl_orchestrator", description, height, parts)


def review_states(endings: Mapping[str, str]) -> str:
    """Return the states of a review. `endings` maps each verb that ends a review to the state it leads to."""
    height = 42 * len(endings) + 44
    middle = height / 2
    parts = [
        *_state(40, middle, "open"),
        *_state(330, middle, "claimed"),
        _path("", f"M 190 {middle - 12} H 321", Point(330, middle - 12), (1, 0)),
        _text(260, middle - 20, "claim"),
        _path("", f"M 330 {middle + 12} H 199", Point(190, middle + 12), (-1, 0)),
        _text(260, middle + 32, "release, lapse"),
        _path("", f"M 380 {middle - 27} C 370 {middle - 74}, 430 {middle - 74}, 424 {middle - 36}",
              Point(422, middle - 27), (0, 1)),
        _text(402, middle - 72, "claim, delegate"),
        f'<rect class="end" x="24" y="{middle - 94}" width="472" height="180" rx="10"/>',
        _text(40, middle + 70, "not ended", "small", "start"),
    ]  # fmt: skip
    for row, (verb, state) in enumerate(endings.items()):
        y = 43 + 42 * row
        parts += [
            _path("", f"M 496 {middle} H 540 V {y} H 731", Point(740, y), (1, 0)),
            _text(640, y - 7, verb),
            _box("end", 740, y, 180, 32, (state, "name")),
        ]
    names = ", ".join(endings.values())
    return _picture("The states of a review", f"open and claimed, and the final states {names}", height, parts)


def _state(x: float, middle: float, name: str) -> list[str]:
    return [_box("wait", x, middle, 150, TALL, (name, "name"))]


def _picture(title: str, description: str, height: float, parts: Iterable[str]) -> str:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title description">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(description)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="14"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _automatic() -> list[str]:
    """Return the upper row: the steps without a reviewer."""
    return [
        _box("end", 24, MIDDLE, 124, TALL, ("task", ""), ("+ agent output", "")),
        _arrow("", Point(148, MIDDLE), Point(184, MIDDLE)),
        *_node(184, "classify", "output and risk", "of the task"),
        _arrow("", Point(288, MIDDLE), Point(324, MIDDLE)),
        *_node(324, "score", "confidence", "and signals"),
        _arrow("", Point(428, MIDDLE), Point(464, MIDDLE)),
        *_node(464, "route", "first rule", "that matches"),
        _arrow("green", Point(568, MIDDLE), Point(692, MIDDLE)),
        _text(628, MIDDLE - 10, "auto_approve", "route green"),
        *_node(692, "finalize", "exactly one", "outcome"),
        _arrow("", Point(796, MIDDLE), Point(832, MIDDLE)),
        _box("end", 832, MIDDLE, 104, TALL, ("audit record", "")),
    ]


def _reviewer() -> list[str]:
    """Return the lower right: the two routes to a reviewer, the pause, the decision and the escalation."""
    left, top, right, bottom = 656, 236, 888, 310
    return [
        _path("red", f"M 538 {MIDDLE + TALL / 2} V 256 H {left - 9}", Point(left, 256), (1, 0)),
        _text(546, 248, "escalate", "route red", "start"),
        _path("yellow", f"M 494 {MIDDLE + TALL / 2} V 290 H {left - 9}", Point(left, 290), (1, 0)),
        _text(502, 282, "human_review", "route yellow", "start"),
        f'<rect class="wait" x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" rx="10"/>',
        *(f'<rect class="tip yellow" x="{x}" y="258" width="7" height="28" rx="1.5"/>' for x in (680, 693)),
        _text(716, 268, "human_review", "name", "start"),
        _text(716, 288, "waits for a reviewer", "small", "start"),
        _path("", f"M 744 {top} V {MIDDLE + TALL / 2 + 9}", Point(744, MIDDLE + TALL / 2), (0, -1)),
        _text(756, 178, "decision: approve, reject,", "", "start"),
        _text(756, 195, "modify or override", "", "start"),
        _path("red", f"M 836 {bottom} C 836 356, 708 356, 708 {bottom + 9}", Point(708, bottom), (0, -1)),
        _text(772, 366, "escalate: next role in the chain", "route red"),
        _text(772, 386, "domain_reviewer, senior_manager, compliance_officer", "small"),
    ]


def _tables() -> list[str]:
    """Return the lower left: the tables that hold the state."""
    left, top, width, height = 24, 236, 404, 108
    rows = (
        ("cases", "received, waiting, decided, finished"),
        ("reviews", "the inbox; the first decision is final"),
        ("events", "the ledger: append-only, one outcome per case"),
    )
    lines = [
        f'<rect class="end" x="{left}" y="{top}" width="{width}" height="{height}" rx="10"/>',
        _text(left + 16, top + 26, "The tables are the source of truth; the graph executes.", "", "start"),
    ]
    for row, (name, description) in enumerate(rows):
        y = top + 52 + 21 * row
        lines += [_text(left + 16, y, name, "route", "start"), _text(left + 86, y, description, "small", "start")]
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


def _text(x: float, y: float, content: str, kind: str = "", anchor: str = "middle") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(content)}</text>'


def _arrow(color: str, start: Point, end: Point) -> str:
    return _path(color, f"M {start.x} {start.y} H {end.x - 9}", end, (1, 0))


def _path(color: str, way: str, end: Point, heading: tuple[int, int]) -> str:
    """Draw a line along the SVG path `way`, with an arrow head at `end`."""
    along, across = heading
    back = Point(end.x - 11 * along, end.y - 11 * across)
    wings = f"{back.x - 6 * across:g},{back.y - 6 * along:g} {back.x + 6 * across:g},{back.y + 6 * along:g}"
    return (
        f'<path class="{f"line {color}".strip()}" d="{way}"/>'
        f'<polygon class="{f"tip {color}".strip()}" points="{end.x:g},{end.y:g} {wings}"/>'
    )
