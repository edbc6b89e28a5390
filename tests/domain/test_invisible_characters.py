"""Invisible characters are written out, so that reviewers see all of a text."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.domain.shown.invisible_characters import escape_in_json, escape_invisible, hidden_in, warning

HIDDEN = {
    "control": "\x00\x07\x1b\x7f\x85\x9f",
    "separators": "\u2028\u2029",
    "bidirectional": "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    "zero-width": "\u200b\u200c\u200d\u2060\ufeff\u180e\u00ad",
    "invisible operators": "\u2061\u2062\u2063\u2064",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "fillers": "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b",
    "variation selectors": "\ufe00\ufe0e\ufe0f\U000e0100\U000e01ef",
    "annotation": "\ufff9\ufffa\ufffb",
    "private": "\ue000\U0010fffd",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "surrogates": "\ud800\udfff",
}
SEEN = [
    "plain",
    "Grüße",
    "日本語",
    "שלום",
    "مرحبا",
    "हिन्दी",
    "a\u0301",
    "👍🏽",
    "⚠\ufe0f",
    "❤\ufe0e",
    "a\u00a0b\u3000c",
    "½€±",
]


@pytest.mark.parametrize("characters", HIDDEN.values(), ids=HIDDEN)
def test_invisible_characters_are_escaped_and_counted(characters):
    for char in characters:
        assert escape_invisible(f"a{char}b") == f"a<U+{ord(char):04X}>b"
        assert hidden_in({"key": [f"a{char}b"], f"{char}": 1}) == [char] * 2


@pytest.mark.parametrize("text", SEEN)
def test_visible_text_is_unchanged(text):
    assert escape_invisible(text) == text
    assert hidden_in(text) == []


def test_line_breaks_and_tabs_are_escaped_in_single_lines_and_not_counted():
    assert escape_invisible("a\r\nb\tc\n") == "a<U+000D><U+000A>b<U+0009>c<U+000A>"
    assert hidden_in("a\r\nb\tc\n") == []
    assert hidden_in("a\rb") == ["\r"]


@given(st.text())
def test_shown_text_hides_and_loses_nothing(text):
    shown = escape_invisible(text)
    named = re.sub("<U[+]([0-9A-F]{4,6})>", lambda found: chr(int(found[1], 16)), shown)

    assert (escape_invisible(shown), hidden_in(shown)) == (shown, [])
    assert named == text or "<U+" in text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("plain", None),
        ({"a": [1, None, True, {"b": "c"}]}, None),
        ("a\u200b", "contains 1 invisible character, shown as <U+200B>"),
        (["\u200b", {"\u202e": "\u200b"}], "contains 3 invisible characters, shown as <U+200B> <U+202E>"),
        (
            "\u200b\u200c\u200d\u200e\u200f\u2060",
            "contains 6 invisible characters, shown as <U+200B> <U+200C> <U+200D> <U+200E> <U+200F> and others",
        ),
    ],
)
def test_the_warning_has_the_count_and_the_escapes(given, text):
    assert warning(given) == text


@given(value=st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner, max_size=3), max_leaves=5))
def test_escaping_in_json_hides_nothing_and_keeps_the_value(value):
    escaped = escape_in_json(json.dumps(value, ensure_ascii=False, indent=2))

    assert json.loads(escaped) == value
    assert hidden_in(escaped) == []
