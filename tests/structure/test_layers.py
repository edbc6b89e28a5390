"""Structural rules that no linter covers: layers, environment access, broad exception handlers, machine paths."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "hitl_orchestrator"
LINKS = ("graph", "nodes", "policies", "data")
MAY_READ_THE_ENVIRONMENT = {PACKAGE / "settings.py", PACKAGE / "wiring" / "stores.py"}
# Its processes inherit the environment without our settings and keys.
MAY_READ_THE_ENVIRONMENT.add(PACKAGE / "ledger" / "verification" / "parallel" / "processes.py")


def parsed(*folders: Path) -> Iterator[tuple[Path, ast.AST]]:
    """Yield every syntax node of every module in these folders, with the path of its module."""
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                yield path, node


def position(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def test_import_contracts_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    linted = subprocess.run(
        [linter, "--no-cache", "--no-logo"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120
    )

    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("name", LINKS)
def test_top_level_link_points_into_the_package(name):
    link = ROOT / name

    assert link.is_symlink()
    assert link.readlink() == Path("hitl_orchestrator", name)
    assert link.is_dir()


def imported(node: ast.AST) -> set[str]:
    """Return the top-level packages that this node imports absolutely."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return {str(node.module).partition(".")[0]}
    return set()


def test_no_module_imports_through_the_links():
    folders = (PACKAGE, ROOT / "tests", ROOT / "benchmarks")
    through = [position(path, node) for path, node in parsed(*folders) if imported(node) & set(LINKS)]

    assert through == []


WATCHED_IMPORT = """
import json, pathlib, sys, threading

events = []
watched = {"sqlite3.connect", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.mkdir"}

def watch(event, args):
    if event == "open" and str(args[0]).endswith((".py", ".pyc", ".so", ".pyd")):
        return
    writes = event == "open" and (set(str(args[1] or "r")) & set("wax+") or args[2] & 3)
    ours = event == "open" and "hitl_orchestrator" in str(args[0])
    if writes or ours or event in watched:
        events.append(f"{event} {args[0]!r}")

sys.addaudithook(watch)
import hitl_orchestrator
report = json.dumps({"events": events, "threads": threading.active_count()})
pathlib.Path(sys.argv[1]).write_text(report)
"""


def test_import_prints_nothing_and_opens_nothing(tmp_path):
    empty, answer = tmp_path / "empty", tmp_path / "answer.json"
    empty.mkdir()
    run = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED_IMPORT, answer],
        cwd=empty,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert json.loads(answer.read_text()) == {"events": [], "threads": 1}
    assert list(empty.iterdir()) == []


def catches_everything(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        caught = [node.type] if not isinstance(node.type, ast.Tuple) else node.type.elts
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
        caught = node.args
    else:
        return False
    return any(kind is None or ast.unparse(kind).endswith(("BaseException", "Exception")) for kind in caught)


def test_nodes_never_catch_every_exception_because_that_swallows_the_interrupt():
    assert [position(path, node) for path, node in parsed(PACKAGE / "nodes") if catches_everything(node)] == []


@pytest.mark.parametrize(
    "source",
    [
        "try: f()\nexcept: pass",
        "try: f()\nexcept Exception: pass",
        "try: f()\nexcept (ValueError, BaseException): pass",
        "with contextlib.suppress(Exception): f()",
    ],
)
def test_search_finds_every_form_of_a_broad_handler(source):
    assert any(catches_everything(node) for node in ast.walk(ast.parse(source)))


def reads_the_environment(node: ast.AST) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name in names for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in names


def test_only_settings_and_wiring_read_the_environment():
    readers = {path for path, node in parsed(PACKAGE) if reads_the_environment(node)}

    assert readers <= MAY_READ_THE_ENVIRONMENT


MACHINE_PATH = re.compile(r"""(?<![\w.~$}:/-])/(?:root|home|Users|work)/\w|\b[A-Z]:\\Users\\|/tmp/\w+/""")


def tracked() -> list[Path]:
    """Return the files that git tracks; without git, all files outside hidden folders."""
    if not (ROOT / ".git").exists():
        return [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts)]
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def test_no_tracked_file_contains_a_machine_path():
    named = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in tracked()
        if path.is_file() and not path.is_symlink()
        for found in MACHINE_PATH.finditer(path.read_text("utf-8", errors="replace"))
    ]

    assert named == []
