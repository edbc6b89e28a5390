"""`hitl simulate`: the report of a simulated organization."""

import pytest

from hitl_orchestrator.cli.views.simulation import BAR, bar

SMALL = ("simulate", "--days", "2", "--tasks-per-day", "8", "--reviewers-count", "5")


def test_simulation_report_shows_cases_waits_and_reviewers(hitl):
    answer = hitl(*SMALL)

    assert (answer.code, answer.err) == (0, "")
    assert "2 days with 8 tasks each" in answer.out
    for word in (
        "submitted",
        "approved automatically",
        "decided by reviewers",
        "lost",
        "waited for a reviewer",
        "busy",
    ):
        assert word in answer.out
    assert all(f"r0{number}" in answer.out for number in range(1, 6))


def test_simulation_is_deterministic_per_seed(hitl):
    first, again, other = hitl(*SMALL, "--json"), hitl(*SMALL, "--json"), hitl(*SMALL, "--seed", "1", "--json")

    assert first.data == again.data
    assert first.data["loads"] != other.data["loads"]
    assert (first.data["came_in"], first.data["lost"], first.data["sound"]) == (16, 0, True)


def test_pull_strategy_lets_reviewers_take_cases(hitl):
    data = hitl(*SMALL, "--strategy", "pull", "--json").data

    assert data["scenario"]["strategy"] == "pull"
    assert data["went_ahead"] + data["reviewed"] + data["waiting"] == 16


def test_simulation_accepts_a_policy(hitl, folder):
    (folder / "all.json").write_text('{"policy_id": "all", "rules": []}')

    assert hitl(*SMALL, "--policy", "all.json", "--json").data["went_ahead"] == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("--strategy", "throw"), "strategy"),
        (("--reviewers-count", "2"), "reviewers-count"),
        (("--days", "0"), "days"),
        (("--policy", "missing.json"), "missing.json"),
    ],
)
def test_invalid_simulation_options_are_rejected(hitl, given, why):
    answer = hitl("simulate", "--days", "1", "--tasks-per-day", "1", *given)

    assert answer.code == 2
    assert why in answer.err


@pytest.mark.parametrize("columns", ["80", "120"])
def test_no_line_exceeds_the_terminal_width(hitl, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    assert max(len(line) for line in hitl(*SMALL).out.splitlines()) <= int(columns)


def test_a_bar_is_drawn_to_an_eighth_of_a_character():
    assert bar(8, 8) == "█" * BAR
    assert bar(0, 8).strip() == bar(0, 0).strip() == ""
    assert bar(1, 128, 16) == "▏" + " " * 15
