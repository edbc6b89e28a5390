"""Pages are true: their blocks run, their links resolve, and the files and targets that they name exist."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.internals import services_of

from hitl_orchestrator import AsyncOrchestrator, Orchestrator
from hitl_orchestrator.cli import main
from hitl_orchestrator.errors import StoreClosed

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TOP = [README, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", ROOT / "hitl_orchestrator" / "data" / "README.md"]
FILES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
ONLY_SHOWN = "<!-- only shown -->"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
EXIT_CODE = re.compile(r"#.*\bexit code (\d)")
ENUM = re.compile(r"<[A-Z]\w+\.[A-Z_]+: ")
TARGET = re.compile(r"(?:`|^\$ )make ([a-z]+)\b", re.MULTILINE)
PATH = re.compile(r"`((?:tests|docs|notebooks|tools|benchmarks|hitl_orchestrator)/[\w./-]*)`")


class Block(NamedTuple):
    """A fenced block of a page, with the line where its text starts."""

    language: str
    line: int
    text: str


def blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of a page in order, except those marked as only shown."""
    page = path.read_text("utf-8")
    for match in FENCE.finditer(page):
        if not page[: match.start()].rstrip().endswith(ONLY_SHOWN):
            yield Block(match[1], page.count("\n", 0, match.start()) + 2, match[2])


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


RUNNING = [path for path in FILES if any(block.language in {"python", "console"} for block in blocks(path))]


@pytest.fixture
def _empty_folder(tmp_path, monkeypatch):
    """Run each page in an empty folder, and restore the variables of LangChain that the command line sets."""
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures("_empty_folder")
@pytest.mark.parametrize("path", RUNNING, ids=name)
def test_the_blocks_of_a_page_run_in_order(path, capfd):
    names = {"__name__": "page"}
    for block in blocks(path):
        if block.language == "python":
            code = "\n" * (block.line - 1) + block.text  # so that a traceback shows the line of the page
            exec(compile(code, str(path), "exec"), names)
            assert not ENUM.search(capfd.readouterr().out), "the page prints a member of an enumeration as Python does"
        elif block.language == "console":
            check_commands(path, block, capfd)
    # A library may keep a function of the page, and with it all these names, until some other test.
    assert [name for name, value in names.items() if is_open(value)] == []


def is_open(value: object) -> bool:
    """Whether this is an orchestrator that was not closed."""
    if isinstance(value, AsyncOrchestrator):
        value = value.sync
    try:
        return isinstance(value, Orchestrator) and not services_of(value).closed
    except StoreClosed:
        return False


@pytest.mark.usefixtures("_empty_folder")
def test_the_example_of_the_readme_can_be_repeated(capsys):
    code, _ = (block.text for block in blocks(README) if block.language == "python")
    outputs = []
    for _ in range(2):
        exec(compile(code, str(README), "exec"), {"__name__": "page"})
        outputs.append(capsys.readouterr().out.splitlines())

    assert [lines[0] for lines in outputs] == ["waiting", "approved"]
    assert outputs[0][-1] == outputs[1][-1] == "carry out: Refund Request"


ASYNC_PAGE = ROOT / "docs" / "how-to" / "async.md"


@pytest.mark.usefixtures("_empty_folder")
def test_the_example_of_asynchronous_code_can_be_repeated():
    code = "\n".join(block.text for block in blocks(ASYNC_PAGE) if block.language == "python")

    for _ in range(2):
        exec(compile(code, str(ASYNC_PAGE), "exec"), {"__name__": "page"})


def check_commands(path: Path, block: Block, capfd: pytest.CaptureFixture[str]) -> None:
    """Run the `hitl` commands of a block, and expect each line below a command in its output."""
    printed = ""
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        location = f"{name(path)}:{number}"
        if line.startswith("$ hitl "):
            capfd.readouterr()
            expected = EXIT_CODE.search(line)
            code = main(shlex.split(line.removeprefix("$ hitl "), comments=True))
            output = capfd.readouterr()
            printed = output.out + output.err
            assert code == int(expected[1] if expected else 0), f"{location}: {printed}"
        elif line.strip() and not line.startswith("$"):
            lines = [printed_line.split() for printed_line in printed.splitlines()]
            assert line.split() in lines, f"{location}: {line!r} is not in the output:\n{printed}"


@pytest.mark.usefixtures("_empty_folder")
@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("$ hitl --version\nhitl 0", "is not in the output"),
        ("$ hitl inbox --store sqlite:///none.db", r"README.md:1: hitl: store"),
        ("$ hitl --version    # wrong: exit code 1", r"README.md:1: hitl-orchestrator"),
    ],
)
def test_a_command_with_other_output_or_exit_code_fails(shown, message, capfd):
    with pytest.raises(AssertionError, match=message):
        check_commands(README, Block("console", 1, shown), capfd)


def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub and the site form them."""
    titles = HEADING.findall(FENCE.sub("", path.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_links_files_and_targets_of_a_page_exist(path):
    page = path.read_text("utf-8")
    broken = []
    for link in LINK.findall(page):
        target, _, anchor = link.partition("#")
        linked = (path.parent / target).resolve() if target else path
        if "://" not in link and not (linked.exists() and (not anchor or anchor in anchors(linked))):
            broken.append(link)
    broken += [file for file in PATH.findall(page) if not (ROOT / file).exists()]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    broken += [f"make {target}" for target in TARGET.findall(page) if target not in targets]

    assert broken == []
