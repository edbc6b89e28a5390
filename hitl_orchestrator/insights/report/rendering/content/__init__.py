"""The content of the report, part by part, from the values of the model."""

from hitl_orchestrator.insights.report.model import Report
from hitl_orchestrator.insights.report.rendering.blocks import Document
from hitl_orchestrator.insights.report.rendering.cells import moment
from hitl_orchestrator.insights.report.rendering.content.definitions import definitions
from hitl_orchestrator.insights.report.rendering.content.findings import findings
from hitl_orchestrator.insights.report.rendering.content.front import front
from hitl_orchestrator.insights.report.rendering.content.governance import governance
from hitl_orchestrator.insights.report.rendering.content.groups import comparisons
from hitl_orchestrator.insights.report.rendering.content.people import people
from hitl_orchestrator.insights.report.rendering.content.trust import struggles, trust

TITLE = "Oversight report"


def document(report: Report) -> Document:
    """Return the report in the order in which it is read: the answer first, then the evidence, then the definitions."""
    return Document(
        title=TITLE,
        generated_at=moment(report.generated_at),
        front=front(report),
        sections=(
            *findings(report),
            *trust(report.metrics),
            *struggles(report.metrics),
            *people(report.metrics),
            *comparisons(report.metrics),
            *governance(report),
            definitions(),
        ),
    )
