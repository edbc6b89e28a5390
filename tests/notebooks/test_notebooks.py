"""Every notebook runs from top to bottom, on public names alone, and is committed as it was written."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import hitl_orchestrator
from hitl_orchestrator import policies, testing

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
# What a reader has to see happen; a cell that runs and shows something else would not tell the story.
STORIES = {
    "01_first_case": (
        "classify  writes classification",
        "human_review pauses",
        "modified_and_approved",
        "ReviewAlreadyDecided: review",
        "already decided by 'domain_reviewer': modify",
        "{}\n",
    ),
    "02_review_desk": (
        "approved\nwaiting\nwaiting\nwaiting\n",
        "refund-1 domain_reviewer due",
        '<div class="hitl-card">',
        "NotAuthorized: reviewer 'r01' may not decide this: they have answered this case already",
        "approved [('r01', 'approve'), ('r02', 'approve')]",
        "r02 delegated by r01\nr01\n",
        "modified_and_approved\n{'op': 'replace'",
        "hidden until you have given your own label",
        "own label: Keep - the agent says: Remove 0.88",
        "letter-2 wrong agent_error",
    ),
    "03_policy_lab": (
        "unknown field; did you mean 'risk_level'?",
        "warning: medium risk with a confidence of 0.75 to below 0.8 goes ahead by rule_002, while",
        "tightens - raise rule_002's min_confidence from 0.75 to 0.8",
        "fails - so does a medium one, and no earlier (action: auto_approve)",
        "loose: looser: human_review by domain_reviewer (rule_005) becomes auto_approve (rule_004)",
        "400 cases, ",
        " 0 looser\n",
        "of what would go ahead is wrong",
        "in force: True\nin force: False - policy_change waiting\n",
        "NotAuthorized: reviewer 'senior_manager' may not decide this: they submitted this case",
        "rules now: True\nrules now: True\nthe ledger is sound\n",
    ),
}

PUBLIC = {one.__name__: one.__all__ for one in (hitl_orchestrator, policies, testing)}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def shown(notebook: nbformat.NotebookNode) -> str:
    """Return all that the cells of a notebook printed and showed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    told = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "".join([*told, *(output.get("data", {}).get("text/html", "") for output in outputs)])


@every_notebook
def test_a_notebook_runs_and_tells_its_story(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = nbformat.read(path, as_version=4)

    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()

    assert [line for line in STORIES[path.stem] if line not in shown(notebook)] == []


@every_notebook
def test_a_notebook_is_committed_without_outputs(path):
    assert [cell.id for cell in cells(path, "code") if cell.outputs or cell.execution_count] == []


@every_notebook
def test_a_notebook_imports_public_names_only(path):
    tree = ast.parse("\n".join(cell.source for cell in cells(path, "code")))
    ours = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("hitl_orchestrator")
        for alias in node.names
    ]

    assert [(module, name) for module, name in ours if name not in PUBLIC.get(module, ())] == []
