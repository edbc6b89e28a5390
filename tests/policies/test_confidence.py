"""Confidence scorers: a number in [0, 1] or unknown, with the parts it came from."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.builders import an_output

from hitl_orchestrator.classifiers.sampling import Sampling, majority
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.policies import (
    FirstOf,
    Judge,
    Lowest,
    Reported,
    ScoreRules,
    SelfConsistency,
    TokenLogprobs,
    Verbalised,
    Weighted,
    score_of,
)

EARLY = ", 1 more were not drawn: rule of succession"
AGREES = an_output().agent_output.predicted_label


def scored(scorer, confidence=None, **fields):
    return score_of(an_output(confidence=confidence, **fields), RiskLevel.LOW, ScoreRules(confidence=scorer))


@pytest.mark.parametrize(
    ("of_tokens", "expected"),
    [("geometric_mean", 0.5 * math.sqrt(0.8)), ("product", 0.2), ("lowest", 0.25)],
)
def test_token_probabilities_are_combined_as_asked(of_tokens, expected):
    logprobs = [math.log(0.25), math.log(0.8)]

    score = scored(TokenLogprobs(of_tokens=of_tokens), token_logprobs=logprobs)

    assert score.confidence == pytest.approx(expected)
    assert score.parts[0].how == f"{of_tokens.replace('_', ' ')} of 2 token probabilities"


@pytest.mark.parametrize(
    ("fields", "expected", "how"),
    [
        ({"samples": [AGREES] * 4 + ["Other"]}, 0.8, "4 of 5 samples agree"),
        ({"samples": [AGREES] * 4, "samples_planned": 5}, 5 / 6, f"4 of 4 samples agree{EARLY}"),
        ({"samples": [AGREES] * 5, "samples_planned": 2}, 1.0, "5 of 5 samples agree"),
        (
            {"samples": [AGREES] * 3, "samples_planned": 6},
            None,
            "3 samples of 6 are too few: the others may all differ",
        ),
        (
            {"samples": [AGREES], "samples_planned": 1000},
            None,
            "1 samples of 1000 are too few: the others may all differ",
        ),
        ({"samples": [AGREES] * 5, "samples_planned": -4}, None, "could not be read"),
        ({"samples": [AGREES] * 4}, None, "4 samples are too few, 5 are needed"),
        ({"samples": [AGREES] * 5, "samples_planned": "5"}, None, "could not be read"),
        ({}, None, "absent"),
    ],
)
def test_samples_that_were_not_drawn_lower_the_confidence(fields, expected, how):
    score = scored(Lowest(of=(SelfConsistency(),)), **fields)

    assert (score.confidence, score.parts[0].how) == (expected, how)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("85%", 0.85),
        ("0.85", 0.85),
        ("confidence: 85%", 0.85),
        ("Confidence = .85.", 0.85),
        ("My confidence level is  85 percent", 0.85),
        ("85/100", 0.85),
        ("85 out of 100", 0.85),
        ("certainty of 100 %", 1.0),
        ("1.0", 1.0),
        ("85", None),
        ("1", None),
        ("not 85%", None),
        ("80-90%", None),
        ("more than 85%", None),
        ("85% sure that it is wrong", None),
        ("101%", None),
        ("1.5", None),
        ("-0.5", None),
        ("٨٥%", None),
        ("confidence: " + " " * 500 + "85%", None),
        ("nan", None),
        ("", None),
    ],
)
def test_a_stated_confidence_is_the_whole_text_or_unknown(text, expected):
    score = scored(Verbalised(), verbalised_confidence=text)

    assert score.confidence == expected
    assert score.unreadable == (() if expected is not None else ("verbalised_confidence",))


def test_a_weighted_confidence_names_its_parts():
    scorer = Weighted(of=((Verbalised(), 3), (Judge(), 1)))

    score = scored(scorer, verbalised_confidence="80%", judge_confidence="40%")

    assert (score.confidence, score.source) == (pytest.approx(0.7), "weighted")
    assert [part.sentence for part in score.parts] == [
        "verbalised: 0.80, stated by the agent; weight 0.75",
        "judge: 0.40, stated by a judge; weight 0.25",
    ]


@pytest.mark.parametrize("combine", [lambda *of: Weighted(of=[(one, 1) for one in of]), lambda *of: Lowest(of=of)])
@pytest.mark.parametrize("judge", [None, "sure", "unknown"])
def test_a_combination_with_an_unknown_part_is_unknown(combine, judge):
    fields = {} if judge is None else {"judge_confidence": judge}

    score = scored(combine(Reported(), Judge()), 0.9, **fields)

    assert (score.confidence, score.source, "low_confidence" in score.signals) == (None, "missing", True)
    assert [part.value for part in score.parts] == [0.9, None]
    assert score.unreadable == (() if judge is None else ("judge_confidence",))


def test_the_parts_that_were_not_used_are_kept_too():
    score = score_of(an_output(confidence=0.95, verbalised_confidence="50%"), RiskLevel.LOW, ScoreRules())

    assert (score.confidence, score.source) == (0.95, "reported")
    assert [part.sentence for part in score.parts] == [
        "reported: 0.95, the output's confidence_score",
        "verbalised: 0.50, stated by the agent",
    ]


def test_a_reported_confidence_alone_has_no_parts():
    assert score_of(an_output(confidence=0.95), RiskLevel.LOW, ScoreRules()).parts == ()


@pytest.mark.parametrize(
    "rules",
    [
        {"confidence": {"kind": "guess"}},
        {"confidence": {"kind": "first_of", "of": []}},
        {"confidence": {"kind": "weighted", "of": [[{"kind": "judge"}, 0]]}},
        {"confidence": {"kind": "weighted", "of": [[{"kind": "judge"}, math.inf]]}},
        {"confidence": {"kind": "self_consistency", "at_least": 1}},
    ],
)
def test_an_unusable_scorer_is_refused(rules):
    with pytest.raises(ValidationError):
        ScoreRules.model_validate(rules)


LEAVES = st.sampled_from([Reported(), TokenLogprobs(), SelfConsistency(at_least=2), Verbalised(), Judge()])
SCORERS = st.recursive(
    LEAVES,
    lambda of: st.one_of(
        st.lists(of, min_size=1, max_size=3).map(lambda each: FirstOf(of=each)),
        st.lists(of, min_size=1, max_size=3).map(lambda each: Lowest(of=each)),
        st.lists(st.tuples(of, st.floats(0.01, 1000)), min_size=1, max_size=3).map(lambda each: Weighted(of=each)),
    ),
    max_leaves=5,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "token_logprobs": st.lists(st.floats(-800, 0), max_size=5),
        "samples": st.lists(st.sampled_from([AGREES, "Other"]), max_size=8),
        "samples_planned": st.integers(0, 9),
        "verbalised_confidence": st.sampled_from(["85%", "0.3", "no idea", 1]),
        "judge_confidence": st.sampled_from(["15%", "1.0", "unknown"]),
    },
)


@given(SCORERS, st.none() | st.floats(0, 1), FIELDS)
def test_every_scorer_gives_a_share_or_nothing_and_survives_storage(scorer, confidence, fields):
    score = scored(scorer, confidence, **fields)

    assert score.confidence is None or 0 <= score.confidence <= 1
    assert (score.confidence is None) == (score.source == "missing")
    rules = ScoreRules(confidence=scorer)
    assert ScoreRules.model_validate_json(rules.model_dump_json()) == rules
    assert ScoreRules.model_validate(rules.model_dump(mode="json", exclude_defaults=True)) == rules
    assert type(score).model_validate_json(score.model_dump_json()) == score


@given(
    drawn=st.lists(st.sampled_from(["a", "b", "c"]), min_size=9, max_size=9),
    planned=st.integers(2, 9),
    bound=st.sampled_from([0.5, 0.6, 0.75, 0.8, 0.9, 1.0]),
)
def test_stopping_early_at_a_bound_changes_neither_the_label_nor_the_side_of_the_bound(drawn, planned, bound):
    sampling, every = Sampling(planned, bound), drawn[:planned]
    needed = next(count for count in range(1, planned + 1) if sampling.is_settled(every[:count]))
    scorer = SelfConsistency(at_least=2)

    label = majority(every)
    early, full = (
        score_of(
            an_output(confidence=None, label=label, samples=labels, samples_planned=planned),
            RiskLevel.LOW,
            ScoreRules(confidence=scorer),
        )
        for labels in (every[:needed], every)
    )

    assert majority(every[:needed]) == label
    assert (early.confidence >= bound) == (full.confidence >= bound)
