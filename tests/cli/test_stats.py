"""`hitl stats`: the metrics of a store on one screen, narrow or wide, with or without the glyphs of bars."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.measured import full_metrics, no_metrics
from support.reports import DOMAINS, HOSTILE, TEN_LANGUAGES, TYPES

from hitl_orchestrator.cli.output.bars import ASCII, BLOCKS, bar, glyphs, sparkline, thinned
from hitl_orchestrator.cli.output.blocks import BAR
from hitl_orchestrator.cli.output.console import draw
from hitl_orchestrator.cli.views.reporting.stats import Screen, stats
from hitl_orchestrator.insights import DIMENSIONS


@pytest.fixture
def filled(hitl, folder):
    """A store with the canonical five cases, all finished."""
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviews", "human_reviews.json")
    return hitl


def shown(capsys, monkeypatch, width, drawn=BLOCKS, metrics=None):
    monkeypatch.setenv("COLUMNS", str(width))
    draw(stats(metrics or full_metrics(TYPES, DOMAINS, 7), "task_type", Screen(width, drawn)))
    return capsys.readouterr().out


def test_the_canonical_cases_are_on_one_screen(filled):
    lines = filled("stats").out.splitlines()

    found = {line.split()[0]: line for line in reversed(lines) if line}
    assert lines[0].startswith("5 decisions ")
    assert " 40 % of 5 " in found["automated"]
    assert "1 approve  1 modify  1 override  0 reject" in found["people"]
    assert "decided in  median 15 min" in found["decided"]


def test_figures_that_no_one_verified_say_so(capsys, monkeypatch):
    metrics = full_metrics(TYPES, DOMAINS, 7)
    cases = metrics.cases.model_copy(update={"unreadable": 2})

    out = shown(capsys, monkeypatch, 80, metrics=metrics.model_copy(update={"cases": cases}))
    assert "2 rows cannot be read, and are left out." in out
    for each in (metrics, no_metrics()):
        assert "Not verified: 'hitl audit verify'" in shown(capsys, monkeypatch, 80, metrics=each)


def test_many_open_cases_stand_beneath_the_automated_share(capsys, monkeypatch):
    metrics = full_metrics(TYPES, DOMAINS, 7)
    cases = metrics.cases.model_copy(update={"open": metrics.automation.of, "open_checks": 0})
    out = shown(capsys, monkeypatch, 80, metrics=metrics.model_copy(update={"cases": cases}))

    line = next(number for number, line in enumerate(out.splitlines()) if line.startswith("automated"))
    assert out.splitlines()[line + 1].strip().startswith(f"{cases.open:,} open cases are not counted")


def test_the_trend_and_the_changes_of_agents_are_in_words(capsys, monkeypatch):
    metrics = full_metrics(TYPES, DOMAINS, 7)
    version = metrics.marks[0].model_copy(update={"kind": "agent_version", "label": "2025-02", "of": "mailroom"})
    out = shown(capsys, monkeypatch, 80, metrics=metrics.model_copy(update={"marks": (*metrics.marks, version)}))

    assert "new policy claims_policy_v4" in out
    assert "agent mailroom: version 2025-02" in out
    assert re.search(r"automated .* from \d+ % to \d+ %\n", out)
    assert re.search(r"\d+ weeks with decisions, ", out)


def test_json_has_all_metrics(filled):
    data = filled("stats", "--json").data

    assert (data["cases"]["decided"], data["automation"]["count"], data["verdicts"]["override"]) == (5, 2, 1)
    assert set(data["by"]) == set(DIMENSIONS)


def test_a_period_and_a_dimension(filled):
    earlier = filled("stats", "--until", "2000-01-01")
    by_risk = filled("stats", "--by", "risk-level")

    assert "No decision in this period." in earlier.out
    assert "risk level" in by_risk.out


@pytest.mark.parametrize(
    ("words", "problem"), [(("--by", "domian"), "did you mean 'domain'"), (("--since", "soon"), "write a day such as")]
)
def test_what_has_no_metrics_is_refused(filled, words, problem):
    answer = filled("stats", *words)

    assert (answer.code, answer.out, problem in answer.err) == (2, "", True)


@pytest.mark.parametrize("width", [40, 50, 80, 120])
@pytest.mark.parametrize("drawn", [BLOCKS, ASCII], ids=["blocks", "ascii"])
def test_no_line_is_wider_than_the_screen(capsys, monkeypatch, width, drawn):
    out = shown(capsys, monkeypatch, width, drawn)

    assert max(map(len, out.splitlines())) <= width
    assert drawn is BLOCKS or out.replace(BAR, "").isascii()


@pytest.mark.parametrize("types", [HOSTILE, TEN_LANGUAGES], ids=["hostile", "languages"])
def test_texts_of_agents_stay_texts(capsys, monkeypatch, types):
    out = shown(capsys, monkeypatch, 80, metrics=full_metrics(types, DOMAINS, 7))

    assert len(out.splitlines()) > 20
    assert "\x1b" not in out


def test_an_empty_store_says_so(capsys, monkeypatch):
    assert "No decision in this period." in shown(capsys, monkeypatch, 80, metrics=no_metrics())


def test_an_encoding_without_blocks_gets_ascii():
    assert [glyphs(name) for name in ("utf-8", "ascii", "latin-1", "no such")] == [BLOCKS, ASCII, ASCII, ASCII]


@given(st.floats(0, 1), st.integers(4, 60), st.sampled_from([BLOCKS, ASCII]))
def test_a_bar_is_as_wide_as_asked_and_shows_what_is_not_nothing(share, width, drawn):
    filled, rest = bar(share, width, drawn)

    assert len(filled + rest) == width
    assert (filled == "") == (share == 0)
    assert (filled == drawn.full * width) == (share == 1)


@given(st.lists(st.none() | st.floats(0, 1e6), max_size=200), st.integers(1, 50), st.sampled_from([BLOCKS, ASCII]))
def test_a_sparkline_has_a_character_for_each_value(values, most, drawn):
    few = thinned(values, most)
    line = sparkline(few, drawn)

    assert len(line) == len(few) == min(len(values), most)
    assert all((value is None) == (mark == drawn.gap) for value, mark in zip(few, line, strict=True))
