"""Rules that read the proposal and the agent: what they match, what is unknown, and what sentences say."""

from datetime import UTC, datetime
from json import dumps

import pytest
from support.random_policies import a_policy_with

from hitl_orchestrator.domain.decision import Facts, Score
from hitl_orchestrator.domain.enums import ConfidenceSource, RiskLevel
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import check, compile_policy, describe_facts, nearest_changes, read_policy
from hitl_orchestrator.policies.language.model import Policy, policy_hash
from hitl_orchestrator.policies.testing.boundaries import boundary_cases

GO = ("auto_approve", {"min_confidence": 0.8})
OUTPUT = {"limit": "number", "currency": "text"}


def facts(confidence=0.9, *, agent=(), has_proposal=True, **proposal):
    given = {"proposal": proposal, "agent": dict(agent), "has_proposal": has_proposal}
    return Facts(RiskLevel.LOW, "lending", "loan", confidence, **given)


def rule_for(rules, given, **more):
    return compile_policy(a_policy_with(rules, proposal=OUTPUT, **more)).decide(given).rule_id


def read(**fields):
    return read_policy(dumps({"policy_id": "p", "rules": []} | fields), "p.json")


@pytest.mark.parametrize("written", ["decline", ["decline", "refuse"], {"eq": "decline"}, {"in": ["decline"]}])
def test_a_rule_may_name_labels_in_every_form(written):
    rules = [("human_review", {"proposal": {"predicted_label": written}}), GO]

    assert rule_for(rules, facts(predicted_label="decline")) == "r1"
    assert rule_for(rules, facts(predicted_label="approve")) == "r2"
    assert rule_for(rules, facts()) == "r1", "an unknown label never goes ahead"


def test_both_forms_of_a_label_have_one_hash():
    short, long = (
        a_policy_with([("human_review", {"proposal": {"predicted_label": form}})]) for form in ("no", {"eq": "no"})
    )

    assert policy_hash(short) == policy_hash(long)


def test_declarations_in_the_long_form_have_the_hash_of_the_short_one():
    short, long = (
        Policy.model_validate({"policy_id": "p", "metadata": {"amount": form}, "rules": []})
        for form in ("number", {"type": "number"})
    )

    assert policy_hash(short) == policy_hash(long) != policy_hash(short.model_copy(update={"metadata": {}}))


def test_without_a_proposal_its_fields_and_its_agent_are_missing_whatever_the_facts_have():
    rules = [("auto_approve", {"proposal": {"limit": {"exists": True}}}), ("escalate", {"agent": {"id": "bot"}})]
    given = facts(None, limit=5, agent={"id": "bot"}, has_proposal=False)

    assert rule_for(rules, given) == "r2"
    assert rule_for([("escalate", {"proposal": {"limit": {"exists": True}}})], given) == "fallback"


def test_the_agent_is_what_the_output_states_in_short_names():
    stated = {"agent_id": "bot", "model": 5, "model_version": "x" * 300, "limit": 10}
    task = Task(task_id="t", task_type="loan", task_description="d", domain="lending", timestamp=datetime.now(UTC))
    output = AgentOutput(task_id="t", agent_output={"predicted_label": "approve", **stated}, confidence_score=0.9)
    score = Score(confidence=0.9, source=ConfidenceSource.REPORTED)
    given = Facts.of(task, RiskLevel.LOW, output, score, received=task.timestamp)

    assert given.agent == {"id": "bot"}
    assert given.proposal == {"predicted_label": "approve", "explanation": "", **stated}
    assert Facts.from_json(given.to_json()) == given


def test_sentences_name_the_source_of_a_field():
    rules = [
        ("human_review", {"proposal": {"predicted_label": "decline"}}),
        ("escalate", {"agent": {"model": {"ne": "m1"}}}),
        ("auto_approve", {"min_confidence": 0.8, "proposal": {"limit": {"le": 500}}}),
    ]
    compiled = compile_policy(a_policy_with(rules, proposal=OUTPUT))
    given = facts(predicted_label="approve", limit=900, agent={"model": "m1"})

    assert compiled.decide(given).trace[0].why == "the proposal's label is not decline"
    assert compiled.decide(given).trace[1].why == "the agent's model is m1"
    assert [change.sentence for change in nearest_changes(compiled, given)] == [
        "would be approved automatically if the proposal's limit were at most 500"
    ], "neither another label nor another agent is suggested"
    assert describe_facts(given) == (
        "low risk with a confidence of 0.9 in lending of type loan where the proposal's limit is 900, "
        "the proposal's label is approve and the agent's model is m1"
    )


@pytest.mark.parametrize(
    ("conditions", "problem"),
    [
        ({"proposal": {"limits": {"gt": 5}}}, "the policy declares no type for this field; did you mean 'limit'?"),
        ({"proposal": {"limit": {"gt": "5"}}}, "only numbers can be ordered; use a number"),
        ({"proposal": {"limit": {"eq": "5"}}}, "the policy declares 'limit' as a number, and this is not a number"),
        ({"agent": {"name": "bot"}}, "an agent has no such field; it has id, model, version"),
        ({"agent": {}}, "it names no field"),
        ({"proposal": {"limit": 5}}, 'name the operator, such as {"eq": ...}'),
    ],
)
def test_an_unfit_comparison_is_refused(conditions, problem):
    with pytest.raises(InvalidInput) as refused:
        read(proposal=OUTPUT, rules=[{"rule_id": "r", "priority": 1, "action": "escalate", "conditions": conditions}])
    assert problem in str(refused.value)


def test_a_label_is_a_text_in_every_policy():
    with pytest.raises(InvalidInput, match="predicted_label is a text in every proposal"):
        read(proposal={"predicted_label": "number"})


def test_no_finding_compares_a_missing_proposal_with_one_that_has_a_label():
    rules = [
        ("escalate", {"proposal": {"predicted_label": "decline"}, "min_confidence": 0.0}),
        ("human_review", {}),
    ]

    assert not [one for one in check(a_policy_with(rules)) if "without a proposal" in one.sentence]


def test_boundaries_of_the_proposal_are_tested():
    policy = a_policy_with([("escalate", {"proposal": {"limit": {"gt": 500}}}), GO], proposal=OUTPUT)

    tried = [given.proposal.get("limit") for _, given in boundary_cases(policy)]
    assert all(value in tried for value in (500, 501))
