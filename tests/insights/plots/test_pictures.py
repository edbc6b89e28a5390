"""Every picture of any metrics is sound SVG that says its finding, or there is a reason why it is not drawn."""

import re
import sys
from datetime import timedelta
from itertools import combinations, pairwise, product
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.outcome_frames import MONDAY, automatic, frame_of, reviewed
from support.random_outcomes import ledgers
from support.random_policies import a_policy_with
from support.report_parts import some_metrics
from support.sizes import sized

from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.metrics import measure
from hitl_orchestrator.insights.metrics.model import HeatCell
from hitl_orchestrator.insights.shares import share_among
from hitl_orchestrator.policies import automatic_from

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

from hitl_orchestrator.insights.plots import PICTURES, Bound, draw, picture, picture_text, to_png, to_svg
from hitl_orchestrator.insights.plots.labels import short_labels, text_width, wrapped
from hitl_orchestrator.insights.plots.style import THEMES, contrast, mixed, text_on
from hitl_orchestrator.insights.plots.trend import describe
from hitl_orchestrator.insights.plots.trust_boundaries import APPROVED, MOST_POINTS, SHAPES, UNSEEN

SVG = "{http://www.w3.org/2000/svg}"
BOUNDS = automatic_from(
    a_policy_with(
        [
            ("auto_approve", {"risk_level": "low", "min_confidence": 0.8}),
            ("auto_approve", {"risk_level": "medium", "min_confidence": 0.75, "domain": "payments"}),
        ]
    )
)
HOSTILE = (
    "</text><script>alert(1)</script>",
    "datum.x'\"\\ ${x} %s {{y}}",
    '{"expr": "1+1"}',
    "&amp;<b>&#x41;",
    "退款请求",
    "طلب استرداد",
    "a" * 200,
)
FINAL = ("approve", "approve", "modify", "override", "reject")


def many(count, task_types=("refund",)):
    """So many cases, over four weeks; every third is automatic."""
    rows = []
    for number in range(count):
        fields = {
            "task_type": task_types[number % len(task_types)],
            "confidence_score": 0.5 + number % 50 / 100,
            "risk_level": list(RiskLevel)[number // 3 % 3].value,
            "timestamp": MONDAY + timedelta(days=28 * number / count),
        }
        kind = automatic if number % 3 == 0 else reviewed
        rows.append(kind(number, *([] if kind is automatic else [FINAL[number % 5]]), **fields))
    return rows


def texts(svg):
    return [" ".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@sized("examples", ci=3, soak=100)
def test_every_picture_of_a_random_ledger_is_drawn_or_has_a_reason(examples):
    @settings(max_examples=examples, deadline=None)
    @given(rows=ledgers(), theme=st.sampled_from(list(THEMES)), width=st.sampled_from([280, 360, 720]))
    def check(rows, theme, width):
        frame = frame_of(rows) if rows else frame_of(many(1)).head(0)
        metrics = measure(frame)
        for name, found in PICTURES.items():
            chart = draw(name, metrics, frame, bounds=BOUNDS, theme=theme, width=width)
            if chart is None:
                assert found.why_not(metrics) == picture_text(name, metrics) == found.alt(metrics)
                continue
            svg = to_svg(chart)
            root = ElementTree.fromstring(svg)
            assert found.why_not(metrics) is None
            assert root.get("aria-label").startswith(picture_text(name, metrics))
            assert "NaN" not in svg
            assert (root.get("role"), root.get("width")) == ("img", str(width)), name

    check()


@pytest.fixture(scope="module")
def usual():
    """The frame and the metrics of cases with hostile task types."""
    frame = frame_of(many(420, HOSTILE))
    return frame, measure(frame)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_says_its_finding_is_valid_and_the_same_each_time(usual, name):
    frame, metrics = usual
    chart = draw(name, metrics, frame, bounds=BOUNDS)
    svg = to_svg(chart)

    chart.to_dict()  # against the schema of Vega-Lite
    assert svg == to_svg(draw(name, metrics, frame.clone(), bounds=BOUNDS))
    assert picture_text(name, metrics).split()[0] in " ".join(texts(svg))
    assert not re.search(r"<script|\bid=|https?://(?!www\.w3\.org/)|<image", svg)


def test_a_bound_can_be_given_by_hand(usual):
    frame, metrics = usual
    by_hand = [Bound(each.risk.value, each.confidence, each.label) for each in BOUNDS]
    by_policy = draw("trust_boundaries", metrics, frame, bounds=BOUNDS)
    assert to_svg(draw("trust_boundaries", metrics, frame, bounds=by_hand)) == to_svg(by_policy)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (((30, 40), (2, 40), (1, 40)), "'type-0' is overturned most: 75 % of 40 reviews at 0.60 to 0.70 confidence"),
        (((30, 40), (2, 40), (2, 3)), "'type-0' is overturned more than all reviews (41 %): 75 % of 40 reviews at "),
        (((10, 40), (8, 40), (5, 7)), "Nowhere is certainly more overturned than in all reviews together"),
        (((2, 13),), "Nowhere is certainly more overturned than in all reviews together"),
    ],
    ids=["certainly most", "certainly more than all", "may be chance", "a single cell"],
)
def test_the_title_of_the_heatmap_never_goes_beyond_its_interval(cells, says):
    drawn = tuple(
        HeatCell(task_type=f"type-{place}", confidence_band="0.60-0.70", cases=of, overturn=share_among(wrong, of))
        for place, (wrong, of) in enumerate(cells)
    )
    together = share_among(*map(sum, zip(*cells, strict=True)))
    assert picture_text("overturn_heatmap", some_metrics(overturn_map=drawn, overturn=together)).startswith(says)


