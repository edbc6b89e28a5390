"""A repeated answer is one answer, even if its case has moved since."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from support.builders import a_review, minutes
from support.teams import PEOPLE

from hitl_orchestrator import Review
from hitl_orchestrator.errors import KeyReused, ReviewAlreadyDecided

AT_ONCE = 32


def all_at_once(answers, give):
    """Send all answers concurrently, a thread each; return the error or case of each."""
    together = Barrier(len(answers))

    def one(answer):
        together.wait()
        try:
            return give(answer)
        except Exception as exc:  # noqa: BLE001 - the result is inspected
            return exc

    with ThreadPoolExecutor(len(answers)) as pool:
        return list(pool.map(one, answers))


def times(ci, soak):
    return [ci, pytest.param(soak, marks=pytest.mark.soak)]


@pytest.mark.parametrize("rounds", times(10, 200))
def test_concurrent_equal_answers_are_one_decision_with_one_receipt(hitl, waits, rounds):
    for number in range(rounds):
        name = f"task-{number}"
        waits(hitl, name)
        answers = [a_review("modify", "ana", idempotency_key=f"key-{number}")] * AT_ONCE

        reported = all_at_once(answers, lambda answer, name=name: hitl.decide(task_id=name, decision=answer))

        assert {case.record.log_id for case in reported} == {hitl.cases.get(task_id=name).record.log_id}
        kinds = Counter(event.kind.value for event in hitl.cases.history(task_id=name))
        assert (kinds["decided"], kinds["finished"], kinds["refused"]) == (1, 1, 0)


@pytest.mark.parametrize("rounds", times(10, 200))
def test_one_of_many_concurrent_answers_with_a_key_counts(hitl, waits, rounds):
    for number in range(rounds):
        name = f"task-{number}"
        waits(hitl, name)
        answers = [
            a_review("reject", "ana", human_feedback=f"answer {each}", idempotency_key=f"key-{number}")
            for each in range(AT_ONCE)
        ]

        reported = all_at_once(answers, lambda answer, name=name: hitl.decide(task_id=name, decision=answer))

        accepted = [each for each in reported if not isinstance(each, Exception)]
        assert len(accepted) == 1
        assert Counter(type(each) for each in reported) == {type(accepted[0]): 1, KeyReused: AT_ONCE - 1}


def test_a_repeated_escalation_rises_one_level(hitl, waits):
    waits(hitl)
    answer = a_review("escalate", "two", idempotency_key="up")

    first, again = hitl.decide(task_id="task-1", decision=answer), hitl.decide(task_id="task-1", decision=answer)

    assert first.open_review == again.open_review
    assert [row.role for row in again.reviews] == ["domain_reviewer", "senior_manager"]


def test_an_answer_repeated_after_the_case_moved_gets_the_same_receipt(hitl, waits):
    waits(hitl)
    answer = a_review("escalate", "ana", idempotency_key="up")
    hitl.decide(task_id="task-1", decision=answer)
    hitl.decide(task_id="task-1", decision=a_review("reject", "zoe"))

    assert hitl.decide(task_id="task-1", decision=answer).status == "rejected"
    with pytest.raises(ReviewAlreadyDecided):
        hitl.decide(task_id="task-1", decision=a_review("approve", "zoe", idempotency_key="other"))


def test_an_idempotency_key_of_another_case_is_rejected_and_recorded(hitl, waits):
    waits(hitl)
    waits(hitl, "task-2")
    hitl.decide(task_id="task-1", decision=a_review("approve", "ana", idempotency_key="k"))

    with pytest.raises(KeyReused, match="use a new key for this one"):
        hitl.decide(task_id="task-2", decision=a_review("approve", "ana", idempotency_key="k"))

    assert hitl.cases.get(task_id="task-2").status == "waiting"
    assert [event.body["cause"] for event in hitl.cases.history(task_id="task-2") if event.kind == "refused"] == [
        "KeyReused"
    ]
    assert hitl.decide(task_id="task-2", decision=a_review("approve", "two", idempotency_key="k")).status == "approved"


def test_the_idempotency_key_is_recorded_in_the_ledger(hitl, waits):
    waits(hitl)
    hitl.decide(task_id="task-1", decision=a_review("approve", "ana", idempotency_key="k"))

    decided = next(event for event in hitl.cases.history(task_id="task-1") if event.kind == "decided")
    assert decided.body["verdict"]["review"]["idempotency_key"] == "k"
    assert hitl.audit.verify().sound


CHANGED = {
    "human_decision": {"human_decision": "reject"},
    "human_feedback": {"human_feedback": "other"},
    "reason": {"reason": "other"},
    "reason_code": {"reason_code": "other"},
    "modified_output": {"modified_output": {"predicted_label": "other"}},
    "confidence_assessment": {"confidence_assessment": "low"},
    "human_role": {"human_role": "senior_manager"},
    "shown_digest": {"shown_digest": "0" * 12},
}
WHOLE = {
    "human_feedback": "words",
    "reason": "a reason",
    "reason_code": "policy_conflict",
    "confidence_assessment": "high",
    "modified_output": {"predicted_label": "Edited", "amount": 5.0},
    "idempotency_key": "k",
}


@pytest.fixture
def answered(opened, store, waits):
    """A case that was modified with a key, and that answer."""
    people = {"reviewers": PEOPLE, "reason_codes": ["policy_conflict", "other"]}
    hitl = opened(store, reviewers=people)
    waits(hitl)
    answer = a_review("modify", "ana", **WHOLE)
    return hitl, answer, hitl.decide(task_id="task-1", decision=answer)


@pytest.mark.parametrize("field", CHANGED)
def test_an_idempotency_key_covers_every_field_of_the_answer(answered, field):
    hitl, answer, _ = answered
    other = Review.model_validate({**answer.model_dump(), **CHANGED[field]})

    with pytest.raises(KeyReused, match=f"; this one has another {field}") as caught:
        hitl.decide(task_id="task-1", decision=other)

    assert caught.value.differing == (field,)


def test_the_same_answer_again_is_the_same_result_though_it_states_more(answered):
    """The review fills in the fields that an answer leaves out; a program may state them when it repeats the answer."""
    hitl, answer, decided = answered
    (row,) = decided.reviews
    more = {
        "human_role": row.role,
        "shown_digest": row.digest[:12],
        "review_id": row.review_id,
        "timestamp": minutes(9),
    }

    assert hitl.decide(task_id="task-1", decision=answer).record == decided.record
    assert hitl.decide(task_id="task-1", decision=answer.model_copy(update=more)).record == decided.record


def test_another_reason_code_is_another_answer_with_or_without_a_key(answered):
    hitl, answer, _ = answered
    other = answer.model_copy(update={"reason_code": "other", "idempotency_key": None})

    with pytest.raises(ReviewAlreadyDecided):
        hitl.decide(task_id="task-1", decision=other)
