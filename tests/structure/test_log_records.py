"""Every log record of the package names its case and its event, so that a log can be searched by both."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "hitl_orchestrator"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def test_every_log_record_has_extra_fields():
    calls = [
        (path.relative_to(PACKAGE), node)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and ast.unparse(node.func.value) in {"_log", "log", "logger"}
    ]
    without = [f"{path}:{node.lineno}" for path, node in calls if "extra" not in {each.arg for each in node.keywords}]

    assert len(calls) > 15
    assert without == []
