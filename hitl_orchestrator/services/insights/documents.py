"""A report as a document: HTML and PDF with pictures, Markdown, and JSON."""

from collections.abc import Mapping, Sequence

from hitl_orchestrator.insights.frame import polars
from hitl_orchestrator.insights.plots.style import ThemeName
from hitl_orchestrator.services.insights.report import MALFORMED, FullReport

__all__ = ["rendered"]


def rendered(full: FullReport, form: str) -> str | bytes:
    """Return a report as a document of the form html, md, json or pdf; a PDF is bytes.

    Raises:
        InvalidInput: HTML and PDF need the extra `report`, and it is not installed.
    """
    if form == "json":
        return full.report.model_dump_json(indent=2) + "\n"
    from hitl_orchestrator.insights.report import rendering  # noqa: PLC0415 - the other forms need its extra

    if form == "md":
        return rendering.to_markdown(full.report)
    if form == "pdf":
        return rendering.to_pdf(full.report, pictures(full, ("light",)))
    return rendering.to_html(full.report, pictures(full, ("light", "dark"), phone=True))


def pictures(full: FullReport, themes: Sequence[ThemeName], *, phone: bool = False) -> Mapping[str, Mapping[str, str]]:
    """Return the pictures by name: an SVG for each theme, and a text `alt`. Without enough data the text says so.

    With `phone` there are forms for phones too, as `phone` and `phone_dark`.
    """
    from hitl_orchestrator.insights.plots import PICTURES, draw, to_svg  # noqa: PLC0415 - needed by few forms
    from hitl_orchestrator.insights.plots.style import PHONE  # noqa: PLC0415

    metrics, drawn = full.report.metrics, dict[str, dict[str, str]]()
    forms: list[tuple[str, ThemeName, int | None]] = [(theme, theme, None) for theme in themes]
    forms += [("phone", "light", PHONE), ("phone_dark", "dark", PHONE)] if phone else []
    for name, picture in PICTURES.items():
        try:
            charts = {
                form: draw(name, metrics, full.frame, bounds=full.bounds, theme=theme, width=width)
                for form, theme, width in forms
            }
            by_form = {form: to_svg(chart) for form, chart in charts.items() if chart is not None}
            drawn[name] = by_form | {"alt": picture.alt(metrics)}
        except (polars().exceptions.PolarsError, *MALFORMED) as exc:
            drawn[name] = {"alt": f"This picture cannot be drawn: a row has a strange form ({type(exc).__name__})."}
    return drawn
