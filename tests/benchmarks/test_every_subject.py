"""Every subject of the benchmarks runs in its smallest form, so that none rots."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from support.postgres_server import IS_THERE

from benchmarks.__main__ import MEASURES, SUBJECTS, measured
from benchmarks.report import Row, as_json, as_markdown, at_least, at_most, head, keep
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.subjects.data import VARIABLE

NEED_AN_EXTRA = {"policies": "cel"}


@pytest.fixture
def stores(request, tmp_path):
    return Stores(tmp_path, request.getfixturevalue("postgres") if IS_THERE else None)


def write_public_data(folder: Path) -> None:
    """Write data sets in the form of the public ones, with a few questions."""
    examples = [(f"what about thing {number % 25} number {number}", f"intent-{number % 25}") for number in range(300)]
    for name in ("train", "test"):
        path = folder / "banking77" / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "category"), *examples])
    sets = {"train": examples, "val": examples[:20], "out_of_scope": [("a song", "none"), ("the weather", "none")]}
    (folder / "clinc150").mkdir()
    (folder / "clinc150" / "half.json").write_text(json.dumps(sets), "utf-8")
    stated = (
        "agent,task_type,stated_confidence,max_token_confidence,correct\na,halu_eval_qa,0.8,0.9,True\na,x,0.7,,False\n"
    )
    (folder / "llm_stated_confidence.csv.gz").write_bytes(gzip.compress(stated.encode()))
    (folder / "llm_token_confidence.csv.gz").write_bytes(
        gzip.compress(b"agent,task_type,confidence,correct\na,x,0.9,True\n")
    )


OF_EXTRAS = [pytest.param(each, marks=pytest.mark.soak) for each in NEED_AN_EXTRA]


@pytest.mark.parametrize(
    "subject", [*[each for each in (*MEASURES, *SUBJECTS) if each not in NEED_AN_EXTRA], *OF_EXTRAS]
)
def test_the_smallest_form_of_a_subject_yields_figures(subject, stores, tmp_path, monkeypatch):
    pytest.importorskip(NEED_AN_EXTRA.get(subject, "json"))
    write_public_data(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    rows = list(measured(subject, Size.TINY, stores))

    if subject == "processes" and not IS_THERE:
        assert rows == []
        return
    assert rows
    assert all(row.what and (row.value is not None or row.cpu is not None) for row in rows)
    assert len({row.what for row in rows}) == len(rows)


def test_a_subject_whose_module_is_missing_names_the_extra(monkeypatch, stores):
    monkeypatch.setitem(SUBJECTS, "absent", "no such module")

    with pytest.raises(SystemExit, match=r"pip install -e '\.\[bench\]'"):
        list(measured("absent", Size.TINY, stores))


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row("a", 1.0, "x", aim=at_most(1.0)), "met"),
        (Row("a", 1.01, "x", aim=at_most(1.0)), "missed"),
        (Row("a", 9.0, "a second", aim=at_least(10)), "missed"),
        (Row("a", 0.1, "s", aim=at_most(1.0, 1_000), of=999), "not judged: 999 of 1,000"),
        (Row("a", 0.1, "s", aim=at_most(1.0, 1_000), of=1_000), "met"),
        (Row("a", 1.0, "x"), ""),
    ],
)
def test_an_aim_is_judged_in_words(row, verdict):
    assert row.verdict == verdict


def test_the_table_is_kept_between_the_marks_of_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<a>\nold\n<b>\nafter\n", "utf-8")
    about, rows = head(None), [Row("submit", 0.5, "x", 0.4, at_most(1.0))]

    keep(page, as_markdown(about, rows), start="<a>", end="<b>")

    text = page.read_text("utf-8")
    assert text.startswith("before\n<a>\n")
    assert text.endswith("<b>\nafter\n")
    assert "| submit | 0.50 x | 0.40 x | <= 1.00 | met |  |" in text
    assert "old" not in text
    assert as_json(about, rows)["rows"][0]["verdict"] == "met"
