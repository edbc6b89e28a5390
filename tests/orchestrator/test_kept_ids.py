"""Tasks created by the system have reserved ids, which callers can neither use, detect nor cancel."""

import pytest
from support.builders import AGENT, a_review, a_submission, a_task, an_output
from support.policy_changes import BY_MAX, LOOSE, checked, submitted

from hitl_orchestrator.domain.case import QualityCheck
from hitl_orchestrator.domain.enums import POLICY_CHANGE, HumanDecision, QualityCheckKind
from hitl_orchestrator.domain.input.reserved_ids import change_id, spot_check_id
from hitl_orchestrator.errors import InvalidInput, TaskConflict
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


def test_no_attempt_supersedes_a_quality_check_or_a_policy_change(opened, store):
    hitl = opened(store, policy=checked(1))
    hitl.policy.activate(checked(1), **BY_MAX)
    drawn = submitted(hitl, "task-1", 0.9)
    planted = hitl.acting_as("max").reviews.add_gold_case(
        a_task("planted"), an_output("planted", confidence=0.1), HumanDecision.REJECT
    )
    ours = [
        hitl.cases.get(task_id=spot_check_id(drawn.case_id, "task-1")),
        planted,
        hitl.policy.activate(LOOSE, **BY_MAX).case,
    ]

    for number, case in enumerate(ours):
        other, whose = a_task(case.task_id, task_description="other"), case.submission.submitted_by
        again = a_submission(f"again-{number}", other).model_copy(update={"submitted_by": whose})
        with pytest.raises(TaskConflict, match="allows no resubmission; give it a new task_id"):
            hitl.services.ledger.receive(again, AGENT, resubmit=True)

    with pytest.raises(TaskConflict, match="allows no resubmission"):
        hitl.submit(a_task("planted"), an_output("planted"), resubmit=True)
    hitl.recover()
    assert {row.case_id for row in hitl.inbox()} == {case.case_id for case in ours}
    assert hitl.audit.verify().sound


def test_a_submitted_task_cannot_become_a_gold_case(opened):
    hitl = opened("memory://")
    hitl.submit(a_task(), an_output(confidence=0.1))

    with pytest.raises(InvalidInput, match=r"it was submitted before, .* give this one another id"):
        hitl.acting_as("max").reviews.add_gold_case(a_task(), an_output(confidence=0.1), HumanDecision.REJECT)


def test_a_second_review_is_not_superseded_by_a_submission(opened):
    hitl = opened("memory://")
    submitted(hitl, "task-1", 0.1)
    hitl.decide(task_id="task-1", decision=a_review("approve", "zoe"))
    look = hitl.acting_as("max").reviews.add_second_review(task_id="task-1", new_task_id="task-2")

    with pytest.raises(TaskConflict, match="allows no resubmission"):
        hitl.submit(a_task("task-2"), an_output("task-2"), resubmit=True)

    assert look.submission.quality_check == QualityCheck(
        kind=QualityCheckKind.SECOND_REVIEW, of=hitl.cases.get(task_id="task-1").case_id, not_by=("zoe",)
    )
    assert hitl.cases.get(task_id="task-2").status == "waiting"
