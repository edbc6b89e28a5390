"""The report as HTML, Markdown and PDF. All three render the same content, so they say the same."""

from hitl_orchestrator.insights.report.rendering.html import to_html
from hitl_orchestrator.insights.report.rendering.markdown import to_markdown
from hitl_orchestrator.insights.report.rendering.pdf import to_pdf

__all__ = ["to_html", "to_markdown", "to_pdf"]
