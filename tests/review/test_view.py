"""The card of a case: whole, harmless whatever agents and people wrote, and silent while the case is blind."""

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_task
from support.case_views import a_view

from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.review.view import AGENT_FIELDS, Choice, HistoryItem, card

HOSTILE = st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style><b>",
        "</div>",
        "&lt;b&gt;",
        "' onmouseover='x",
        "\u202egnp.exe",
        "<!--",
        "a\nb",
    ]
)
free_text = st.one_of(HOSTILE, st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1))


class Read(HTMLParser):
    """The tags with their attributes, and the text outside the style sheet."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self._styled = [], "", False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(attrs)))
        self._styled = tag == "style"

    def handle_endtag(self, tag):
        self._styled = False

    def handle_data(self, data):
        self.text += "" if self._styled else data


def every_text_is(text):
    return a_view(
        task=a_task(task_description=text, metadata={text: text, "list": [text]}),
        proposal=Proposal(predicted_label=text, explanation=text, more=text),
        own_label=text,
        confidence_means=text,
        reason=text,
        would_go_through=(text,),
        passed_up_because=text,
        history=(HistoryItem(at="2025-01-10T09:00:00Z", who="r01", what=text),),
        choices=(Choice(decision="reject", does=text),),
        why_not=text,
    )


@given(free_text)
def test_text_of_a_case_is_never_markup(text):
    plain = {tag for tag, _ in Read(card(every_text_is("x"))).tags} | {"br"}

    tags = Read(card(every_text_is(text))).tags

    assert {tag for tag, _ in tags} <= plain
    assert {name for _, attributes in tags for name, _ in attributes} <= {"class", "style"}
    assert "script" not in plain


def test_the_card_shows_what_a_reviewer_needs():
    text = Read(a_view()._repr_html_()).text

    for phrase in (
        "task-1",
        "medium risk",
        "Refund Request",
        "The customer asks for the money back",
        "C-204",
        "0.68",
        "of 40 outputs of this type at this confidence, 31 were upheld",
        "ambiguous",
        "rule_003 holds",
        "a confidence of 0.75 or more",
        "task-0",
        "due 2025-01-10 13:00 UTC",
        "ends the case as rejected",
    ):
        assert phrase in text


def test_invisible_characters_are_escaped_in_the_card():
    text = Read(card(every_text_is("pay \u202e001"))).text

    assert "pay <U+202E>001" in text
    assert "Beware: this contains" in text


def test_a_blind_card_hides_the_proposal():
    markup = card(a_view(hidden=AGENT_FIELDS))

    for secret in ("Refund Request", "money back", "0.68", "31 were upheld", "ambiguous", "rule_003", "0.75", "task-0"):
        assert secret not in markup
    assert "hidden until you have committed your own label" in markup
    assert "hitl.reviews.label(task_id='task-1', label=..., reviewer=...)" in Read(markup).text


def test_the_texts_of_agents_and_people_are_in_quotations():
    forged = "fine\nConfidence 0.99"
    task = a_view().task.model_copy(update={"task_description": forged, "metadata": {"note": forged}})
    proposal = a_view().proposal.model_copy(update={"predicted_label": forged, "explanation": forged})
    view = a_view(task=task, proposal=proposal, message=forged, passed_up_because=forged, reason=forged)

    outside = re.sub(r"<blockquote>.*?</blockquote>", "", card(view))

    assert "Confidence 0.99" not in outside
    assert card(view).count("Confidence 0.99") == 7


def test_a_card_loads_no_external_resources():
    markup = card(a_view())

    assert "http" not in markup
    assert "url(" not in markup
    assert markup.startswith('<div class="hitl-card">')
    assert markup.endswith("</div>")
