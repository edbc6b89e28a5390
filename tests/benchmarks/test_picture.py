"""The picture of the costs shows each ratio, and follows the color scheme of its reader."""

from benchmarks.picture import write
from benchmarks.report import Row, at_most
from hitl_orchestrator.insights.plots.style import THEMES


def test_the_picture_shows_the_ratios_in_the_colors_of_both_themes(tmp_path):
    path = tmp_path / "costs.svg"
    rows = [
        Row("submit, auto, SQLite: x bare F", 0.84, "x", 0.82, at_most(0.85)),
        Row("submit, auto, SQLite: x the floor of its rows", 9.9, "x", 9.9),
    ]

    write(path, rows)

    picture = path.read_text("utf-8")
    assert "submit, auto, SQLite / F" in picture
    assert ">0.84<" in picture
    assert "floor" not in picture
    assert "prefers-color-scheme: dark" in picture
    assert all(f"fill:{THEMES['dark']._asdict()[name]}" in picture for name in ("background", "text", "auto"))


def test_without_a_ratio_no_picture_is_written(tmp_path):
    write(tmp_path / "costs.svg", [Row("hitl inbox", 480, "ms")])

    assert list(tmp_path.iterdir()) == []
