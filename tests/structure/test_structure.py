"""The tools that hold structure and language: import structure, and the word list."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools" / tool, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def test_structure_stays_within_its_limits():
    report = run("structure.py", "--json")

    assert json.loads(report.stdout)["problems"] == []
    assert report.returncode == 0


def a_package(folder: Path, **modules: str) -> Path:
    package = folder / "hitl_orchestrator"
    for name, source in {"__init__": "", **modules}.items():
        path = package.joinpath(*name.split("/")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return folder


def test_structure_finds_a_cycle_of_lazy_and_type_only_imports(tmp_path):
    lazy = "def late():\n    from hitl_orchestrator import second\n"
    type_only = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hitl_orchestrator import first\n"
    report = run("structure.py", "--json", "--tree", a_package(tmp_path, first=lazy, second=type_only))

    assert report.returncode == 1
    assert json.loads(report.stdout)["problems"] == ["hitl_orchestrator: import cycle, first <-> second"]


def test_structure_finds_a_class_on_two_others(tmp_path):
    tower = "class A: ...\nclass B(A): ...\nclass C(B): ...\n"
    report = run("structure.py", "--json", "--tree", a_package(tmp_path, tower=tower))

    assert json.loads(report.stdout)["problems"] == ["class C inherits from B, A"]


def test_structure_finds_a_package_of_thirteen_modules(tmp_path):
    modules = {f"wide/m{number}": "" for number in range(13)} | {"wide/__init__": ""}
    report = run("structure.py", "--json", "--tree", a_package(tmp_path, **modules))

    assert json.loads(report.stdout)["problems"] == ["hitl_orchestrator.wide: 13 modules at one level"]


def test_no_tracked_file_contains_a_listed_word():
    report = run("wordlist.py")

    assert report.stdout == ""
    assert report.returncode == 0


def test_word_list_finds_words_in_names_and_prose(tmp_path):
    words = "no" + "body", "to" + "ld"
    page = tmp_path / "page.md"
    page.write_text(f"{words[0].title()} knows.\nx = _{words[1]}()\nfine, untold, {words[1]}  # wordlist: allow\n")
    report = run("wordlist.py", page)

    assert [line.partition(": ")[2] for line in report.stdout.splitlines()[:2]] == [words[0].title(), words[1]]
    assert report.returncode == 1
