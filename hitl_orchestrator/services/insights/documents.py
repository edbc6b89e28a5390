"""A report as a document: HTML and PDF with pictures, Markdown, and JSON."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from hitl_orchestrator.services.insights.report import FullReport

__all__ = ["rendered"]

Theme = Literal["light", "dark", "grey"]


def rendered(full: FullReport, form: str) -> str | bytes:
    """Return a report as a document of the form html, md, json or pdf; a PDF is bytes.

    Raises:
        InvalidInput: HTML and PDF need the extra `report`, and it is not installed.
    """
    if form == "json":
        return full.report.model_dump_json(indent=2) + "\n"
    from hitl_orchestrator.insights.report import rendering  # noqa: PLC0415 - each form needs its own extra

    if form == "md":
        return rendering.to_markdown(full.report)
    if form == "pdf":
        return rendering.to_pdf(full.report, pictures(full, ("light",)))
    return rendering.to_html(full.report, pictures(full, ("light", "dark")))


def pictures(full: FullReport, themes: Sequence[Theme]) -> Mapping[str, Mapping[str, str]]:
    """Return the pictures that the data are enough for: by name, an SVG text for each theme, and the text `alt`."""
    if find_spec("hitl_orchestrator.insights.plots") is None:
        return {}
    plots: Any = import_module("hitl_orchestrator.insights.plots")

    drawn: dict[str, dict[str, str]] = {}
    for name, picture in plots.PICTURES.items():
        by_theme: dict[str, str] = {}
        for theme in themes:
            chart = plots.draw(name, full.report.metrics, full.frame, bounds=full.bounds, theme=theme)
            if chart is not None:
                by_theme[theme] = plots.to_svg(chart)
        if by_theme:
            drawn[name] = by_theme | {"alt": picture.alt(full.report.metrics)}
    return drawn
