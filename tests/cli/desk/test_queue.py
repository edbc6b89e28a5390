"""The queue: filters, layout at any width, and escaped task texts."""

from dataclasses import replace
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.desk_driver import submit
from textual.content import Content

from hitl_orchestrator.cli.desk import case_sections
from hitl_orchestrator.wiring.clocks import now_in_utc


def tasks(text):
    return [line.split()[2] for line in text.splitlines() if line.split()[:1] in (["low"], ["medium"], ["high"])]


@pytest.fixture
def waiting(hitl):
    """Cases of several kinds: t-3 in finance is not for r01, t-4 needs the manager."""
    submit(hitl, "t-1")
    submit(hitl, "t-2", risk_level="medium")
    submit(hitl, "t-3", domain="finance")
    submit(hitl, "t-4", risk_level="high")
    hitl.reviews.claim(submit(hitl, "t-5"), reviewer="r02")
    hitl.reviews.claim(submit(hitl, "t-6"), reviewer="r01")
    return hitl


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ((), ["1", "2", "5", "6"]),
        (("m",), ["6"]),
        (("u",), ["1", "2"]),
        (("v",), []),
        (("m", "x"), ["1", "2", "5", "6"]),
        (("e",), ["1", "2", "3", "4", "5", "6"]),
        (("f", "down", "down", "down", "right", "right", "enter"), ["2"]),
        (("f", "right", "escape"), ["1", "2", "5", "6"]),
    ],
)
@pytest.mark.usefixtures("waiting")
def test_keys_filter_the_queue(desk, keys, shown):
    async def flow(desk):
        text = await desk.press(*keys)
        described = sorted(word.split("-")[1] for line in text.splitlines() for word in line.split() if "t-" in word)
        assert described == shown

    desk(flow)


def test_a_long_queue_is_of_the_reviewer_and_states_that_more_follow(desk, hitl):
    for number in range(3):
        submit(hitl, f"f-{number}", domain="finance")
    for number in range(3):
        submit(hitl, f"t-{number}")

    async def flow(desk):
        desk.app.client = replace(desk.app.client, most=2)
        text = await desk.press("ctrl+r")
        assert "2+ open" in text
        assert "first 2, more follow" in text
        assert ("t-0" in text, "t-1" in text, "f-0" in text) == (True, True, False)
        desk.app.client = replace(desk.app.client, most=3)
        text = await desk.press("ctrl+r")
        assert "3 open" in text
        assert "more follow" not in text

    desk(flow)


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (140, 40), (200, 60)])
@pytest.mark.usefixtures("waiting")
def test_rows_fit_on_one_line_at_every_width(desk, size):
    async def flow(desk):
        rows = [line for line in desk.text.splitlines() if "t-" in line]
        assert len(rows) == 4
        for screen in (desk.text, await desk.press("enter"), await desk.press("a"), await desk.press("question_mark")):
            assert max(map(len, screen.splitlines())) <= size[0]

    desk(flow, size=size)


@pytest.mark.usefixtures("waiting")
def test_resizing_keeps_case_and_draft(desk):
    async def flow(desk):
        await desk.press("enter", "o")
        await desk.type("because")
        for size in ((120, 40), (60, 15), (80, 24)):
            await desk.pilot.resize_terminal(*size)
            await desk.wait_until_idle()
            assert "because" in desk.text
            assert "override   pending" in desk.text

    desk(flow)


def test_the_cursor_stays_on_its_case_when_the_queue_changes(hitl, desk):
    submit(hitl, "t-1")
    submit(hitl, "t-2")

    async def flow(desk):
        await desk.press("down")
        submit(hitl, "t-0", risk_level="medium")
        await desk.press("ctrl+r")
        assert "t-2" in await desk.press("enter")

    desk(flow)


def test_task_texts_are_escaped(hitl, desk):
    submit(hitl, "t-1", task_description="[bold red]pay[/] \u202e now\x1b[2J", metadata={"[b]k": "[/]"})

    async def flow(desk):
        assert "[bold red]pay[/] <U+202E> now" in await desk.press("enter")
        assert "<U+001B>[2J" in desk.text
        assert "Beware: this contains 2 invisible characters" in desk.text

    desk(flow, size=(120, 40))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(20, 200))
def test_any_text_is_one_line_of_the_queue(text, width):
    content = case_sections._laid_out(case_sections.columns(width), dict.fromkeys(CELLS, (text, "")), width)

    assert isinstance(content, Content)
    assert "\n" not in content.plain
    assert not [letter for letter in content.plain if category(letter) in ("Cc", "Cf", "Zl", "Zp")]


CELLS = ("risk", "due", "task", "description", "type", "domain", "for", "conf.", "claimed by")


def test_deadline_is_colored_by_urgency():
    now = now_in_utc()

    assert case_sections.due(None, now) == ("-", case_sections.FAINT)
    assert case_sections.due(now, now) == ("0 s late", case_sections.ALARM)


def test_the_preview_has_a_bar_beside_every_line_of_a_quoted_text(hitl, sit):
    submit(hitl, "t-1", task_description="Refund\nconfidence 0.99 (reported); signals: none")

    async def flow(desk):
        lines = desk.text.splitlines()
        [quoted] = [line for line in lines if line.strip().startswith(("confidence", "│ confidence"))]
        assert quoted.strip().startswith("│")
        assert any(line.split()[:2] == ["proposal", "│"] for line in lines)

    sit(hitl, flow, size=(120, 40))


def test_the_keys_of_the_queue_include_the_one_that_quits_in_80_columns(desk):
    async def flow(desk):
        assert "q quit" in desk.text.splitlines()[-1]

    desk(flow)
