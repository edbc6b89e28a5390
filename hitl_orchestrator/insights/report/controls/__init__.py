"""Tables of the controls of frameworks beside the evidence of a report, and the drills among that evidence."""

from collections.abc import Iterable

from hitl_orchestrator.insights.report.controls.drills import Switch, drills_in
from hitl_orchestrator.insights.report.controls.evidence import controls_of
from hitl_orchestrator.insights.report.controls.frameworks import FRAMEWORKS
from hitl_orchestrator.insights.report.model import ControlTable, Report

__all__ = ["FRAMEWORKS", "Switch", "control_tables", "drills_in"]


def control_tables(names: Iterable[str], report: Report) -> tuple[ControlTable, ...]:
    """Return the controls of these frameworks beside the evidence of a report. Raises `KeyError` for another name."""
    return tuple(
        ControlTable(
            framework=name,
            title=FRAMEWORKS[name].title,
            source=FRAMEWORKS[name].source,
            controls=controls_of(FRAMEWORKS[name].rows, report),
        )
        for name in dict.fromkeys(names)
    )
