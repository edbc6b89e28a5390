"""The HTML report loads nothing, shows texts as texts, and can be read on every screen."""

import re
import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
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

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.report.model import Change, Finding
from hitl_orchestrator.insights.report.rendering import html, to_html
from hitl_orchestrator.insights.report.rendering.cells import TO, share_cell
from hitl_orchestrator.insights.shares import share_among

REPORTS = {
    "full": a_full_report(),
    "empty": an_empty_report(),
    "tampered": a_tampered_report(),
    "ten languages": a_report_in_ten_languages(),
    "hostile": a_hostile_report(),
}
NAMES = (
    "trust_boundaries",
    "reliability",
    "risk_coverage",
    "overturn_heatmap",
    "trend",
    "waiting_times",
    "reviewer_load",
)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30" viewBox="0 0 90 30"><defs><clipPath id="clip0">'
    '<rect width="90" height="30"/></clipPath></defs><g clip-path="url(#clip0)"><text fill="{}">finding</text>'
    "</g></svg>"
)
PICTURES = {
    name: {"light": SVG.format("#111111"), "dark": SVG.format("#eeeeee"), "alt": f"{name} in words"} for name in NAMES
}


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return {name: Page(to_html(report, PICTURES)) for name, report in REPORTS.items()}


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_forbids_and_loads_everything_but_its_own_style(pages, name):
    page = pages[name]
    rules = [each.attributes["content"] for each in page.elements if each.attributes.get("http-equiv")]
    referring = [*page.values("href"), *page.values("src"), *page.values("action"), *page.values("srcset")]

    assert rules == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    assert {each.tag for each in page.elements}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "base", "form"}
    )
    assert [value for value in referring if not value.startswith("#")] == []
    assert [name for each in page.elements for name in each.attributes if name.startswith("on")] == []
    assert re.findall(r"url\((?!#)|@import", page.style) == []


@pytest.mark.parametrize("name", REPORTS)
def test_every_reference_inside_a_page_has_one_goal(pages, name):
    ids = Counter(pages[name].values("id"))
    clips = re.findall(r"url\(#([^)]+)\)", " ".join(pages[name].values("clip-path")))

    assert [each for each, count in ids.items() if count > 1] == []
    assert {value[1:] for value in pages[name].values("href")} | set(clips) <= set(ids)


@pytest.mark.parametrize("name", REPORTS)
def test_every_table_has_a_caption_and_heads_for_its_columns_and_rows(pages, name):
    elements = [each for each in pages[name].elements if each.tag in {"table", "caption", "tr", "th", "td"}]
    rows = "".join({"table": "T", "caption": "c", "tr": "r", "th": "h", "td": "d"}[each.tag] for each in elements)

    for table in rows.split("T")[1:]:
        head, *body = table.removeprefix("c").removeprefix("r").split("r")
        assert table.startswith("crh")
        assert set(head) == {"h"}
        assert set(body) == {"h" + "d" * (len(head) - 1)}
    assert all(each.attributes.get("scope") in {"col", "row"} for each in elements if each.tag == "th")


