"""The map shows what the policy does, everywhere, and its picture is sound SVG in which no text lies on another."""

import random
import re
import sys
from importlib.resources import files
from xml.etree import ElementTree

import pytest
from support.random_facts import facts_at_random
from support.random_policies import a_policy, a_policy_with, a_stack

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import PolicyStack, compile_policy, read_policy
from hitl_orchestrator.policies.analysis.maps.panels import MOST_FLAT, policy_map
from hitl_orchestrator.policies.analysis.maps.picture import DARK, PHONE, STYLE, WIDE, png, svg

SVG = "{http://www.w3.org/2000/svg}"


def canonical():
    name = "routing_policy.json"
    return read_policy(files("hitl_orchestrator.data").joinpath(name).read_text("utf-8"), name)


def fields(row):
    return [(field.rule_id, field.low, field.high) for field in row.fields]


def test_the_canonical_policy_has_one_panel_with_the_riskiest_row_first():
    drawn = policy_map(canonical())
    (panel,) = drawn.panels

    assert (panel.title, drawn.more) == ("every case", 0)
    assert [row.risk for row in panel.rows] == [RiskLevel.HIGH, RiskLevel.MEDIUM, RiskLevel.LOW]
    assert [fields(row) for row in panel.rows] == [
        [("rule_001", 0.0, 1.0)],
        [("fallback", 0.0, 0.6), ("rule_003", 0.6, 0.75), ("rule_002", 0.75, 1.0)],
        [("rule_005", 0.0, 0.8), ("rule_004", 0.8, 1.0)],
    ]
    assert [row.missing[0].rule_id for row in panel.rows] == ["rule_001", "fallback", "rule_005"]


def test_a_panel_says_where_something_goes_ahead_and_a_line_where_nothing_does():
    policy = a_policy_with(
        [
            ("escalate", {"domain": "payments", "metadata": {"amount": {"exists": True, "gt": 5000}}}),
            ("auto_approve", {"min_confidence": 0.8}),
        ]
    )
    drawn = policy_map(policy)

    # What follows from the first rule is left out of the title of the second.
    assert [(panel.title, panel.approves) for panel in drawn.panels] == [("all other cases", True)]
    assert [(line.letters, line.named, line.where) for line in drawn.flat] == [
        ("E", "r1", "in payments where amount is of another type or above 5000")
    ]
    assert drawn.summary == "Something goes ahead in one panel."


def test_three_letters_stand_for_the_risks_where_they_differ():
    drawn = policy_map(a_policy_with([("escalate", {"risk_level": "high"})]))

    assert drawn.panels == ()
    assert [(line.letters, line.named, line.where) for line in drawn.flat] == [("E R R", "r1, fallback", "every case")]
    assert drawn.summary == "Nothing goes ahead without a person."


def test_a_layer_has_panels_of_its_own_in_which_it_may_be_silent():
    layer = a_policy_with([("human_review", {"min_confidence": 0.9})], policy_id="l")
    drawn = policy_map(PolicyStack.of(canonical(), domains={"payments": layer}))

    assert [(panel.layer, panel.title) for panel in drawn.panels] == [
        ("organization", "every case"),
        ("domain payments", "every case"),
    ]
    assert [field.action for field in drawn.panels[1].rows[0].fields] == [None, Action.HUMAN_REVIEW]
    assert "other layers decide" in svg(drawn)
    assert drawn.summary.endswith("Of all layers, the strictest answer counts.")


@pytest.mark.parametrize(
    ("kind", "elsewhere", "lines"),
    [
        (
            {"domains": "payments"},
            {"domain": "support"},
            [("r2", "amount is of another type or above 5"), ("no rule", "all other cases")],
        ),
        (
            {"users": "ann"},
            {"metadata": {"requested_by": {"eq": "bob"}}},
            [
                ("r1", "requested_by is of another type"),
                ("r2", "amount is of another type or above 5"),
                ("no rule", "all other cases"),
            ],
        ),
    ],
)
def test_a_layer_is_drawn_where_it_is_asked_and_nowhere_else(kind, elsewhere, lines):
    ((layers, name),) = kind.items()
    fields = [("escalate", elsewhere), ("human_review", {"metadata": {"amount": {"exists": True, "gt": 5}}})]
    layer = a_policy_with(fields, policy_id="l", metadata={"amount": "number", "requested_by": "text"})
    drawn = policy_map(PolicyStack.of(a_policy_with([]), **{layers: {name: layer}}))

    assert [(line.named, line.where) for line in drawn.flat if line.layer != "organization"] == lines


