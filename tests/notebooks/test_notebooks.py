"""Each notebook runs, shows the committed outputs, and imports public names only."""

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import hitl_orchestrator
from hitl_orchestrator import integrations, policies, testing
from hitl_orchestrator.insights import plots

ROOT = Path(__file__).parents[2]
PACKAGES = (hitl_orchestrator, integrations, plots, policies, testing)
PUBLIC = {package.__name__: package.__all__ for package in PACKAGES}

every_notebook = pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem
)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@every_notebook
def test_a_notebook_runs_and_shows_the_committed_outputs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    command = [sys.executable, ROOT / "tools" / "notebooks.py", "--check", path]

    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)

    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@every_notebook
def test_every_code_cell_is_committed_as_run_and_shows_no_dictionary(path):
    cells = code_cells(path)
    shown = [output.get("data", {}).get("text/plain", "") for cell in cells for output in cell.outputs]

    assert [cell.id for cell in cells if cell.execution_count is None] == []
    assert [text for text in shown if text.startswith(("{", "[{"))] == []


@every_notebook
def test_a_notebook_imports_public_names_only(path):
    tree = ast.parse("\n".join(cell.source for cell in code_cells(path)))
    ours = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("hitl_orchestrator")
        for alias in node.names
    ]

    assert [(module, name) for module, name in ours if name not in PUBLIC.get(module, ())] == []
