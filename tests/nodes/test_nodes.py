"""Each node alone: it reads its part of the state, calls one port or one function, and returns its one key."""

from datetime import timedelta

import pytest
from support.builders import a_routing, a_submission, a_task, an_output

from hitl_orchestrator.domain.counting.counters import Counted, Counter
from hitl_orchestrator.domain.decision import Classification, Score
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.nodes.classify import classify
from hitl_orchestrator.nodes.finalize import finalize
from hitl_orchestrator.nodes.route import route
from hitl_orchestrator.nodes.score import score
from hitl_orchestrator.nodes.state import CaseRun, Classified, Scored, Submitted, facts_of
from hitl_orchestrator.policies.engine.risk import RiskRule
from hitl_orchestrator.policies.engine.scoring import ScoreRules, score_of
from hitl_orchestrator.services.reviews.audit_records import by_agent

ROUTING = a_routing("auto_approve")
CLASSIFIED = Classification(risk_level="low", output=an_output())
COUNTED = (Counted(counter=Counter(within=timedelta(days=1)), value=3),)
SCORE = Score(confidence=0.9, source="reported")


class OneRule:
    """Rules with one answer that record each call."""

    def __init__(self):
        self.asked = []

    def route(self, submission, facts):
        self.asked.append((submission.policy_hash, facts))
        return ROUTING.decision


class OneCase:
    """Counts of a ledger, which are always the same."""

    def before(self, submission):
        return COUNTED


class OneRecord:
    def __init__(self):
        self.closed = []

    def close(self, submission, routing):
        self.closed.append((submission, routing))
        return by_agent(submission, routing, submission.received_at, drawn=False)


def test_classify_uses_the_submitted_output():
    update = classify(Submitted(submission=a_submission()), classifier=None, risk_rules=())

    assert update == {"classification": CLASSIFIED}


def test_route_evaluates_the_policy_of_the_case():
    state = Scored(submission=a_submission(policy_hash="own"), classification=CLASSIFIED, score=SCORE)
    rules, run = OneRule(), CaseRun()

    assert route(state, run=run, rules=rules, history=OneCase()) == {"decision": ROUTING.decision}
    assert rules.asked == [("own", facts_of(state, COUNTED))]
    assert run.history == COUNTED


def test_score_uses_the_classified_output():
    state = Classified(submission=a_submission(), classification=CLASSIFIED)

    assert score(state, score_rules=ScoreRules()) == {"score": SCORE}


def test_finalize_closes_the_case_with_the_routing_of_this_run():
    run = CaseRun(computed={"classification": CLASSIFIED, "score": SCORE, "decision": ROUTING.decision})
    records = OneRecord()

    update = finalize(Submitted(submission=a_submission()), run=run, records=records)

    assert records.closed == [(a_submission(), run.routing)]
    assert update["outcome"].final_decision == "approved"


@pytest.mark.parametrize(
    ("task", "rules", "risk"),
    [
        ({"risk_level": "medium"}, [RiskRule(risk_level="low")], "medium"),
        ({"risk_level": "low"}, [RiskRule(risk_level="medium")], "medium"),
        ({"risk_level": "low"}, [RiskRule(risk_level="high"), RiskRule(risk_level="low")], "high"),
        ({"risk_level": "low"}, [RiskRule(risk_level="high", domain="finance")], "low"),
        ({"risk_level": "low"}, [], "low"),
        ({"risk_level": None}, [], "high"),
        ({"risk_level": None}, [RiskRule(risk_level="low", domain="finance")], "high"),
        ({"risk_level": None}, [RiskRule(risk_level="low", domain="customer_support")], "low"),
        (
            {"risk_level": None},
            [RiskRule(risk_level="low", task_type="other"), RiskRule(risk_level="medium")],
            "medium",
        ),
        ({"risk_level": None}, [RiskRule(risk_level="medium"), RiskRule(risk_level="low")], "medium"),
        ({"risk_level": None}, [RiskRule(risk_level="low", domain="customer_support", task_type="other")], "high"),
    ],
)
def test_a_stated_risk_raises_that_of_the_first_matching_rule_and_never_lowers_it(task, rules, risk):
    update = classify(Submitted(submission=a_submission(task=a_task(**task))), classifier=None, risk_rules=rules)

    assert update["classification"].risk_level is RiskLevel(risk)


