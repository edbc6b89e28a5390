"""The Markdown report shows texts as they are, and reads well as plain text."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.pages import Page
from support.reports import (
    HOSTILE,
    TEN_LANGUAGES,
    a_full_report,
    a_hostile_report,
    a_report_in_ten_languages,
    a_tampered_report,
    an_empty_report,
)

from hitl_orchestrator.insights.report.model import Change, Finding
from hitl_orchestrator.insights.report.rendering import to_markdown
from hitl_orchestrator.insights.report.rendering.markdown import code, escaped, inside

TAGS = {"h1", "h2", "h3", "p", "strong", "em", "ul", "li", "code", "table", "thead", "tbody", "tr", "th", "td"}
TAGS |= {"blockquote"}


def rendered(source: str) -> Page:
    return Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(source).replace("<br>", "<br/>"))


@pytest.mark.parametrize(
    "report",
    [a_full_report(), an_empty_report(), a_tampered_report(), a_report_in_ten_languages(), a_hostile_report()],
    ids=["full", "empty", "tampered", "ten languages", "hostile"],
)
def test_a_report_is_titles_lists_and_tables_only(report):
    source = to_markdown(report)
    page = rendered(source)
    rows = [line for line in source.splitlines() if line.startswith("| ")]

    assert {each.tag for each in page.elements} <= TAGS
    assert sum(each.tag == "tr" for each in page.elements) == sum(not line.startswith("| ---") for line in rows)
    assert re.findall(r"\b(None|nan|inf)\b", page.text) == []


def test_hostile_texts_are_shown_as_they_are():
    page = rendered(to_markdown(a_hostile_report()))

    assert [text for text in HOSTILE if text not in page.text] == []


def test_what_is_neither_good_nor_bad_is_a_note_and_what_cannot_be_compared_no_chance():
    report = a_full_report()
    note = Finding(finding_id="n", severity="unknown", sentence="A fact.", evidence="")
    few = Change(name="x", title="Overdue", before=None, after=None, is_certain=False, sentence="few.", is_known=False)

    text = to_markdown(report.model_copy(update={"findings": (note,), "changes": (few,)}))

    assert "**NOTE** A fact." in text
    assert "May be chance" not in text
    assert "Not enough data to compare: Overdue." in text
    assert text.index("Health") < text.index("Where automation is safe: ") < text.index("## What changed")


def test_ten_languages_are_shown():
    assert [text for text in TEN_LANGUAGES if text not in to_markdown(a_report_in_ten_languages())] == []


def test_the_first_lines_are_alarms_and_the_signal_line():
    source = to_markdown(a_tampered_report())

    assert source.splitlines()[2].startswith("> **ALARM: The ledger is not sound")
    assert "`decisions 1204 | automated 43 % | reviews 678 | escalations 61 | overrides 37`" in source


def test_names_stay_as_they_are_in_plain_text():
    assert (
        escaped("r1_low_risk-sure: 40.9 to 46.5 %, c-17 (2 of 30)")
        == "r1_low_risk-sure: 40.9 to 46.5 %, c-17 (2 of 30)"
    )


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=40).filter(str.strip))
@example("1. x")
@example("1) x")
@example("&amp; &#65;")
@example("   a")
@example("===")
@example("- - -")
@example("[x]: http://evil.example")
@example("[ ] done")
@example("![a][b] [c](d) [^1]")
@example("www.evil.example http://a")
def test_any_text_is_one_paragraph_and_one_cell(text):
    shown = " ".join(text.split())
    page = rendered(escaped(text))
    table = rendered(f"| a | b |\n| --- | --- |\n| {inside(text)} | {code(text) if '|' not in text else 'x'} |")

    assert [each.tag for each in page.elements] == ["p"]
    assert page.text == shown
    assert sum(each.tag == "td" for each in table.elements) == 2
    assert {each.tag for each in table.elements} <= TAGS - {"em", "strong", "ul"}
