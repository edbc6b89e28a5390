"""A picture inside a page brings shapes and texts, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pages import Page

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.report.rendering.svg import on_paper, picture

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">'


def an_svg(inside: str) -> str:
    return f"{HEAD}{inside}</svg>"


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<foreignObject><iframe src="http://evil.example"/></foreignObject>',
        '<image href="http://evil.example/i.png"/>',
        '<a href="javascript:alert(1)"><text>x</text></a>',
        '<use xlink:href="http://evil.example/i.svg#a"/>',
        '<rect onload="alert(1)" style="fill:url(http://evil.example)"/>',
        '<rect fill="url(http://evil.example/i.svg#a)"/>',
        '<rect fill="u\\72l(http://evil.example)"/>',
        "<style>@import 'http://evil.example'</style>",
        '<animate attributeName="href" to="http://evil.example"/>',
    ],
)
def test_scripts_links_and_foreign_content_are_dropped(inside):
    drawn = picture(an_svg(inside), None, "p")

    assert "evil" not in drawn
    assert "alert" not in drawn
    assert {each.tag for each in Page(drawn).elements} <= {"svg", "rect"}


@pytest.mark.parametrize(
    "source",
    ["", "no svg", "<html/>", '<!DOCTYPE svg [<!ENTITY a "b">]>' + an_svg("&a;"), an_svg("<!-- -->"), an_svg("<g>")],
)
def test_what_is_no_svg_is_refused(source):
    with pytest.raises(InvalidInput, match="a picture "):
        picture(source, None, "p")


def test_names_inside_two_pictures_do_not_clash():
    source = an_svg('<clipPath id="clip0"/><g clip-path="url(#clip0)"/>')
    one, other = picture(source, None, "one"), picture(source, None, "other")

    assert 'id="one-clip0"' in one
    assert 'clip-path="url(#one-clip0)"' in one
    assert 'clip-path="url(#other-clip0)"' in other


def test_a_dark_picture_of_the_same_shapes_costs_only_its_colors():
    drawn = picture(an_svg('<rect fill="#111"/>' * 50), an_svg('<rect fill="#eee"/>' * 50), "p")

    assert drawn.count("<rect") == 50
    assert drawn.startswith("<style>@media screen and (prefers-color-scheme:dark){.p-0{fill:#eee}}</style>")


def test_a_dark_picture_of_other_shapes_stands_beside_the_light_one():
    drawn = picture(an_svg('<rect fill="#111"/>'), an_svg('<circle fill="#eee"/>'), "p")

    assert drawn.count("<svg") == 2
    assert 'class="by-day"' in drawn
    assert 'class="by-night"' in drawn


def test_a_color_cannot_end_its_rule():
    drawn = picture(an_svg('<rect fill="#111"/>'), an_svg('<rect fill="red}body{display:none"/>'), "p")

    assert "{.p-0{fill:redbodydisplaynone}}" in drawn


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40))
def test_a_text_in_a_picture_stays_a_text(text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    page = Page(picture(an_svg(f"<text>{escaped}</text>"), None, "p"))

    assert "".join(page.texts) == text
    assert [each.tag for each in page.elements] == ["svg", "text"]


def test_on_paper_all_texts_have_one_font():
    drawn = on_paper(an_svg('<text font-family="system-ui">a</text>'), "Libertinus Serif")

    assert b'font-family="Libertinus Serif"' in drawn
    assert b"system-ui" not in drawn
