"""A word that is common elsewhere is told what it is called here; close letters never suggest another meaning."""

import pytest
from pydantic import ValidationError

from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.policies import Policy

SAID = {
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


def told(**conditions):
    rule = {"rule_id": "r", "priority": 1, "action": "escalate", "conditions": conditions}
    with pytest.raises(ValidationError) as caught:
        Policy.model_validate({"policy_id": "p", "metadata": {"amount": "number"}, "rules": [rule]})
    return "\n".join(problems(caught.value, "p.json", Policy))


@pytest.mark.parametrize(("word", "meant"), SAID.items())
def test_an_operator_of_another_language_is_told_by_what_it_means(word, meant):
    assert f"metadata.amount.{word}: unknown field; did you mean '{meant}'?" in told(metadata={"amount": {word: 5}})


@pytest.mark.parametrize(("word", "meant"), {"risk": "risk_level", "confidence": "min_confidence", "or": "any"}.items())
def test_so_is_a_condition(word, meant):
    assert f"conditions.{word}: unknown field; did you mean '{meant}'?" in told(**{word: "low"})


@pytest.mark.parametrize(("word", "meant"), {"Sat": "saturday", "mon": "monday", "Tues": "tuesday"}.items())
def test_so_is_a_day(word, meant):
    assert f"did you mean '{meant}'?" in told(time={"days": [word]})


@pytest.mark.parametrize(("word", "meant"), {"from": "begins", "until": "ends"}.items())
def test_so_are_the_ends_of_a_window_of_time(word, meant):
    assert f"time.{word}: unknown field; did you mean '{meant}'?" in told(time={"days": "monday", word: "08:00"})
