"""What makes a task the same task: its id and its content, and not the time at which it was made."""

from datetime import timedelta

import pytest
from support.builders import NINE, PERSON, a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator.errors import InvalidInput, TaskConflict, UnknownCase


def test_a_task_without_a_timestamp_is_made_when_it_is_submitted(hitl):
    case = hitl.submit(a_task(timestamp=None), an_output())

    assert case.submission.task.timestamp == case.submission.received_at == NINE
    assert case.record.latency_seconds == (case.record.timestamp - NINE).total_seconds()


def test_the_same_task_with_another_timestamp_is_the_same_case(hitl):
    case = hitl.submit(a_task(), an_output())

    for timestamp in (None, NINE - timedelta(days=1)):
        assert hitl.submit(a_task(timestamp=timestamp), an_output()).case_id == case.case_id
        assert hitl.submit(a_task(timestamp=timestamp), an_output(), resubmit=True).case_id == case.case_id
    assert hitl.cases.get(case.case_id).submission.task.timestamp == NINE


@pytest.mark.parametrize(
    ("task", "output", "difference"),
    [
        ({"domain": "finance"}, {}, 'task.domain was "customer_support" and is "finance"'),
        ({"metadata": {"amount": 7}}, {}, "task.metadata.amount was absent and is 7"),
        ({}, {"confidence": 0.91}, "output.confidence_score was 0.9 and is 0.91"),
        ({}, {"label": "x" * 100}, f'predicted_label was "Refund" and is "{"x" * 56}...'),
    ],
)
def test_a_conflict_names_each_field_that_differs_with_both_values_and_the_remedy(hitl, task, output, difference):
    hitl.submit(a_task(), an_output())

    with pytest.raises(TaskConflict) as refused:
        hitl.submit(a_task(**task), an_output(**output))

    assert len(refused.value.differences) == 1
    assert difference in str(refused.value)
    assert str(refused.value).endswith("give it a new task_id, or replace the case with resubmit=True (--resubmit)")


def test_a_conflict_in_many_fields_is_a_short_message(hitl):
    hitl.submit(a_task(metadata={f"field{n}": n for n in range(1000)}), an_output())

    with pytest.raises(TaskConflict, match="and 995 more fields differ") as refused:
        hitl.submit(a_task(), an_output())

    assert len(str(refused.value)) < 1000


def test_a_conflict_with_a_redacted_case_shows_none_of_its_text(hitl):
    case = hitl.submit(a_task(task_description="secret"), an_output())
    services_of(hitl).ledger.redact(case.case_id, "erased on request", PERSON, NINE)

    with pytest.raises(TaskConflict) as refused:
        hitl.submit(a_task(task_description="other"), an_output())

    assert refused.value.differences == ()
    assert "secret" not in str(refused.value)


def test_the_id_of_a_task_in_place_of_a_case_names_the_parameter(hitl):
    hitl.submit(a_task(), an_output(confidence=0.5))

    for call in (
        lambda: hitl.cases.get("task-1"),
        lambda: hitl.decide("task-1", a_review()),
        lambda: hitl.cases.history("task-1"),
    ):
        with pytest.raises(UnknownCase, match="pass it as task_id='task-1'"):
            call()


def test_a_task_from_the_future_is_refused_with_the_default_as_remedy(hitl):
    with pytest.raises(InvalidInput, match=r"lies in the future.*or leave it out"):
        hitl.submit(a_task(timestamp=NINE + timedelta(days=1)), an_output())
