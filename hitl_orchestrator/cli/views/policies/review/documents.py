"""Parts with verdicts as one document, in Markdown or in HTML that loads nothing."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Protocol

from hitl_orchestrator.cli.output.blocks import Block, Line, Strip, Table
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible

_STEP = 2
_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_#|<>[]~"})
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_LOOK = """
:root{color-scheme:light dark}
body{font:16px/1.5 ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif;max-width:60em;margin:2em auto;
padding:0 1em;overflow-wrap:anywhere}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em;border-top:1px solid #8886;padding-top:1em}
ul.verdicts{list-style:none;padding:0}ul.verdicts li{border-left:5px solid #8889;padding:.2em .8em;margin:.4em 0}
li.good{border-color:#2e8b57!important}li.watch{border-color:#b7791f!important}li.bad{border-color:#d9534f!important}
p{margin:.25em 0}p.i1{margin-left:1.2em}p.i2,p.i3{margin-left:2.4em}
.dim{opacity:.7}.strong{font-weight:600}.gap{height:.6em}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.5em 0}
td,th{padding:.2em .9em .2em 0;text-align:left;vertical-align:top;border-bottom:1px solid #8884}
td.n,th.n{text-align:right}pre{overflow-x:auto;line-height:1.25;font-size:13px}
blockquote{border-left:3px solid #8886;margin:.3em 0;padding-left:.8em}svg{max-width:100%;height:auto}
"""


class Part(Protocol):
    """A part of a document."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def tone(self) -> str:
        """Whether its verdict is good, to be watched, bad or unknown."""

    @property
    def verdict(self) -> str:
        """What it comes to, in a sentence."""

    @property
    def blocks(self) -> Sequence[Block]:
        """Its contents."""

    @property
    def picture(self) -> str:
        """An SVG that shows its contents; empty for none."""


def markdown(title: str, parts: Sequence[Part]) -> str:
    """Return a document in Markdown: the verdicts, then each part."""
    lines = [f"# {_inside(title)}", ""]
    lines += [f"- **{_inside(part.title)}** ({part.tone}): {_inside(part.verdict)}" for part in parts]
    for part in parts:
        lines += ["", f"## {_inside(part.title)}", "", f"{_inside(part.verdict)}.", ""]
        for is_strip, blocks in groupby(part.blocks, key=lambda block: isinstance(block, Strip)):
            listed = list(blocks)
            if is_strip:
                lines += ["```", *(_strip(block) for block in listed if isinstance(block, Strip)), "```", ""]
            else:
                lines += [line for block in listed for line in _markdown(block)]
    return "\n".join(lines).rstrip() + "\n"


def _markdown(block: Block) -> Iterator[str]:
    if isinstance(block, Line) and block.text:
        quoted = "> " if block.quoted else ""
        for line in block.text.splitlines():
            yield f"{quoted}{'  ' * max(block.indent // _STEP - 1, 0)}{'- ' if block.indent else ''}{_inside(line)}"
        if not block.indent:
            yield ""
    elif isinstance(block, Table):
        yield ""
        yield f"| {' | '.join(_inside(column.name) or ' ' for column in block.columns)} |"
        yield f"|{'|'.join('---:' if column.right else '---' for column in block.columns)}|"
        for row in block.rows:
            yield f"| {' | '.join(_inside(cell.text) or ' ' for cell in row)} |"
        yield ""
    elif isinstance(block, Line):
        yield ""


def _inside(text: str) -> str:
    """Return a text within a line of Markdown, which shows it as it is."""
    return " ".join(escape_invisible(text).split()).translate(_SIGNS)


def _strip(block: Strip) -> str:
    return escape_invisible(" " * block.indent + "".join(cell.text for cell in block.cells)).rstrip()


def html(title: str, parts: Sequence[Part]) -> str:
    """Return a document as one HTML file, for light and dark pages and for phones: no script, nothing to load."""
    verdicts = "".join(
        f'<li class="{escape(part.tone)}"><b>{_text(part.title)}</b>: {_text(part.verdict)}</li>' for part in parts
    )
    body = "".join(_section(part) for part in parts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_LOOK}</style></head><body>"
        f'<h1>{_text(title)}</h1><ul class="verdicts">{verdicts}</ul>{body}</body></html>\n'
    )


def _section(part: Part) -> str:
    shown = part.picture or "".join(_html(part.blocks))
    return f"<h2>{_text(part.title)}</h2><p class=strong>{_text(part.verdict)}.</p>{shown}"


def _html(blocks: Sequence[Block]) -> Iterator[str]:
    for is_strip, group in groupby(blocks, key=lambda block: isinstance(block, Strip)):
        if is_strip:
            lines = "\n".join(_strip(block) for block in group if isinstance(block, Strip))
            yield f"<pre>{escape(lines)}</pre>"
            continue
        for block in group:
            if isinstance(block, Table):
                yield _table(block)
            elif isinstance(block, Line):
                yield _paragraph(block)


def _paragraph(line: Line) -> str:
    if not line.text:
        return '<div class="gap"></div>'
    text = "<br>".join(map(_text, line.text.splitlines()))
    if line.quoted:
        return f"<blockquote>{text}</blockquote>"
    look = f"i{min(line.indent // _STEP, 3)}{' dim' if 'dim' in line.style else ''}"
    return f'<p class="{look}{" strong" if "bold" in line.style else ""}">{text}</p>'


def _table(table: Table) -> str:
    sides = ['class="n"' if column.right else "" for column in table.columns]
    head = "".join(f"<th {side}>{_text(each.name)}</th>" for side, each in zip(sides, table.columns, strict=True))
    rows = "".join(
        f"<tr>{''.join(f'<td {side}>{_text(cell.text)}</td>' for side, cell in zip(sides, row, strict=True))}</tr>"
        for row in table.rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _text(text: str) -> str:
    """Return a text for HTML, with markup and invisible characters escaped."""
    return escape(escape_invisible(text))
