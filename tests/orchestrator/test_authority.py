"""The rights to decide: other decisions are rejected with a reason, and nothing is written."""

import pytest
from support.builders import a_review, a_task, an_output

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.domain.enums import ReviewStatus
from hitl_orchestrator.errors import NotAuthorized, ReviewAlreadyDecided, TopOfChain


@pytest.fixture
def refused(hitl):
    """Try an answer that must be refused, and see that it has changed nothing."""

    def try_it(answer, error, match):
        before = hitl.cases.history(task_id="task-1")
        with pytest.raises(error, match=match):
            hitl.decide(task_id="task-1", decision=answer)
        reported = hitl.cases.history(task_id="task-1")[len(before) :]
        assert [event.kind for event in reported] == ([] if error is InvalidInput else ["refused"])
        assert hitl.cases.get(task_id="task-1").open_review is not None

    return try_it


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (a_review("approve", "anna"), "there is no such reviewer; did you mean 'ana'"),
        (a_review("approve", "ana"), "it needs 'senior_manager' or a role above it, they hold domain_reviewer"),
        (
            a_review("approve", "max", human_role="compliance_officer"),
            "names the role 'compliance_officer', which they do n",
        ),
        (a_review("approve", "two", human_role="domain_reviewer"), "or which is below 'senior_manager'"),
    ],
)
def test_a_person_without_the_role_may_not_decide(hitl, waits, refused, answer, match):
    waits(hitl, risk="high")

    refused(answer, NotAuthorized, match)


def test_a_person_of_another_domain_may_not_decide(hitl, waits, refused):
    waits(hitl)

    refused(a_review("approve", "ben"), NotAuthorized, "the case is in 'customer_support', their domains are finance")


def test_a_decision_needs_a_reviewer(hitl, waits, refused):
    waits(hitl)

    refused(a_review("approve", None), InvalidInput, "name the reviewer who decides")


@pytest.mark.parametrize(
    ("reviewer", "named", "role"),
    [
        ("ana", None, "domain_reviewer"),
        ("max", None, "senior_manager"),
        ("zoe", None, "compliance_officer"),
        ("two", None, "domain_reviewer"),
        ("two", "senior_manager", "senior_manager"),
    ],
)
def test_the_needed_role_or_a_higher_one_decides(hitl, waits, reviewer, named, role):
    waits(hitl)

    case = hitl.decide(task_id="task-1", decision=a_review("approve", reviewer, human_role=named))

    assert (case.record.reviewer_id, case.record.human_role) == (reviewer, role)


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (a_review("modify", "ana", modified_output=None), "modify needs the edited output"),
        (a_review("modify", "ana", modified_output=an_output().agent_output), "the edited output equals the proposal"),
        (a_review("override", "ana", reason=" "), "override needs a reason"),
        (a_review("escalate", "ana", reason=""), "escalate needs a reason"),
        (a_review("approve", "ana", modified_output={"predicted_label": "x"}), "approve takes no output"),
        (a_review("reject", "ana", modified_output={"predicted_label": "x"}), "reject takes no output"),
        (a_review("approve", "ana", task_id="task-2"), "task_id 'task-2' is not the task of this review, 'task-1'"),
        (a_review("approve", "ana", review_id="elsewhere.0"), "has no review 'elsewhere.0'"),
    ],
)
def test_a_decision_without_its_required_fields_is_rejected(hitl, waits, refused, answer, match):
    waits(hitl)

    refused(answer, InvalidInput, match)


def test_all_problems_of_a_decision_are_reported_together(hitl, waits):
    waits(hitl)

    with pytest.raises(InvalidInput) as refusal:
        hitl.decide(task_id="task-1", decision=a_review("modify", "ana", modified_output=None, task_id="task-2"))

    assert len(refusal.value.problems) == 2


def test_feedback_counts_as_the_reason_of_an_override(hitl, waits):
    waits(hitl)

    case = hitl.decide(task_id="task-1", decision=a_review("override", "ana", reason="", human_feedback="an exception"))

    assert (case.status, case.record.human_feedback) == ("override_approved", "an exception")


def test_a_case_without_a_proposal_cannot_be_approved(hitl, refused):
    case = hitl.submit(a_task())
    assert (case.status, case.reviews[0].shown.routing.score.confidence) == ("waiting", None)

    refused(a_review("approve", "ana"), InvalidInput, "the agent proposed nothing to approve")

    own = hitl.decide(
        task_id="task-1", decision=a_review("override", "ana", modified_output={"predicted_label": "Mine"})
    )
    assert (own.final_output.predicted_label, own.record.proposed_output) == ("Mine", None)


def test_an_escalated_case_keeps_its_reason_and_history(hitl, waits, clock):
    waits(hitl)
    clock.tick(60)
    up = hitl.decide(task_id="task-1", decision=a_review("escalate", "ana", reason="beyond me"))
    clock.tick(60)
    top = hitl.decide(task_id="task-1", decision=a_review("escalate", "max", reason="beyond me too"))

    assert (up.status, up.open_review.role, up.open_review.shown.passed_up_because) == (
        "waiting",
        "senior_manager",
        "beyond me",
    )
    assert list(hitl.inbox("domain_reviewer")) == list(hitl.inbox("senior_manager")) == []
    assert [row.review_id for row in hitl.inbox("compliance_officer")] == [top.open_review.review_id]
    assert [row.status for row in top.reviews] == [ReviewStatus.ESCALATED, ReviewStatus.ESCALATED, ReviewStatus.OPEN]

    done = hitl.decide(task_id="task-1", decision=a_review("approve", "zoe"))

    assert (done.status, done.record.reviewer_id) == ("approved", "zoe")
    assert [row.verdict.review.stated_reason for row in done.reviews] == ["beyond me", "beyond me too", ""]
    assert [event.kind.value for event in hitl.cases.history(task_id="task-1")][2:] == [
        *("review_opened", "escalated", "review_opened", "escalated", "review_opened"),
        *("decided", "resumed", "finished"),
    ]


def test_an_escalating_reviewer_no_longer_decides_the_case(hitl, waits):
    waits(hitl)
    hitl.decide(task_id="task-1", decision=a_review("escalate", "ana"))

    with pytest.raises(NotAuthorized, match="it needs 'senior_manager'"):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))
    with pytest.raises(ReviewAlreadyDecided, match="by 'ana': escalate"):
        hitl.decide(
            task_id="task-1",
            decision=a_review("approve", "ana", review_id=hitl.cases.get(task_id="task-1").reviews[0].review_id),
        )


def test_a_repeated_escalation_gets_the_same_receipt(hitl, waits):
    waits(hitl)
    up = hitl.decide(task_id="task-1", decision=a_review("escalate", "two", reason="beyond me"))

    again = hitl.decide(task_id="task-1", decision=a_review("escalate", "two", reason="beyond me"))

    assert again == up
    assert [row.role for row in again.reviews] == ["domain_reviewer", "senior_manager"]


def test_an_escalation_goes_above_the_role_of_the_escalating_reviewer(hitl, waits):
    waits(hitl)

    assert hitl.decide(task_id="task-1", decision=a_review("escalate", "max")).open_review.role == "compliance_officer"


def test_the_top_of_the_chain_cannot_escalate(hitl, waits, refused):
    waits(hitl)

    refused(a_review("escalate", "zoe"), TopOfChain, "top of the chain; decide it with approve, reject")


def test_a_case_of_the_second_level_starts_there(hitl, waits):
    assert waits(hitl, risk="high", output=an_output(confidence=0.99)).open_review.role == "senior_manager"
