"""Words of other policy languages get a suggestion by meaning, never by similar letters alone."""

import pytest
from pydantic import ValidationError

from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.policies import Policy

WORDS = {
    "gte": "ge",
    ">=": "ge",
    "at_least": "ge",
    "lte": "le",
    "<=": "le",
    "at_most": "le",
    "equals": "eq",
    "==": "eq",
    "not_equals": "ne",
    "!=": "ne",
    "not": "ne",
    "less_than": "lt",
    "<": "lt",
    "greater_than": "gt",
    ">": "gt",
    "one_of": "in",
}


def report(**conditions):
    rule = {"rule_id": "r", "priority": 1, "action": "escalate", "conditions": conditions}
    with pytest.raises(ValidationError) as caught:
        Policy.model_validate({"policy_id": "p", "metadata": {"amount": "number"}, "rules": [rule]})
    return "\n".join(problems(caught.value, "p.json", Policy))


@pytest.mark.parametrize(("word", "meant"), WORDS.items())
def test_an_operator_of_another_language_gets_a_suggestion_by_meaning(word, meant):
    assert f"metadata.amount.{word}: unknown field; did you mean '{meant}'?" in report(metadata={"amount": {word: 5}})


@pytest.mark.parametrize(("word", "meant"), {"risk": "risk_level", "confidence": "min_confidence", "or": "any"}.items())
def test_so_is_a_condition(word, meant):
    assert f"conditions.{word}: unknown field; did you mean '{meant}'?" in report(**{word: "low"})


@pytest.mark.parametrize(("word", "meant"), {"Sat": "saturday", "mon": "monday", "Tues": "tuesday"}.items())
def test_so_is_a_day(word, meant):
    assert f"did you mean '{meant}'?" in report(time={"days": [word]})


@pytest.mark.parametrize(("word", "meant"), {"from": "begins", "until": "ends"}.items())
def test_so_are_the_ends_of_a_window_of_time(word, meant):
    assert f"time.{word}: unknown field; did you mean '{meant}'?" in report(time={"days": "monday", word: "08:00"})