def confidence_of(confidence=None, **extra):
    scored = score_of(an_output(confidence=confidence, **extra), RiskLevel.LOW, ScoreRules())
    return None if scored.confidence is None else round(scored.confidence, 6), scored.source.value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"confidence": 0.7, "samples": ["Refund", "x"], "verbalised_confidence": "10%"}, (0.7, "reported")),
        ({"confidence": 0.0}, (0.0, "reported")),
        ({"token_logprobs": [0.0, 0.0], "samples": ["x", "x"]}, (1.0, "log_probability")),
        ({"token_logprobs": [-0.693147, -0.693147]}, (0.5, "log_probability")),
        ({"token_logprobs": [-1e308, -1e308]}, (0.0, "log_probability")),
        (
            {"samples": ["Refund"] * 3 + ["x"] + ["Refund"] * 4, "verbalised_confidence": "1%"},
            (0.875, "self_consistency"),
        ),
        ({"samples": ["x", "y"] * 3}, (0.0, "self_consistency")),
        ({"verbalised_confidence": "85%"}, (0.85, "verbalised")),
        ({"verbalised_confidence": " 0.85 "}, (0.85, "verbalised")),
        ({}, (None, "missing")),
        ({"token_logprobs": []}, (None, "missing")),
        ({"token_logprobs": [0.1]}, (None, "missing")),
        ({"token_logprobs": [-0.1, None]}, (None, "missing")),
        ({"token_logprobs": [-0.1, True]}, (None, "missing")),
        ({"token_logprobs": "-0.1"}, (None, "missing")),
        ({"samples": ["Refund"] * 4}, (None, "missing")),
        ({"verbalised_confidence": "1"}, (None, "missing")),
        ({"verbalised_confidence": "120%"}, (None, "missing")),
        ({"verbalised_confidence": "very sure"}, (None, "missing")),
        ({"verbalised_confidence": 0.85}, (None, "missing")),
    ],
)
def test_the_sources_of_a_confidence(given, expected):
    assert confidence_of(**given) == expected


def signals_of(risk="low", confidence=0.9, **extra):
    return {signal.value for signal in score_of(an_output(confidence=confidence, **extra), risk, ScoreRules()).signals}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, set()),
        ({"confidence": 0.6}, set()),
        ({"confidence": 0.599}, {"low_confidence"}),
        ({"confidence": None}, {"low_confidence"}),
        ({"risk": RiskLevel.HIGH}, {"risky"}),
        ({"alternatives": {"Other": 0.81}}, {"ambiguous"}),
        ({"alternatives": {"Other": 0.79, "Refund": 0.9}}, set()),
        ({"alternatives": {"Other": "0.79"}}, set()),
        ({"alternatives": ["Other"]}, {"ambiguous"}),
        ({"confidence": 0.8, "alternatives": {"Other": 0.7}}, {"ambiguous"}),
        ({"confidence": None, "alternatives": {"Other": 0.01}}, {"low_confidence", "ambiguous"}),
        ({"unusual": True}, {"unusual"}),
        ({"unusual": "yes"}, {"unusual"}),
        ({"samples": ["Refund", "x", "y"]}, {"ambiguous"}),
        ({"samples": ["Refund", "x"]}, set()),
        ({"samples": ["x"]}, {"ambiguous"}),
    ],
)
def test_signals_of_a_score(given, expected):
    assert signals_of(**given) == expected


@pytest.mark.parametrize(
    "name",
    ["is_unusual", "isUnusual", "unusual:", "unusual\u200b", "\uff55nusual", "un-usual", "unusual_flag", "UNUSUAL?"],
)
def test_a_warning_is_read_under_every_spelling_of_its_name(name):
    assert signals_of(**{name: True}) == {"unusual"}
    assert signals_of(**{name: False}) == set()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"alternative": {"Other": 0.85}}, {"ambiguous"}),
        ({"sample": ["x", "x"]}, {"ambiguous"}),
        ({"is_ambiguous": True}, {"ambiguous"}),
        ({"warnings": ["unusual"]}, {"unusual"}),
        ({"signals": {"unusual": True, "ambiguous": True}}, {"unusual", "ambiguous"}),
        ({"flags": "the amount is unusual"}, {"unusual"}),
        ({"flags": {"unusual": False}, "signals": [], "warnings": ["slow"]}, set()),
        ({"metadata": [{"unusual": True}]}, {"unusual"}),
        ({"metadata": '{"unusual": true}'}, {"unusual"}),
        ({"metadata": {"details": {"unusual": True}}}, {"unusual"}),
        ({"metadata": {"checks": {"unusual": True}}}, {"unusual"}),
        ({"metadata": {"checks": {"unusual": False}, "note": "two samples are enclosed"}}, set()),
        ({"metadata": {"checks": {"verbalised_confidence": "99%"}}, "confidence": None}, {"low_confidence"}),
    ],
)
def test_a_warning_is_read_in_every_place_that_agents_use(given, expected):
    assert signals_of(**given) == expected


@pytest.mark.parametrize(
    ("alternatives", "expected"),
    [
        ({"Refund": 0.51, "Other": 0.49}, {"ambiguous"}),
        ([["Refund", 0.3], ["Other", 0.7]], {"ambiguous"}),
        ([["Refund", 0.7], ["Refund", 0.2], ["Other", 0.25]], {"ambiguous"}),
        ({"Refund": 0.7, "Other": 0.25}, set()),
        ({"Refund": 0.99, "Other": 0.85}, {"ambiguous"}),
    ],
)
def test_an_output_that_ranks_another_label_close_or_above_is_ambiguous(alternatives, expected):
    assert signals_of(alternatives=alternatives) == expected


def test_a_case_without_a_proposal_has_no_confidence():
    scored = score_of(None, RiskLevel.HIGH, ScoreRules())

    assert (scored.confidence, scored.source) == (None, "missing")
    assert set(scored.signals) == {"low_confidence", "risky"}
