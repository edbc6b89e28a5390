"""An AI reviewer in front of people holds back or recommends. It never approves, and its outage sends all to people."""

import math
from threading import Event

import pytest
from langchain_core.decisions import BaseDecisionModel, Choice, ClassifierResponse, Score
from langchain_core.runnables import RunnableLambda
from support.scripted_agents import REFUND, an_agent, pauses, results, resumed, started

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.integrations.langchain import AIReviewer, Opinion

SAFE = {"refund": {"risk": "low", "confidence": 0.99}}
APPROVES_ALL = {
    "policy_id": "all",
    "rules": [
        {"rule_id": "all", "priority": 1, "conditions": {}, "action": "auto_approve", "assigned_human_role": None}
    ],
}


class Decides(BaseDecisionModel):
    """Gives one answer to every question, and counts how often it was asked."""

    model: str = "decides"
    answer: dict
    asked: list

    @property
    def _provider(self):
        return "tests"

    def _classify(self, state, questions):
        self.asked.append(state)
        return ClassifierResponse(model=self.model, answers=dict.fromkeys(questions, self.answer))


def noul(probability):
    return Decides(answer={"type": "noul", "noul": probability}, asked=[])


def choice(label):
    shares = {"allow": 0.0, "hold": 0.0, "reject": 0.0, label: 1.0}
    return Decides(answer={"type": "choice", "choice": label, "probabilities": shares, "confidence": 1.0}, asked=[])


def score(level):
    answer = {"type": "score", "score": level, "legend": {}, "probabilities": {}, "confidence": 1.0}
    return Decides(answer=answer, asked=[])


def raises(judged):
    raise ConnectionError("the judge is away")


LABELS = Choice(instructions="May it run?", criteria={"allow": None, "hold": None, "reject": None})
LEVELS = Score(instructions="How harmful is it?", criteria=["not", "a little", "very"])
REVIEWERS = {
    "allows": (lambda: AIReviewer(noul(0.1)), "none"),
    "holds": (lambda: AIReviewer(noul(0.5)), "hold"),
    "rejects": (lambda: AIReviewer(noul(0.9)), "reject"),
    "chooses to allow": (lambda: AIReviewer(choice("allow"), question=LABELS), "none"),
    "chooses to reject": (lambda: AIReviewer(choice("reject"), question=LABELS), "reject"),
    "chooses a label of its own": (lambda: AIReviewer(choice("approve"), question=LABELS), "hold"),
    "scores low": (lambda: AIReviewer(score(0.2), question=LEVELS), "none"),
    "scores high": (lambda: AIReviewer(score(1.9), question=LEVELS), "reject"),
    "is a function": (lambda: AIReviewer(lambda judged: Opinion("hold", "hm")), "hold"),
    "is a runnable": (lambda: AIReviewer(RunnableLambda(lambda judged: {"recommendation": "reject"})), "reject"),
    "is away": (lambda: AIReviewer(raises), "hold"),
    "hangs": (lambda: AIReviewer(lambda judged: Event().wait(5), seconds=0.01), "hold"),
    "approves": (lambda: AIReviewer(lambda judged: {"recommendation": "approve"}), "hold"),
    "says nothing": (lambda: AIReviewer(lambda judged: None), "hold"),
    "is no number": (lambda: AIReviewer(lambda judged: {"recommendation": "none", "score": math.nan}), "hold"),
}


@pytest.mark.parametrize("policy", [None, APPROVES_ALL], ids=["default policy", "policy that approves all"])
@pytest.mark.parametrize("name", REVIEWERS)
def test_what_it_holds_back_waits_for_a_person_whatever_the_policy_says(name, policy):
    build, recommendation = REVIEWERS[name]
    ran = []
    with Orchestrator.open("memory://", policy=policy) as hitl:
        result = started(an_agent(hitl, ran, settings=SAFE, ai_reviewer=build()))

        assert bool(pauses(result)) == bool(hitl.inbox()) == (recommendation != "none")
        assert bool(ran) == (recommendation == "none")
        assert len(hitl.inbox()) + len(list(hitl.audit.records())) == 1