def answers_by_hand(policy, facts):
    decision = compile_policy(policy).decide(facts)
    return decision.action, decision.rule_id


@pytest.mark.parametrize("seed", range(40))
def test_no_panel_in_which_something_goes_ahead_is_hidden_unsaid_and_each_layer_has_its_place(seed):
    policy = a_stack(seed) if seed % 2 else a_policy(seed, most=12)
    few, every = policy_map(policy, most=2), policy_map(policy, most=100_000)
    approving = [panel for panel in every.panels if panel.approves]
    shown = [panel for panel in few.panels if panel.approves]

    assert (every.more, every.more_approving) == (0, 0)
    assert few.more_approving == len(approving) - len(shown)
    assert few.more == len(every.panels) - len(few.panels)
    assert [panel.approves for panel in few.panels] == sorted((panel.approves for panel in few.panels), reverse=True)
    named = {each.layer for each in (*few.panels, *few.flat)}
    assert named == {name for name, _ in policy.parts}
    for name in named:
        if any(panel.layer == name for panel in approving):
            assert any(panel.layer == name for panel in shown)
    if few.more_approving:
        assert f"{few.more_approving} are not" in few.summary
        assert f"in {few.more_approving} of which something goes ahead" in svg(few)
    if approving == []:
        assert few.summary.startswith("Nothing goes ahead")
    assert len(every.flat) <= MOST_FLAT * len(policy.parts)


@pytest.mark.parametrize("seed", range(20))
def test_what_goes_ahead_by_the_engine_goes_ahead_in_a_panel_and_never_in_a_line(seed):
    policy, dice = a_policy(seed, most=6), random.Random(seed)
    drawn = policy_map(policy, most=100_000)
    approving = {
        (field.rule_id, row.risk, field.low)
        for panel in drawn.panels
        for row in panel.rows
        for field in row.fields
        if field.action is Action.AUTO_APPROVE
    }
    for _ in range(200):
        facts = facts_at_random(dice)
        action, rule = answers_by_hand(policy, facts)
        if action is Action.AUTO_APPROVE:
            assert any(
                (name, risk) == (rule, facts.risk_level) and low <= facts.confidence for name, risk, low in approving
            )
    assert all(Action.AUTO_APPROVE not in line.actions for line in drawn.flat)


def test_every_rule_that_approves_somewhere_is_in_a_panel_before_the_same_one_is_repeated():
    rules = [("auto_approve", {"task_type": f"t{number}", "min_confidence": 0.5}) for number in range(6)]
    drawn = policy_map(a_policy_with([*rules, ("auto_approve", {"domain": "d", "min_confidence": 0.9})]), most=7)

    assert {field.rule_id for panel in drawn.panels for row in panel.rows for field in row.fields} >= {
        f"r{number}" for number in range(1, 8)
    }


def test_panels_beyond_the_limit_are_counted():
    rules = [("auto_approve", {"task_type": f"t{number}", "min_confidence": 0.5}) for number in range(6)]
    drawn = policy_map(a_policy_with(rules), most=4)

    assert (len(drawn.panels), drawn.more, drawn.more_approving) == (4, 2, 2)
    assert drawn.summary == "Something goes ahead in 6 panels: 4 are shown, 2 are not."
    assert "and 2 more panels, in 2 of which something goes ahead" in svg(drawn)


