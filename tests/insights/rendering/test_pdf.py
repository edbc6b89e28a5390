"""The PDF report is the same for the same report, and no text of an agent breaks it."""

import re
import sys

import pytest
from support.reports import (
    a_full_report,
    a_hostile_report,
    a_report_in_ten_languages,
    a_tampered_report,
    an_empty_report,
)

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.report.rendering import to_pdf

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30" viewBox="0 0 90 30">'
    '<text y="20" font-family="system-ui">finding</text></svg>'
)
PICTURES = {"trend": {"light": SVG, "dark": SVG, "alt": "the trend in words"}, "reliability": {"alt": "too few cases"}}


def pages(made: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", made))


@pytest.fixture(scope="module")
def full() -> bytes:
    return to_pdf(a_full_report(), PICTURES)


def test_a_report_has_pages_a_title_and_the_time_of_the_report(full):
    assert full.startswith(b"%PDF-")
    assert 5 < pages(full) < 30
    assert b"Oversight report: claims-production.db" in full
    assert b"2026-11-29T14:05:00" in full


def test_a_report_is_fit_for_archives_and_screen_readers(full):
    assert b"pdfaid" in full
    assert b"pdfuaid" in full


def test_the_same_report_gives_the_same_bytes(full):
    assert to_pdf(a_full_report(), PICTURES) == full


@pytest.mark.parametrize(
    "report",
    [an_empty_report(), a_tampered_report(), a_hostile_report(), a_report_in_ten_languages()],
    ids=["empty", "tampered", "hostile", "ten languages"],
)
def test_every_report_becomes_a_pdf(report):
    assert pages(to_pdf(report, {})) > 1


def test_letters_without_a_sign_in_any_font_are_no_obstacle():
    made = to_pdf(a_full_report(types=("\U00012000\U0001202d", "claim triage")), {})

    assert pages(made) > 5
    assert b"pdfaid" not in made


def test_a_picture_that_is_no_svg_is_refused():
    with pytest.raises(InvalidInput, match="a picture is not an SVG"):
        to_pdf(an_empty_report(), {"trend": {"light": "<html/>", "alt": ""}})


def test_a_report_without_typst_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)

    with pytest.raises(InvalidInput, match=r"needs typst, which is missing; .*report"):
        to_pdf(an_empty_report(), {})