@pytest.mark.parametrize("policy", [None, APPROVES_ALL], ids=["default policy", "policy that approves all"])
@pytest.mark.parametrize(
    ("decision", "ran_with"),
    [
        ({"type": "approve"}, [("refund", 50, "ana")]),
        ({"type": "edit", "edited_action": {"name": "refund", "args": {"amount": 1, "to": "b"}}}, [("refund", 1, "b")]),
        ({"type": "reject"}, []),
    ],
)
def test_its_denial_has_a_way_to_a_person_who_decides(policy, decision, ran_with):
    ran = []
    with Orchestrator.open("memory://", policy=policy) as hitl:
        agent = an_agent(hitl, ran, settings=SAFE, ai_reviewer=AIReviewer(noul(1.0)), reviewer="senior_manager")
        started(agent)

        done = resumed(agent, {"decisions": [decision]})

        assert not pauses(done)
        assert ran == ran_with
        assert hitl.audit.verify().sound


def test_the_reviewer_sees_its_opinion_and_it_is_asked_once(tmp_path):
    judge = noul(0.9)
    with Orchestrator.open("memory://") as hitl:
        agent = an_agent(hitl, [], settings=SAFE, ai_reviewer=AIReviewer(judge))
        started(agent)
        for _ in range(3):
            resumed(agent, {"wake_up": "x"})
        (review,) = hitl.inbox()

        hitl.decide(review.case_id, "approve", reviewer="domain_reviewer")
        done = resumed(agent, {"wake_up": "x"})

    shown = review.proposal.model_dump()["ai_review"]
    assert (shown["by"], shown["recommendation"], shown["score"]) == ("decides", "reject", 0.9)
    assert results(done)["call-0"].status == "success"
    (asked,) = judge.asked
    assert asked["tool_call"] == {"id": "call-0", "name": "refund", "args": REFUND}
    assert asked["tool_description"] == "Refund an amount to a customer."


def test_bounds_in_the_wrong_order_and_unknown_labels_are_refused():
    with pytest.raises(InvalidInput, match="hold_at"):
        AIReviewer(noul(0), hold_at=0.9, reject_at=0.1)
    with pytest.raises(InvalidInput, match="labels"):
        AIReviewer(noul(0), question=Choice(instructions="?", criteria={"yes": None}))


@pytest.mark.parametrize("level", [-1.0, -0.01, 2.1, math.nan])
def test_a_score_out_of_range_is_unknown_and_held(level):
    ran = []
    with Orchestrator.open("memory://") as hitl:
        started(an_agent(hitl, ran, settings=SAFE, ai_reviewer=AIReviewer(score(level), question=LEVELS)))

        assert (len(hitl.inbox()), ran) == (1, [])


@pytest.mark.parametrize("stated", [-1.0, 2.0, math.nan, True])
def test_an_opinion_with_a_score_out_of_range_is_held(stated):
    ran = []
    with Orchestrator.open("memory://") as hitl:
        reviewer = AIReviewer(lambda judged: Opinion("none", score=stated))
        started(an_agent(hitl, ran, settings=SAFE, ai_reviewer=reviewer))

        assert (len(hitl.inbox()), ran) == (1, [])


def test_what_it_does_to_the_call_that_it_is_shown_changes_nothing():
    def changes(judged):
        judged["tool_call"]["args"]["amount"] = 9999
        for message in judged["messages"]:
            for call in getattr(message, "tool_calls", ()):
                call["args"]["amount"] = 9999
        return {"recommendation": "none"}

    def risk(arguments):
        arguments["amount"] = 9999
        return "low"

    ran = []
    with Orchestrator.open("memory://") as hitl:
        settings = {"refund": {"risk": risk, "confidence": 0.99}}
        done = started(an_agent(hitl, ran, settings=settings, ai_reviewer=AIReviewer(changes)))

    assert ran == [("refund", REFUND["amount"], REFUND["to"])]
    assert "changed" not in results(done)["call-0"].content


def test_the_log_of_a_failure_has_no_content(caplog):
    def fails(given):
        raise ValueError(f"SECRET {given}")

    with Orchestrator.open("memory://") as hitl:
        settings = {"refund": {"risk": fails, "confidence": fails}}
        started(an_agent(hitl, [], settings=settings, ai_reviewer=AIReviewer(fails)))

    events = [each.event for each in caplog.records if each.name == "hitl_orchestrator.langchain"]
    assert sorted(events) == ["ai_review_failed", "confidence_failed", "risk_failed"]
    assert "SECRET" not in caplog.text
    assert "call-0" in caplog.text
