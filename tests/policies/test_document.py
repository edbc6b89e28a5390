"""The document of a policy names every rule once, what goes ahead first, and is sound in every format."""

import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from support.random_policies import a_policy, a_stack

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies import PHONE, policy_document, policy_map, read_policy, svg, to_html, to_markdown
from hitl_orchestrator.policies.language.model import policy_hash, policy_of

BUNDLED = ("policies/loans.yaml", "policies/moderation.yaml", "policies/refunds.yaml", "routing_policy.json")


def bundled(name):
    return read_policy(files("hitl_orchestrator.data").joinpath(name).read_text("utf-8"), name.rpartition("/")[2])


def claims(**fields):
    rule = {"rule_id": "large", "priority": 1, "conditions": {"metadata": {"amount": {"gt": 20000}}}}
    rule |= {"action": "escalate"} | fields
    declared = {"amount": {"type": "number", "min": 0, "max": 1000000, "unit": "EUR", "required": True}}
    return policy_of({"policy_id": "claims", "metadata": declared, "rules": [rule]})


def only_rule(policy):
    (entry,) = [entry for section in policy_document(policy).sections for entry in section.entries if entry.place]
    return entry


@pytest.mark.parametrize("seed", range(20))
def test_every_rule_is_named_once_and_all_that_go_ahead_in_the_first_section(seed):
    policy = a_stack(seed) if seed % 2 else a_policy(seed, most=12)
    made = policy_document(policy)
    first, *others = made.sections
    ahead = [entry.name for entry in first.entries]
    named = [entry.name for section in made.sections for entry in section.entries if entry.place]
    rules = [rule for _, layer in policy.parts for rule in layer.rules]

    assert first.title == "What goes ahead without a person"
    assert ahead == [rule.rule_id for rule in policy.by_priority if rule.action is Action.AUTO_APPROVE]
    assert sorted(named) == sorted(rule.rule_id for rule in rules)
    assert {section.title for section in others} >= {f"Layer: {name}" for name, _ in policy.parts[1:]}
    assert ("Hash (SHA-256)", policy_hash(policy)) in made.facts


def test_a_policy_without_approval_says_so_first():
    assert policy_document(claims()).sections[0].intro == "Nothing goes ahead without a person."


@pytest.mark.parametrize(
    ("fields", "decision"),
    [
        ({}, "Escalated: a person with the role senior manager or a higher one decides without a time limit."),
        (
            {"action": "human_review", "respond_within": "PT36H", "on_timeout": "reject"},
            "A person with the role domain reviewer or a higher one decides within 1 day 12 hours; "
            "after that it is rejected.",
        ),
        (
            {"approvals": 2, "agreement": "majority", "respond_within": "P2D", "remind_before": "PT4H"},
            "Escalated: two people with the role senior manager or a higher one decide within 2 days, with a reminder "
            "4 hours before; their majority counts; after that it moves to the next higher role, if there is one.",
        ),
        (
            {"approvals": 2, "distinct_roles": True, "ask": {"team": "credit", "not": ["r01"]}},
            "Escalated: two people with the role senior manager or a higher one, of the team credit, but not r01, each "
            "in another role, decide without a time limit; all of them must agree.",
        ),
        (
            {"action": "auto_approve", "spot_check": 0.05},
            "They go ahead without a person; a person checks 5 % of them afterwards.",
        ),
        (
            {"action": "auto_approve", "spot_check": 0.05, "hold": 0.02, "valid_until": "2027-06-30"},
            "They go ahead without a person, except 2 % of them, drawn by chance, which a person decides first; "
            "a person checks 5 % of the others afterwards.",
        ),
    ],
)
def test_who_decides_by_when_is_a_sentence(fields, decision):
    assert only_rule(claims(**fields)).decision == decision


def test_numbers_have_separators_and_units_and_facts_their_ranges():
    made = policy_document(claims())
    facts = next(section for section in made.sections if section.title == "Facts that the rules read")

    small = claims(conditions={"metadata": {"amount": {"gt": 50}}})

    assert only_rule(claims()).text.endswith("above 20,000 EUR.")
    assert only_rule(small).text.endswith("above 50 EUR.")
    assert [(entry.name, entry.text) for entry in facts.entries] == [
        ("amount", "a number in EUR, from 0 to 1,000,000, required.")
    ]


def test_messages_and_remarks_are_shown():
    entry = only_rule(claims(blind=True, message="Ask\nfirst.", note="Since May", owner="desk", reference="4.2"))

    assert entry.decision.endswith("They decide before they see what the agent proposes. Reviewers read: “Ask first.”")
    assert entry.notes == ("Note: Since May", "Owner: desk", "Reference: 4.2")


class Page(HTMLParser):
    """The open tags, the ids, the addresses and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.loads, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        self.ids += [of["id"]] if "id" in of else []
        self.loads += [of[name] for name in ("src", "href") if name in of]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", BUNDLED)
def test_the_html_is_one_sound_file_that_loads_nothing(name):
    policy = bundled(name)
    drawn = policy_map(policy)
    text = to_html(policy_document(policy), (svg(drawn), svg(drawn, PHONE)))
    page = Page(text)

    assert page.open == []
    assert page.loads == []
    assert len(page.ids) == len(set(page.ids))
    assert set(re.findall(r"url\(#([\w-]+)\)", text)) <= set(page.ids)
    for way in ("prefers-color-scheme: dark", "max-width: 40rem", "@media print"):
        assert way in text
    assert page.text.index("What goes ahead") < page.text.index("What people decide") < page.text.index("Sign-off")


def test_names_are_never_read_as_markup():
    policy = policy_of(
        {
            "policy_id": "p",
            "description": "<b>bold</b> *star* [link](x)\n# head",
            "rules": [{"rule_id": "r", "priority": 1, "conditions": {"domain": "<i>|x"}, "action": "escalate"}],
        }
    )
    made = policy_document(policy)

    assert "<b>" not in to_html(made)
    assert "<i>" not in to_html(made)
    assert "\\<b\\>bold\\</b\\> \\*star\\* \\[link\\](x) # head" in to_markdown(made)
