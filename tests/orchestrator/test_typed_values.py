"""A subclass of a public class is stored with all of its fields, or refused; it loosens no check."""

from typing import Any

import pytest
from support.builders import a_task, an_output

from hitl_orchestrator import AgentOutput, InvalidInput, Proposal, Review, Task

POLICY = {
    "policy_id": "p",
    "rules": [
        {
            "rule_id": "calm",
            "priority": 1,
            "conditions": {"signals": {"none": ["unusual"]}},
            "action": "auto_approve",
            "assigned_human_role": None,
        },
        {
            "rule_id": "rest",
            "priority": 2,
            "conditions": {},
            "action": "human_review",
            "assigned_human_role": "domain_reviewer",
        },
    ],
}
PROPOSED = {"predicted_label": "Refund"}


class Payment(Proposal):
    unusual: bool = False
    amount: int = 0


class PaymentOutput(AgentOutput):
    agent_output: Payment


class LooseOutput(AgentOutput):
    confidence_score: Any = None


class MarkedOutput(AgentOutput):
    unusual: bool = True


class LooseTask(Task):
    risk_level: Any = None
    region: str = "EU"


@pytest.mark.parametrize("kind", [AgentOutput, PaymentOutput])
def test_the_declared_fields_of_a_typed_proposal_are_read_and_kept(opened, store, kind):
    hitl = opened(store, policy=POLICY)
    proposal = Payment(**PROPOSED, unusual=True, amount=7)

    case = hitl.submit(a_task(), kind(task_id="task-1", agent_output=proposal, confidence_score=0.9))
    calm = kind(task_id="task-2", agent_output=Payment(**PROPOSED, amount=8), confidence_score=0.9)

    assert case.status == "waiting"
    assert case.submission.output.agent_output.model_extra == {"unusual": True, "amount": 7}
    assert hitl.submit(a_task("task-2"), calm).final_output.model_extra == {"unusual": False, "amount": 8}


@pytest.mark.parametrize("whole", [True, False])
def test_the_declared_fields_of_an_edited_output_are_kept(opened, store, whole):
    hitl = opened(store, policy=POLICY)
    hitl.submit(a_task(), an_output(unusual=True))
    edited = Payment(predicted_label="x", amount=7)
    review = Review(human_decision="modify", modified_output=edited, human_feedback="f", idempotency_key="k")
    fields = {"decision": "modify", "output": edited, "feedback": "f", "idempotency_key": "k"}

    answers = [
        hitl.decide(task_id="task-1", reviewer="ana", **({"decision": review} if whole else fields)) for _ in range(2)
    ]

    assert [case.final_output.model_extra for case in answers] == [{"unusual": False, "amount": 7}] * 2


@pytest.mark.parametrize("confidence", [True, "0.9", 5, [1]], ids=repr)
def test_a_subclass_loosens_no_type(opened, store, confidence):
    hitl = opened(store, policy=POLICY)

    with pytest.raises(InvalidInput, match="confidence_score"):
        hitl.submit(a_task(), LooseOutput(task_id="task-1", agent_output=PROPOSED, confidence_score=confidence))

    assert not hitl.cases.unfinished()
    assert not hitl.inbox()


def test_a_field_that_has_no_place_is_refused(opened, store):
    hitl = opened(store, policy=POLICY)
    task = LooseTask(**{**a_task().model_dump(), "risk_level": "none"})

    with pytest.raises(InvalidInput, match="unusual: unknown field"):
        hitl.submit(a_task(), MarkedOutput(task_id="task-1", agent_output=PROPOSED))
    with pytest.raises(InvalidInput, match=r"'none'|\"none\"") as refused:
        hitl.submit(task, an_output())

    assert any("region: unknown field" in problem for problem in refused.value.problems)
    assert not hitl.cases.unfinished()


def test_a_value_of_another_type_is_refused_with_the_one_that_is_needed(opened):
    hitl = opened("memory://", policy=POLICY)

    with pytest.raises(InvalidInput, match="task: task_type: this field is required"):
        hitl.submit({"task_id": "d"})
    with pytest.raises(InvalidInput, match="output: agent_output: this field is required"):
        hitl.submit(a_task(), {"task_id": "task-1"})


@pytest.mark.parametrize(
    "wrong",
    [{"limit": "5"}, {"limit": 2.5}, {"limit": True}, {"after": 5}, {"role": ["a"]}, {"reviewer": ["a"]}],
    ids=str,
)
def test_the_inbox_refuses_values_of_another_type(opened, wrong):
    with pytest.raises(InvalidInput, match="inbox: "):
        opened("memory://").inbox(**wrong)
