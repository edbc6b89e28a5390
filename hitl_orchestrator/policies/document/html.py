"""The document as one HTML file with its own style: for light and dark screens, phones and paper. It loads nothing."""

from html import escape

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.policies.document.content import SIGNATURE, SIGNERS, Document, Entry, Section

_LOADS = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --soft: #59636e; --line: #d1d9e0; --page: #ffffff; --mark: #f3f5f8;
  --go: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --text: #f0f6fc; --soft: #9ba5b0; --line: #3d444d; --page: #12161c;
  --mark: #1c222a; --go: #3fb950; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 46rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .4rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h2.ahead { border-bottom: 3px solid var(--go); }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 1rem 0; }
dl.facts dt, .intro, .note { color: var(--soft); } dl.facts dd { margin: 0; }
ol, ul { list-style: none; margin: .5rem 0; padding: 0; }
li { padding: .55rem 0; border-bottom: 1px solid var(--line); break-inside: avoid; }
.place { display: inline-block; min-width: 1.6em; color: var(--soft); font-variant-numeric: tabular-nums; }
.name { font-weight: 600; } .text, .decision, .note { display: block; }
.decision { padding-left: .8rem; border-left: 3px solid var(--line); margin-top: .25rem; }
.ahead ~ ul .decision { border-color: var(--go); }
.note { font-size: .92rem; }
.sign { display: grid; gap: .6rem 1.2rem; grid-template-columns: repeat(4, 1fr); border-bottom: 1px solid var(--line);
  padding: .6rem 0 1rem; break-inside: avoid; }
.sign strong { grid-column: 1 / -1; } .sign span { border-bottom: 1px solid var(--text); height: 2.4em;
  color: var(--soft); font-size: .85rem; }
.map svg { width: 100%; height: auto; } .map .phone { display: none; }
@media (max-width: 40rem) { body { padding: 1.25rem 1rem 3rem; } dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .5rem; } .sign { grid-template-columns: 1fr 1fr; }
  .map .wide { display: none; } .map .phone { display: block; } }
@media print { :root { --text: #000; --soft: #444; --line: #bbb; --page: #fff; --mark: #fff; --go: #000; }
  body { max-width: none; padding: 0; font-size: 10.5pt; } h2 { break-after: avoid; } .map { break-before: page; } }
"""


def to_html(made: Document, maps: tuple[str, str] | None = None) -> str:
    """Return the document as HTML. `maps` are the pictures of the policy for a page and for a phone, as SVG."""
    facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in made.facts)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_LOADS}">',
        f"<title>{_text(made.title)}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{_text(made.title)}</h1>",
        f"<p>{_text(made.description)}</p>" if made.description else "",
        f'<dl class="facts">{facts}</dl>',
        *(_section(section, first=place == 0) for place, section in enumerate(made.sections)),
        _pictures(maps) if maps else "",
        "<h2>Sign-off</h2>",
        *(_signer(signer) for signer in SIGNERS),
        "</main></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _section(section: Section, *, first: bool) -> str:
    entries = "\n".join(map(_entry, section.entries))
    head = '<h2 class="ahead">' if first else "<h2>"
    listed = f"\n<ul>\n{entries}\n</ul>" if section.entries else ""
    return f'<section>{head}{_text(section.title)}</h2><p class="intro">{_text(section.intro)}</p>{listed}</section>'


def _entry(entry: Entry) -> str:
    place = f'<span class="place">{_text(entry.place)}.</span> ' if entry.place else ""
    notes = "".join(f'<span class="note">{_text(note)}</span>' for note in entry.notes)
    spans = (("name", entry.name), ("text", entry.text), ("decision", entry.decision))
    parts = "".join(f'<span class="{kind}">{_text(text)}</span>' for kind, text in spans if text)
    return f"<li>{place}{parts}{notes}</li>"


def _pictures(maps: tuple[str, str]) -> str:
    wide, phone = maps
    # The ids of the second picture must differ from those of the first in one page.
    for name in ("map-title", "map-story", "amber", "red"):
        phone = phone.replace(f'id="{name}"', f'id="{name}-phone"').replace(f"url(#{name})", f"url(#{name}-phone)")
    phone = phone.replace('aria-labelledby="map-title map-story"', 'aria-labelledby="map-title-phone map-story-phone"')
    return f'<section class="map"><h2>Map</h2><div class="wide">{wide}</div><div class="phone">{phone}</div></section>'


def _signer(signer: str) -> str:
    fields = "".join(f"<span>{field}</span>" for field in SIGNATURE)
    return f'<div class="sign"><strong>{_text(signer)}</strong>{fields}</div>'


def _text(text: str) -> str:
    return escape(escape_invisible(" ".join(text.split()))).replace(" %", "&nbsp;%")