@pytest.mark.parametrize("name", REPORTS)
def test_titles_descend_one_level_at_a_time(pages, name):
    levels = [int(each.tag[1]) for each in pages[name].elements if re.fullmatch(r"h\d", each.tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("name", REPORTS)
def test_no_figure_is_what_a_program_calls_it(pages, name):
    assert re.findall(r"\b(None|nan|NaN|inf|Infinity)\b", pages[name].text) == []


def test_hostile_texts_add_no_element_and_are_shown_as_they_are(pages):
    harmless = {each.tag for each in pages["full"].elements}

    assert {each.tag for each in pages["hostile"].elements} == harmless
    assert [text for text in HOSTILE if text not in pages["hostile"].text] == []


def test_alarms_stand_before_all_figures(pages):
    text = pages["tampered"].text

    assert text.index("The ledger is not sound") < text.index("automated") < text.index("Governance verdict")
    assert "not sound entry 4 of case c-17 does not match its hash" in text
    assert "not sound" not in pages["full"].text


def test_names_of_ten_languages_have_their_own_direction_and_sentences_about_them_that_of_the_page(pages):
    page = pages["ten languages"]
    own = {name for name, direction in page.directions if direction == "auto"}
    sentence = "طلب استرداد: above bound at a tolerated share of errors of 5 %."

    assert set(TEN_LANGUAGES) <= own
    assert (sentence, "") in page.directions


def test_a_share_stands_beside_its_count_and_its_interval(pages):
    assert "Automated: 44 % (526 of 1,204, 95 % interval 40 to 47 %)" in pages["full"].text
    assert re.search(r"\d of \d ?not enough data ?\d of 10", pages["full"].text)
    assert re.search(r"\d+ of 30 looks", pages["full"].text)


def test_invisible_characters_are_written_out():
    hidden = Finding(finding_id="f", severity="bad", sentence="paid\u202e001\u202c now\u200b", evidence="")
    page = Page(to_html(an_empty_report(findings=(hidden,)), {}))

    assert "paid<U+202E>001<U+202C> now<U+200B>" in page.text


def test_a_picture_that_differs_in_colors_only_stands_once(pages):
    page = pages["full"]
    pictures = [each for each in page.elements if each.tag == "svg" and "figure" in each.path]

    assert len(pictures) == len(NAMES)
    assert "@media screen and (prefers-color-scheme:dark){.trend-0{fill:#eeeeee}}" in page.style
    assert {f"{name} in words" for name in NAMES} <= set(page.values("aria-label"))


def test_a_picture_has_a_form_for_phones_of_its_own():
    light = PICTURES["reliability"]["light"]
    page = to_html(a_full_report(), {"reliability": {"light": light, "phone": light, "alt": "the points"}})

    assert page.count('aria-label="the points"') == 2
    assert [page.count(f'class="wide {form}"') for form in ("on-page", "on-phone")] == [1, 1]
    assert "on-page" not in to_html(a_full_report(), PICTURES).split("</style>")[-1]


def test_what_did_not_certainly_change_takes_one_line_until_it_is_asked_for():
    steady = tuple(
        Change(name=name, before=0.1, after=0.2, is_certain=False, sentence=f"{name}: no certain change.")
        for name in ("overturn", "automation")
    )
    html = to_html(an_empty_report(changes=steady), {})

    (folded,) = re.findall(r"<details.*?</details>", html, re.DOTALL)
    assert "<summary>2 measures without a certain change</summary>" in folded
    assert all(each.sentence in folded for each in steady)


def test_a_missing_picture_says_why():
    page = Page(to_html(a_full_report(), {"reliability": {"alt": "not enough data: 12 of 30 cases"}}))

    assert "No picture: not enough data: 12 of 30 cases" in page.text


def test_two_hundred_decisions_fit_into_a_mail():
    assert len(to_html(a_full_report(decided=200), {}).encode()) < 300_000


def test_a_long_list_of_names_is_cut_short():
    full = a_full_report()
    many = full.metrics.model_copy(update={"never_fired": tuple(f"rule_{number}" for number in range(2_000))})
    page = Page(to_html(full.model_copy(update={"metrics": many}), {}))

    assert "rule_19, and 1,980 more." in page.text


def test_the_same_report_gives_the_same_page():
    assert to_html(a_full_report(), PICTURES) == to_html(a_full_report(), PICTURES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_color_of_a_text_has_enough_contrast(pages, scheme):
    light, dark = (dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", part)) for part in _schemes(pages["empty"].style))
    colors = light if scheme == "light" else light | dark
    grounds = {"page": ("text", "muted", "link", "good", "watch", "bad", "unknown")}
    grounds |= {"surface": ("text", "muted", "link"), "alarm": ("text", "bad"), "chip": ("text",)}

    ratios = {(ground, ink): _contrast(colors[ground], colors[ink]) for ground, inks in grounds.items() for ink in inks}

    assert len(dark) == len(light)
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


def test_a_page_without_jinja2_says_what_to_install(monkeypatch):
    html._template.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(InvalidInput, match=r"needs Jinja2, which is missing; .*report"):
        to_html(an_empty_report(), {})


@given(st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_share_is_never_shown_as_none_or_all_and_its_interval_never_narrower_than_it_is(counted):
    count, of = counted
    share = share_among(count, of)
    cell = share_cell(share)
    lowest, highest = map(float, cell.third.removesuffix(" %").split(TO))

    assert (cell.text == "0 %") == (count == 0)
    assert (cell.text == "100 %") == (count == of)
    assert lowest <= 100 * share.lowest + 1e-9
    assert highest >= 100 * share.highest - 1e-9
    assert cell.second == f"{count} of {of}"


def _schemes(style: str) -> list[str]:
    return re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]


def _contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2, definition of contrast ratio."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_column_without_data_has_dashes_and_says_why_once():
    metrics = a_full_report().metrics
    lacking = share_among(3, 12).model_copy(update={"why_not": "not enough data: 12 of 30"})
    groups = tuple(each.model_copy(update={"overturn": lacking}) for each in metrics.by["task_type"])
    report = a_full_report().model_copy(
        update={"metrics": metrics.model_copy(update={"by": {"task_type": groups}, "overturn_map": ()})}
    )

    section = to_html(report, {}).partition('<section id="by-task-type"')[2].partition("</section>")[0]

    assert "12 of 30" not in section
    assert section.count("fewer than 30 cases") == 1


def test_every_cell_names_its_column_for_screens_on_which_rows_are_stacked(pages):
    for page in pages.values():
        assert all("data-column" in each.attributes for each in page.elements if each.tag == "td")
