"""Public values show short forms, and the name that users import."""

import pickle

import pytest
from support.builders import a_review, a_submission, a_task, an_output

import hitl_orchestrator
from hitl_orchestrator import Case, Reviewer
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.value import Value

SUBMISSION = a_submission()
CASE = Case(submission=SUBMISSION, stage=CaseStage.WAITING)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (CASE, "<Case task-1 waiting>"),
        (a_task(), "<Task task-1 document_classification in customer_support>"),
        (a_review("approve", "ana"), "<Review approve by ana>"),
        (Reviewer(reviewer_id="ana", name="Ana", roles=("clerk",)), "<Reviewer ana clerk>"),
        (an_output(confidence=0.5), "<AgentOutput task-1 'Refund' 0.5>"),
    ],
)
def test_a_repr_is_short(value, text):
    assert repr(value) == text


@pytest.mark.parametrize("name", sorted(set(hitl_orchestrator.__all__)))
def test_an_exported_class_names_the_package_as_its_module(name):
    exported = getattr(hitl_orchestrator, name)

    assert f"{exported.__module__}.{exported.__qualname__}" == f"hitl_orchestrator.{name}"
    assert pickle.loads(pickle.dumps(exported)) is exported


def test_a_public_value_still_pickles_and_has_a_schema():
    assert pickle.loads(pickle.dumps(CASE)) == CASE
    assert Case.model_json_schema()["title"] == "Case"
    assert Case.model_validate_json(CASE.model_dump_json()) == CASE


def below(kind):
    return {kind, *(each for child in kind.__subclasses__() for each in below(child))}


def test_every_value_that_names_the_package_as_its_module_is_exported():
    """Otherwise no value that holds one can be pickled."""
    import hitl_orchestrator.orchestrator  # noqa: PLC0415 - all values that it returns

    named = {kind.__name__ for base in (Value, tuple) for kind in below(base) if kind.__module__ == "hitl_orchestrator"}
    assert {"RaisedSignal", "Wakeup"} <= named <= set(hitl_orchestrator.__all__)
