"""The report as one HTML file: it needs no script and no other file, and loads nothing."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.insights.report.model import Report
from hitl_orchestrator.insights.report.rendering.blocks import TOP, Interval, Section, Table
from hitl_orchestrator.insights.report.rendering.content import document
from hitl_orchestrator.insights.report.rendering.svg import picture

if TYPE_CHECKING:
    from jinja2 import Environment, Template

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may load: nothing. It may use the styles that it contains."""

_JOINTS = re.compile(r"(?<=[_/:@-])(?=\w)|(?<=\.)(?=[^\W\d])")
_LINE = 56
"""The length of the line from 0 to 100 %, in pixels."""


class Chapter(NamedTuple):
    """One entry of the table of contents, with the entries below it."""

    section: Section
    parts: list[Section]


def to_html(report: Report, pictures: Mapping[str, Mapping[str, str]]) -> str:
    """Return the report as HTML. `pictures` maps names to `{"light": svg, "dark": svg, "alt": text}`.

    With `phone` and `phone_dark` a picture has a form for phones too.

    Raises:
        InvalidInput: Jinja2 is not installed, or a picture is not an SVG.
    """
    made = document(report)
    drawn = {name: _drawn(name, picture_) for name, picture_ in pictures.items()}
    return _template().render(document=made, chapters=chapters(made.sections), pictures=drawn, policy=POLICY)


def chapters(sections: tuple[Section, ...]) -> list[Chapter]:
    """Return the table of contents."""
    listed: list[Chapter] = []
    for section in sections:
        if section.level == TOP or not listed:
            listed.append(Chapter(section, []))
        else:
            listed[-1].parts.append(section)
    return listed


def _drawn(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return a picture for the template; without an SVG its text says why there is none."""
    light, phone = given.get("light"), given.get("phone")
    return {
        "svg": picture(light, given.get("dark"), name) if light else "",
        "phone": picture(phone, given.get("phone_dark"), f"{name}-phone") if light and phone else "",
        "alt": given.get("alt", ""),
    }


def _line(interval: Interval) -> dict[str, str]:
    """Return the ends of an interval and its point, in pixels of its line."""
    return {name: f"{3 + value * (_LINE - 6):.1f}" for name, value in interval._asdict().items()}


def _widths(table: Table) -> list[int]:
    """Return the widths of the columns, in percent."""
    total = sum(column.weight for column in table.columns)
    return [int(100 * column.weight / total) for column in table.columns]


def _parts(text: str) -> list[str]:
    """Return a text in parts between which a line may be broken: after the signs that join the parts of a name."""
    return [part for part in _JOINTS.split(text) if part]


@cache
def _template() -> "Template":
    return _environment().get_template("page.html.j2")


def _environment() -> "Environment":
    try:
        jinja2 = import_module("jinja2")
    except ImportError:
        raise InvalidInput([f"an HTML report needs Jinja2, which is missing; {install_hint('report')}"]) from None
    made: Environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.PackageLoader(__package__ or "", "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["kind"] = lambda block: type(block).__name__
    made.filters["line"] = _line
    made.filters["widths"] = _widths
    made.filters["parts"] = _parts
    return made