def test_texts_of_agents_stay_texts(usual):
    frame, metrics = usual
    shown = texts(to_svg(draw("overturn_heatmap", metrics, frame)))

    assert {"</text><script>alert(1)</script>", '{"expr": "1+1"}', "&amp;<b>&#x41;", "退款请求"} <= set(shown)
    assert not any("a" * 60 in text for text in shown)


def test_a_sample_of_very_many_cases_keeps_the_overturned_ones_and_says_what_is_left_out():
    frame = frame_of(many(4_000))
    svg = to_svg(draw("trust_boundaries", measure(frame), frame))
    lines = " ".join(texts(svg))

    assert f"{4_000 - MOST_POINTS:,} are left out" in lines
    assert re.search(r"(all|a sample of the) overturned cases \([\d,]+\)", lines)
    assert MOST_POINTS * 0.99 < svg.count("<path") < MOST_POINTS + 200
    assert len(svg) < 500_000


def test_a_long_trend_is_shown_by_whole_weeks_without_points_of_few_cases():
    rows = [{**row, "timestamp": MONDAY + timedelta(hours=5 * number)} for number, row in enumerate(many(300))]
    frame = frame_of(rows)
    lines = " ".join(texts(to_svg(draw("trend", measure(frame), frame))))

    assert "by week, 6 Jan to 9 Mar 2025" in lines
    assert "Points of fewer than 5 cases" not in lines
    few = measure(frame_of(many(12)))
    assert draw("trend", few) is None
    assert picture_text("trend", few) == "not enough data: 0 of 2 intervals have 5 decided cases or more"


def test_changes_of_one_day_have_one_name_and_none_lies_upon_another():
    rows = many(300)
    for number, row in enumerate(rows):
        row |= {"agent_id": f"agent-{number % 3}", "model_version": "2025-02" if number > 150 else "2025-01"}
    metrics = measure(frame_of(rows))
    policies = [metrics.marks[0].model_copy(update={"kind": "policy", "label": f"p{n}", "of": None}) for n in range(20)]
    spread = [each.model_copy(update={"at": MONDAY + timedelta(days=1 + n)}) for n, each in enumerate(policies)]

    assert "3 agents: version 2025-02" in texts(to_svg(draw("trend", metrics)))
    assert "3 agents: version 2025-02 on 20 Jan 2025" in describe(metrics)
    crowded = draw("trend", metrics.model_copy(update={"marks": (*metrics.marks, *spread)}))
    found = re.findall(r'translate\(([\d.]+),([\d.]+)\)"[^>]*>((?:3 agents|new policy)[^<]*)<', to_svg(crowded))
    names = sorted({(float(y), float(x), text) for x, y, text in found})

    assert any(re.fullmatch(r"new policy p0 and \d+ more", text) for _, _, text in names)
    assert len({y for y, _, _ in names}) <= 4
    for (upper, left, text), (lower, right, _) in pairwise(names):
        assert upper < lower or left + text_width(text, 12) <= right


