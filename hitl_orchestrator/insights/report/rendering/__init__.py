"""The report as HTML, Markdown and PDF."""

from hitl_orchestrator.insights.report.rendering.html import to_html

__all__ = ["to_html"]
