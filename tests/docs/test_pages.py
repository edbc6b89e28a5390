"""What a page shows is so: its blocks run, its links lead somewhere, and what it names exists."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from hitl_orchestrator.cli import main

ROOT = Path(__file__).parents[2]
README, DATA = ROOT / "README.md", ROOT / "hitl_orchestrator" / "data" / "README.md"
FILES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")), DATA]
ONLY_SHOWN = "<!-- only shown -->"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
STATED = re.compile(r"#.*\bexit code (\d)")
TARGET = re.compile(r"\bmake ([a-z]+)\b")


class Block(NamedTuple):
    """A fenced block of a page, with the line where it starts."""

    language: str
    line: int
    text: str


def blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of a page, in order, apart from those marked as only shown."""
    page = path.read_text("utf-8")
    for found in FENCE.finditer(page):
        if not page[: found.start()].rstrip().endswith(ONLY_SHOWN):
            yield Block(found[1], page.count("\n", 0, found.start()) + 2, found[2])


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


RUNNING = [path for path in FILES if any(block.language in {"python", "console"} for block in blocks(path))]


@pytest.fixture
def _a_folder_of_its_own(tmp_path, monkeypatch):
    """Each page runs in an empty folder; the command line sets variables of LangChain's, which must not stay."""
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures("_a_folder_of_its_own")
@pytest.mark.parametrize("path", RUNNING, ids=name)
def test_every_block_of_a_page_runs_from_top_to_bottom(path, capfd):
    names = {"__name__": "a_page"}
    for block in blocks(path):
        if block.language == "python":
            code = "\n" * (block.line - 1) + block.text  # so that a failing line is found in the page
            exec(compile(code, str(path), "exec"), names)
        elif block.language == "console":
            check_commands(path, block, capfd)


@pytest.mark.usefixtures("_a_folder_of_its_own")
def test_the_example_of_the_readme_can_be_run_again(capsys):
    (code,) = [block.text for block in blocks(README) if block.language == "python"]
    told = []
    for _ in range(2):
        exec(compile(code, str(README), "exec"), {"__name__": "a_page"})
        told.append(capsys.readouterr().out.splitlines())

    assert [lines[0] for lines in told] == ["waiting", "approved"]
    assert told[0][-1] == told[1][-1] == "carry out: Refund Request"


def check_commands(path: Path, block: Block, capfd: pytest.CaptureFixture[str]) -> None:
    """Run our commands in a block, and find each line that is shown below a command in what it printed."""
    printed = ""
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        place = f"{name(path)}:{number}"
        if line.startswith("$ hitl "):
            capfd.readouterr()
            stated = STATED.search(line)
            code = main(shlex.split(line.removeprefix("$ hitl "), comments=True))
            said = capfd.readouterr()
            printed = said.out + said.err
            assert code == int(stated[1] if stated else 0), f"{place}: {printed}"
        elif line.strip() and not line.startswith("$"):
            lines = [one.split() for one in printed.splitlines()]
            assert line.split() in lines, f"{place}: {line!r} is not in what the command printed:\n{printed}"


@pytest.mark.usefixtures("_a_folder_of_its_own")
@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("$ hitl --version\nhitl 0", "is not in what the command printed"),
        ("$ hitl inbox --store sqlite:///none.db", r"README.md:1: hitl: store"),
        ("$ hitl --version    # no: exit code 1", r"README.md:1: hitl-orchestrator"),
    ],
)
def test_a_command_that_is_not_as_shown_is_seen(shown, found, capfd):
    with pytest.raises(AssertionError, match=found):
        check_commands(README, Block("console", 1, shown), capfd)


def anchors(path: Path) -> set[str]:
    """Return what a page's headings are called in links, as GitHub does it."""
    titles = HEADING.findall(FENCE.sub("", path.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_link_between_pages_leads_somewhere(path):
    broken = []
    for link in LINK.findall(path.read_text("utf-8")):
        target, _, anchor = link.partition("#")
        there = (path.parent / target).resolve() if target else path
        if "://" not in link and not (there.exists() and (not anchor or anchor in anchors(there))):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_make_target_that_is_named_exists(path):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = re.findall(r"`[^`]+`|^\$ .*$", path.read_text("utf-8"), re.MULTILINE)

    assert {target for one in shown for target in TARGET.findall(one)} <= targets


def test_every_page_is_reached_from_the_readme():
    reached, ahead = set(), [README]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        linked = {(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(page.read_text("utf-8"))}
        linked |= {one for folder in linked if folder.is_dir() for one in folder.glob("*.md")}
        ahead += [one for one in linked if one.suffix == ".md" and one.exists() and one not in reached]

    assert {name(path) for path in FILES} - {name(path) for path in reached} == set()


def test_the_readme_can_be_read_in_one_go():
    assert len(README.read_text("utf-8").splitlines()) <= 120