def test_a_picture_for_a_notebook_shows_itself_and_is_saved(usual, tmp_path):
    frame, metrics = usual
    drawn = picture("trust_boundaries", metrics, frame, theme="dark")
    drawn.save(tmp_path / "map.png")
    drawn.save(tmp_path / "map.svg")

    assert (tmp_path / "map.svg").read_text("utf-8") == drawn._repr_svg_()
    assert (tmp_path / "map.png").read_bytes() == to_png(drawn.chart)
    with pytest.raises(InvalidInput, match="neither SVG nor PNG"):
        drawn.save(tmp_path / "map.gif")


def test_what_cannot_be_drawn_is_refused_with_the_reason(usual, monkeypatch):
    _, metrics = usual
    few = measure(frame_of(many(3)))

    with pytest.raises(InvalidInput, match="risk_coverage: not enough data"):
        picture("risk_coverage", few)
    with pytest.raises(InvalidInput, match="no picture 'pie'; choose from trust_boundaries"):
        draw("pie", metrics)
    with pytest.raises(InvalidInput, match="'neon' is none; choose from light, dark, grey"):
        draw("trend", metrics, theme="neon")
    with pytest.raises(InvalidInput, match="width: 10"):
        draw("trend", metrics, width=10)
    with pytest.raises(InvalidInput, match="give the frame too"):
        draw("trust_boundaries", metrics)
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(InvalidInput, match=r"needs altair.*pip install '\.\[plots\]'"):
        draw("trend", metrics)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_everything_can_be_seen_on_whatever_it_lies_on(theme):
    marks = (theme.auto, theme.review, theme.escalate, theme.wrong, theme.line, theme.text)

    for mark, ground in product(marks, (theme.background, theme.panel)):
        assert contrast(mark, ground) >= 3, (mark, ground)
    assert contrast(theme.auto, theme.tint) >= 3
    for text, ground in product((theme.text, theme.muted), (theme.background, theme.panel, theme.tint)):
        assert contrast(text, ground) >= 4.5
    assert contrast(theme.wrong, theme.background) >= 4.5  # the signals of reviewers are texts in this color
    for step in range(101):
        fill = mixed(theme.heat, step / 100)
        assert contrast(text_on(fill), fill) >= 4.5
    brightness = [contrast(color, "#000000") for color in theme.heat]
    assert brightness in (sorted(brightness), sorted(brightness, reverse=True))


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_routes_differ_in_brightness_and_verdicts_in_shape(theme):
    for one, other in combinations((theme.auto, theme.review, theme.escalate), 2):
        assert contrast(one, other) >= 1.25, (one, other)
    # Not looked at and approved are both round: a small dot, and a ring.
    overturned = {shape for name, shape in SHAPES.items() if name not in {UNSEEN, APPROVED}}
    assert len(overturned) == len(SHAPES) - 2
    assert "circle" not in overturned


@settings(max_examples=30, deadline=None)
@given(names=st.lists(st.none() | st.text(min_size=1, max_size=200), max_size=30, unique=True))
def test_labels_are_short_and_all_different(names):
    labels = short_labels(names, 90, 11)

    assert len(set(labels)) == len(names)
    assert all(text_width(label, 11) <= 90 for label in labels)


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=300), width=st.integers(60, 700))
def test_lines_fit_and_no_word_is_lost(text, width):
    lines = wrapped(text, width, 13)

    assert all(text_width(line, 13) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(wrapped(text, 1e9, 13)).replace(" ", "")