@pytest.mark.parametrize("layout", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("seed", range(12))
def test_no_text_of_the_picture_lies_on_another_or_leaves_the_card(seed, layout):
    policy = a_stack(seed) if seed % 3 == 0 else a_policy(seed, most=random.Random(seed).randint(1, 9))
    picture = ElementTree.fromstring(svg(policy_map(policy), layout))
    assert float(picture.get("width")) == layout.wide
    placed = []
    for text in picture.iter(f"{SVG}text"):
        size = {"title": 8.4, "head": 10.4, "layer": 9.4, "strong": 7.8, "small": 6.7}.get(text.get("class"), 7)
        wide, x, y = len(text.text) * size, float(text.get("x")), float(text.get("y"))
        left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor")]
        assert 0 <= left <= float(picture.get("width")) - wide, text.text
        assert y < float(picture.get("height")), text.text
        placed.append((left, left + wide, y, text.text))
    for place, (left, right, y, report) in enumerate(placed):
        for other_left, other_right, other_y, other in placed[place + 1 :]:
            assert abs(y - other_y) >= 12 or right <= other_left or other_right <= left, (report, other)


def test_the_picture_has_a_title_a_story_and_a_form_for_dark_pages():
    drawn = svg(policy_map(canonical()))
    picture = ElementTree.fromstring(drawn)

    assert picture.find(f"{SVG}title").text == "Decisions of default_routing_policy_v1"
    assert "low risk: human_review by rule_005 from 0 to 0.8" in picture.find(f"{SVG}desc").text
    assert "prefers-color-scheme: dark" in drawn


def brightness(color):
    """Return the relative luminance of WCAG 2."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    darker, lighter = sorted((brightness(one), brightness(other)))
    return (lighter + 0.05) / (darker + 0.05)


def colors(style):
    """Return the color of each class; a mark, which is drawn thinly, as it looks upon each field."""
    found = dict(re.findall(r"(text|\.\w+) \{[^}]*?(?<!-)(?:fill|stroke): (#\w{6})", style))
    share = float(re.search(r"stroke-opacity: ([\d.]+)", style)[1])
    mark = re.search(r"\.mark \{ stroke: (#\w{6})", style.split("@media")[-1])[1]
    for name in (".amber", ".red"):
        mixed = (
            int(mark[at : at + 2], 16) * share + int(found[name][at : at + 2], 16) * (1 - share) for at in (1, 3, 5)
        )
        found[f"mark on {name}"] = "#" + "".join(f"{round(part):02x}" for part in mixed)
    return found


@pytest.mark.parametrize("style", [STYLE, STYLE + DARK], ids=["light", "dark"])
def test_every_text_can_be_read_on_whatever_it_lies_on_light_or_dark(style):
    of = colors(style)

    for name in (".card", ".green", ".amber", ".red", ".silent", "mark on .amber", "mark on .red"):
        assert contrast(of["text"], of[name]) >= 4.5, name
    assert min(contrast(of[name], of[".card"]) for name in (".small", ".layer")) >= 4.5


def test_names_are_never_read_as_markup():
    policy = a_policy_with([("escalate", {"domain": "<b>&"})])

    assert "<b>" not in svg(policy_map(policy))
    ElementTree.fromstring(svg(policy_map(policy)))


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\n", "\x85", "\u202e", "\ufffe"])
def test_invisible_characters_are_written_out_and_the_svg_stays_xml(sign):
    policy = a_policy_with([("escalate", {"metadata": {"country": {"eq": f"c{sign}d"}}}), ("auto_approve", {})])
    texts = [text.text for text in ElementTree.fromstring(svg(policy_map(policy))).iter() if text.text]

    assert any(f"c<U+{ord(sign):04X}>d" in text for text in texts)


def test_the_picture_can_be_had_as_png():
    pytest.importorskip("vl_convert")

    assert png(policy_map(canonical())).startswith(b"\x89PNG")


def test_a_png_without_its_extra_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)

    with pytest.raises(InvalidInput, match=r"pip install '\.\[plots\]'"):
        png(policy_map(canonical()))


def test_a_line_names_the_action_without_a_proposal_where_it_differs():
    declines = {"not": {"proposal": {"predicted_label": {"eq": "approve"}}}}
    policy = a_policy_with([("human_review", declines), ("escalate", {"metadata": {"amount": {"gt": 5}}})])
    lines = [line for line in policy_map(policy).flat if line.rules[-1] == "r2"]

    assert [line.letters for line in lines] == ["E"]
    assert lines[0].where.endswith("(without a proposal: R)")
