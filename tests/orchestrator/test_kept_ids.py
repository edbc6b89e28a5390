"""Tasks created by the system have reserved ids, which callers can neither use, detect nor cancel."""

import pytest
from support.builders import AGENT, a_review, a_submission, a_task, an_output
from support.internals import services_of
from support.policy_changes import BY_MAX, LOOSE, checked, submitted

from hitl_orchestrator.domain.enums import POLICY_CHANGE, HumanDecision
from hitl_orchestrator.domain.input.reserved_ids import change_id, spot_check_id
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, TaskConflict
from hitl_orchestrator.wiring.build import new_case_id

DOORS = {
    "submit": lambda hitl, name: submitted(hitl, name, 0.9),
    "resubmit": lambda hitl, name: hitl.submit(a_task(name), an_output(name), resubmit=True),
    "accept": lambda hitl, name: hitl.cases.enqueue(a_task(name), an_output(name), resubmit=True),
    "add_gold_case": lambda hitl, name: hitl.acting_as("max").reviews.add_gold_case(
        a_task(name), an_output(name, confidence=0.1), HumanDecision.REJECT
    ),
    "second look": lambda hitl, name: hitl.acting_as("max").reviews.add_second_review(
        task_id="looked-at", new_task_id=name
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_reserved_ids_are_rejected_everywhere_without_revealing_cases(opened, door):
    hitl = opened("memory://", policy=checked(1))
    hitl.policy.activate(checked(1), **BY_MAX)
    submitted(hitl, "looked-at", 0.1)
    hitl.decide(task_id="looked-at", decision=a_review("approve", "zoe"))
    drawn, waits = submitted(hitl, "task-1", 0.9), hitl.policy.activate(LOOSE, **BY_MAX).case
    there = change_id(POLICY_CHANGE, waits.case_id)
    before = [row.review_id for row in hitl.inbox()]
    assert {row.task_id for row in hitl.inbox()} == {there, spot_check_id(drawn.case_id, "task-1")}

    reported = set()
    for name in (there, change_id(POLICY_CHANGE, new_case_id())):
        with pytest.raises(InvalidInput, match="an id of this form is reserved") as refused:
            DOORS[door](hitl, name)
        reported.add(str(refused.value).replace(name, "ID"))

    assert len(reported) == 1
    hitl.recover()
    assert [row.review_id for row in hitl.inbox()] == before


@pytest.mark.parametrize("name", ["task-1", "task-0123456789abcdef0123456", "policy-change-2025", "my-policy-change-1"])
def test_other_ids_are_not_reserved(opened, name):
    assert submitted(opened("memory://"), name, 0.95).task_id == name


def test_no_attempt_supersedes_a_spot_check_or_a_policy_change(opened, store):
    hitl = opened(store, policy=checked(1))
    hitl.policy.activate(checked(1), **BY_MAX)
    drawn = submitted(hitl, "task-1", 0.9)
    ours = [
        hitl.cases.get(task_id=spot_check_id(drawn.case_id, "task-1")),
        hitl.policy.activate(LOOSE, **BY_MAX).case,
    ]

    for number, case in enumerate(ours):
        other, whose = a_task(case.task_id, task_description="other"), case.submission.submitted_by
        again = a_submission(f"again-{number}", other).model_copy(update={"submitted_by": whose})
        with pytest.raises(TaskConflict, match="allows no resubmission; give it a new task_id"):
            services_of(hitl).ledger.receive(again, AGENT, resubmit=True)

    hitl.recover()
    assert {row.case_id for row in hitl.inbox()} == {case.case_id for case in ours}
    assert hitl.audit.verify().sound


def test_a_submitted_task_cannot_become_a_gold_case(opened):
    hitl = opened("memory://")
    hitl.submit(a_task(), an_output(confidence=0.1))

    with pytest.raises(InvalidInput, match=r"it was submitted before, .* give this one another id"):
        hitl.acting_as("max").reviews.add_gold_case(a_task(), an_output(confidence=0.1), HumanDecision.REJECT)


def test_an_id_of_a_gold_case_is_that_of_one_gold_case(opened):
    hitl = opened("memory://").acting_as("max")
    case = hitl.reviews.add_gold_case(a_task(), an_output(confidence=0.1), HumanDecision.REJECT)

    assert hitl.reviews.add_gold_case(a_task(), an_output(confidence=0.1), HumanDecision.REJECT) == case
    with pytest.raises(InvalidInput, match=r"it was submitted before, .* give this one another id"):
        hitl.reviews.add_gold_case(a_task(), an_output(confidence=0.1), HumanDecision.APPROVE)


def planted(hitl, kind, name):
    """Make an undecided case of a kind: all have the same content."""
    given = (a_task(name), an_output(name, confidence=0.1))
    if kind == "gold case":
        return hitl.reviews.add_gold_case(*given, HumanDecision.REJECT, reviewer="max")
    if kind == "second review":
        submitted(hitl, "decided", 0.1)
        hitl.decide(task_id="decided", decision=a_review("approve", "zoe"))
        case = hitl.reviews.add_second_review(task_id="decided", new_task_id=name, reviewer="max")
        zoes = [case.case_id, hitl.cases.get(task_id="decided").case_id]
        assert (case.submission.quality_check.not_by, case.submission.quality_check.of) == (("zoe",), zoes[1])
        return case
    return hitl.submit(*given)


@pytest.mark.parametrize("kind", ["gold case", "second review"])
def test_nothing_that_is_submitted_tells_a_planted_case_from_another(opened, store, kind):
    """Repeated, with other content, and as a new attempt, all of which a local caller may try on any case."""
    hitl = opened(store)
    answers = {}
    for name, what in (("task-1", "ordinary"), ("task-2", kind)):
        case = planted(hitl, what, name)
        assert hitl.submit(a_task(name), an_output(name, confidence=0.1)).case_id == case.case_id
        with pytest.raises(TaskConflict) as refused:
            hitl.submit(a_task(name, task_description="other"), an_output(name, label="no"))
        again = hitl.submit(a_task(name), an_output(name, confidence=0.2), resubmit=True)
        ended = hitl.cases.get(case.case_id)
        answers[what] = (
            str(refused.value).replace(case.case_id, "CASE").replace(name, "TASK"),
            again.status,
            ended.status,
        )
    assert answers["ordinary"] == answers[kind]
    assert "agent_output.predicted_label was" in answers[kind][0]
    assert hitl.audit.verify().sound


def test_a_second_review_lists_the_reviewers_of_any_other(opened, store):
    hitl = opened(store)
    ordinary, second = planted(hitl, "ordinary", "task-1"), planted(hitl, "second review", "task-2")

    shown = [hitl.reviews.view(case.case_id, reviewer="ben").may_decide for case in (ordinary, second)]

    assert shown[0] == shown[1]
    assert "zoe" in shown[1]
    with pytest.raises(NotAuthorized, match="they have answered this case already"):
        hitl.decide(second.case_id, "approve", reviewer="zoe")
