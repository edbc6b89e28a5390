"""Whatever is passed to the facade, it answers with a result or with an error of its own."""

import inspect
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import a_task, an_output

from hitl_orchestrator import AgentOutput, HitlError, InvalidInput, Orchestrator, Review, RiskLevel, Task
from hitl_orchestrator.orchestrator.audit import Audit
from hitl_orchestrator.orchestrator.cases import Cases
from hitl_orchestrator.orchestrator.executions import Executions
from hitl_orchestrator.orchestrator.people import PeopleAdministration
from hitl_orchestrator.orchestrator.policy import PolicyAdministration
from hitl_orchestrator.orchestrator.reviews import Reviews

NAMESPACES = {
    None: Orchestrator,
    "cases": Cases,
    "reviews": Reviews,
    "policy": PolicyAdministration,
    "people": PeopleAdministration,
    "audit": Audit,
    "executions": Executions,
}
HARMLESS = {"close", "open", "rotate_key"}  # tested on their own, or spoils the store for the others
TASK = {"task_id": "task-1", "task_type": "refund", "task_description": "Refund 20", "domain": "customer_support"}


RUBBISH = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["task-1", "approve", "", "\x00", "\ud800", "x" * 300, "low", "ana"]),
    st.binary(max_size=3),
    st.lists(st.integers() | st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3) | st.integers(), st.integers() | st.none(), max_size=2),
    st.sampled_from([object(), datetime(2025, 1, 1), RiskLevel.LOW, SimpleNamespace(), a_task()]),  # noqa: DTZ001
    st.sampled_from([an_output(), TASK, {**TASK, "risk_level": "huge"}, {"agent_output": 5}]),
)


def methods() -> Iterator[tuple[str | None, str, inspect.Signature]]:
    for space, facade in NAMESPACES.items():
        for name, function in vars(facade).items():
            if inspect.isfunction(function) and not name.startswith("_") and name not in HARMLESS:
                yield space, name, inspect.signature(function)


METHODS = list(methods())


@pytest.fixture(scope="module")
def hitl() -> Iterator[Orchestrator]:
    with Orchestrator.open("memory://") as opened:
        opened.submit(a_task(risk_level="medium"), an_output(confidence=0.7))
        yield opened


@settings(max_examples=400)
@given(st.data())
def test_no_argument_of_a_method_raises_an_error_of_python_or_pydantic(hitl, data):
    space, name, signature = data.draw(st.sampled_from(METHODS))
    owner = hitl if space is None else getattr(hitl, space)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    given = {each.name: data.draw(RUBBISH, each.name) for each in parameters if data.draw(st.booleans(), each.name)}
    required = {each.name: data.draw(RUBBISH) for each in parameters if each.default is each.empty}

    with suppress(HitlError):
        result = getattr(owner, name)(**required | given)
        if isinstance(result, Iterator):
            list(result)


@pytest.mark.parametrize("name", [each for each in inspect.signature(Orchestrator.open).parameters if each != "cls"])
@settings(max_examples=10)
@given(rubbish=RUBBISH)
def test_no_argument_of_open_raises_an_error_of_python_or_pydantic(name, rubbish, tmp_path_factory):
    os.chdir(tmp_path_factory.getbasetemp())  # a text is the name of a file there
    arguments = {"store": "memory://", "head_file": False, name: rubbish}
    with suppress(HitlError):
        Orchestrator.open(**arguments).close()


def test_mappings_are_accepted_where_values_are():
    with Orchestrator.open("memory://") as hitl:
        case = hitl.submit(TASK | {"risk_level": "medium"}, {"agent_output": {"predicted_label": "Refund"}})
        done = hitl.decide(case.case_id, "modify", reviewer="domain_reviewer", output={"predicted_label": "Other"})

    assert done.final_output.predicted_label == "Other"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda hitl: hitl.submit({**TASK, "risk_level": "hihg"}), "did you mean 'high'"),
        (lambda hitl: hitl.submit(5), "submit: task: 5 is not a Task or a Mapping"),
        (lambda hitl: hitl.decide("c", "aprove"), "did you mean 'approve'"),
        (lambda hitl: hitl.inbox(limit="9"), "inbox: limit: '9' is not a whole number"),
        (lambda hitl: hitl.reviews.claim("c", take_over=1), "claim: take_over: 1 is not True or False"),
    ],
)
def test_the_error_names_the_argument_and_what_it_may_be(hitl, call, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        call(hitl)


def test_a_case_says_why_and_for_whom_it_waits(hitl):
    case = hitl.cases.get(task_id="task-1")
    review = case.open_review

    assert (case.rule_id, case.waiting_for) == ("rule_003", "domain_reviewer")
    assert case.reason == review.shown.routing.decision.reason
    assert (review.task.task_id, review.proposal.predicted_label) == ("task-1", "Refund")
    assert repr(hitl.inbox()) == "<Page of 1: <ReviewRequest task-1 for domain_reviewer>>"
    assert repr(review) == "<StoredReview task-1 open for domain_reviewer>"
    assert repr(hitl.cases.history(task_id="task-1")[0]).startswith("<Event ")


def test_the_values_are_those_of_the_front_door():
    assert Task(**TASK).risk_level is None
    assert AgentOutput(task_id="a", agent_output={"predicted_label": "x"}).agent_output.predicted_label == "x"
    assert Review(human_decision="approve").human_decision == "approve"
