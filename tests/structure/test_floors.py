"""The rules of the house that no linter knows: who may know whom, read the environment, or catch what."""

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
MAY_READ_THE_ENVIRONMENT = {PACKAGE / "settings.py", PACKAGE / "wiring" / "build.py"}


def parsed(*rooms: Path) -> Iterator[tuple[Path, ast.AST]]:
    """Yield every node of every module in these rooms, with the module it stands in."""
    for room in rooms:
        for path in sorted(room.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                yield path, node


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def test_a_line_knows_only_what_stands_below_it():
    linter = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run(
        [linter, "--no-cache", "--no-logo"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", LINKS)
def test_a_link_at_the_top_leads_into_the_package(name):
    link = ROOT / name

    assert link.is_symlink()
    assert link.readlink() == Path("hitl_orchestrator", name)
    assert link.is_dir()


def imported(node: ast.AST) -> set[str]:
    """Name the top-level packages that this node imports absolutely."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return {str(node.module).partition(".")[0]}
    return set()


def test_nothing_imports_through_the_links():
    rooms = (PACKAGE, ROOT / "tests", ROOT / "benchmarks")
    through = [place(path, node) for path, node in parsed(*rooms) if imported(node) & set(LINKS)]

    assert through == []


WATCHED_IMPORT = """
import json, pathlib, sys, threading

seen = []
telling = {"sqlite3.connect", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.mkdir"}

def watch(event, args):
    if event == "open" and str(args[0]).endswith((".py", ".pyc", ".so", ".pyd")):
        return
    writes = event == "open" and (set(str(args[1] or "r")) & set("wax+") or args[2] & 3)
    ours = event == "open" and "hitl_orchestrator" in str(args[0])
    if writes or ours or event in telling:
        seen.append(f"{event} {args[0]!r}")

sys.addaudithook(watch)
import hitl_orchestrator
found = json.dumps({"events": seen, "threads": threading.active_count()})
pathlib.Path(sys.argv[1]).write_text(found)
"""


def test_importing_the_package_prints_nothing_and_opens_nothing(tmp_path):
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


def test_no_node_catches_everything_for_that_would_swallow_the_interrupt():
    assert [place(path, node) for path, node in parsed(PACKAGE / "nodes") if catches_everything(node)] == []


@pytest.mark.parametrize(
    "source",
    [
        "try: f()\nexcept: pass",
        "try: f()\nexcept Exception: pass",
        "try: f()\nexcept (ValueError, BaseException): pass",
        "with contextlib.suppress(Exception): f()",
    ],
)
def test_the_search_sees_every_way_to_catch_everything(source):
    assert any(catches_everything(node) for node in ast.walk(ast.parse(source)))


def reads_the_environment(node: ast.AST) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name in names for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in names


def test_only_the_settings_and_the_wiring_read_the_environment():
    readers = {path for path, node in parsed(PACKAGE) if reads_the_environment(node)}

    assert readers <= MAY_READ_THE_ENVIRONMENT


A_PATH_OF_ONE_MACHINE = re.compile(r"""(?<![\w.~$}:/-])/(?:root|home|Users|work)/\w|\b[A-Z]:\\Users\\|/tmp/\w+/""")


def tracked() -> list[Path]:
    """List what git tracks, or without git all that stands here apart from caches."""
    if not (ROOT / ".git").exists():
        return [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts)]
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def test_no_tracked_file_names_a_path_of_one_machine():
    named = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in tracked()
        if path.is_file() and not path.is_symlink()
        for found in A_PATH_OF_ONE_MACHINE.finditer(path.read_text("utf-8", errors="replace"))
    ]

    assert named == []
