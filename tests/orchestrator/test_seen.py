"""What a reviewer sees and says: blind labels, what confidence means, edits, reasons, and cases that measure them."""

import pytest
from support.builders import a_task, an_output
from support.internals import services_of
from support.teams import TEAM, a_policy, kinds, say, submit

from hitl_orchestrator import InvalidInput, Proposal
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.errors import (
    NotAuthorized,
)
from hitl_orchestrator.review.view import AGENT_FIELDS


def test_a_blind_reviewer_labels_before_seeing_the_proposal(team):
    hitl = team(blind=True)
    submit(hitl)

    seen = hitl.reviews.view(task_id="task-1", reviewer="r1")
    assert (seen.hidden, seen.proposal, seen.confidence, seen.would_go_through, seen.similar) == (
        AGENT_FIELDS,
        None,
        None,
        (),
        (),
    )
    assert "Refund" not in seen.model_dump_json()
    assert "0.9" not in seen.model_dump_json(exclude={"requirements"})
    assert hitl.reviews.view(task_id="task-1").hidden
    with pytest.raises(NotAuthorized, match="they have not committed an own label"):
        say(hitl, "r1")

    shown = hitl.reviews.label(task_id="task-1", reviewer="r1", label="Complaint")
    again = hitl.reviews.label(task_id="task-1", reviewer="r1", label="Refund")

    assert (shown.hidden, shown.proposal.predicted_label) == ((), "Refund")
    assert again.own_label == "Complaint"
    assert hitl.reviews.view(task_id="task-1", reviewer="r2").hidden
    assert say(hitl, "r1").record.own_label == "Complaint"
    assert hitl.audit.verify().sound


def test_the_first_view_is_recorded_once_and_a_view_extends_the_claim(team, clock):
    hitl = team()
    submit(hitl)
    first = hitl.reviews.claim(task_id="task-1", reviewer="r1", seconds=5).claimed_until
    hitl.reviews.view(task_id="task-1", reviewer="r1")
    clock.tick(2)

    assert hitl.reviews.view(task_id="task-1", reviewer="r1").claimed_until > first
    done = say(hitl, "r1")
    assert kinds(hitl).count("viewed") == 1
    assert done.record.seconds_looked_at == 2
    assert hitl.audit.verify().sound


def test_a_gold_case_looks_like_any_other_and_is_never_executed(team):
    hitl = team()
    submit(hitl, "task-1")
    hitl.acting_as("s1").reviews.add_gold_case(a_task("task-2"), an_output("task-2"), HumanDecision.REJECT)

    real, planted = (
        hitl.reviews.view(task_id="task-1", reviewer="r1"),
        hitl.reviews.view(task_id="task-2", reviewer="r1"),
    )
    for task_id in ("task-1", "task-2"):
        say(hitl, "r1", "approve", task_id)

    unlike = {name for name in type(real).model_fields if getattr(real, name) != getattr(planted, name)}
    assert unlike <= {"case_id", "task_id", "review_id", "digest", "task", "similar"}
    assert [record.task_id for record in hitl.audit.records()] == ["task-1"]
    [kept_apart] = hitl.audit.records(quality_checks=True)
    assert (kept_apart.quality_check_expected, kept_apart.human_decision, kept_apart.final_output) == (
        "reject",
        "approve",
        None,
    )
    assert hitl.cases.get(task_id="task-2").final_output is None
    assert hitl.audit.verify().sound


def test_a_gold_case_that_needs_no_reviewer_is_rejected(opened, store):
    hitl = opened(store, reviewers=TEAM)

    with pytest.raises(InvalidInput, match="the policy approves it automatically"):
        hitl.acting_as("s1").reviews.add_gold_case(a_task(), an_output(confidence=0.95), HumanDecision.REJECT)


def test_a_second_review_goes_to_another_reviewer(team):
    hitl = team()
    submit(hitl)
    first = say(hitl, "r1")

    hitl.acting_as("s1").reviews.add_second_review(task_id="task-1", new_task_id="task-9")

    assert hitl.reviews.next(reviewer="r1b") is None
    assert hitl.reviews.next(reviewer="r2").task_id == "task-9"
    assert say(hitl, "r2", "reject", "task-9").record.quality_check_of == first.case_id
    assert [record.task_id for record in hitl.audit.records()] == ["task-1"]


def test_a_reason_code_must_be_on_the_list(team):
    hitl = team()
    submit(hitl)

    with pytest.raises(
        InvalidInput,
        match=r"reason_code \(--reason-code\): 'agent_eror'; the reasons are .*; did you mean 'agent_error'",
    ):
        say(hitl, "r1", "reject", reason_code="agent_eror")
    assert say(hitl, "r1", "reject", reason_code="agent_error").record.reason_code == "agent_error"


def test_an_edit_is_recorded_as_a_json_patch(team):
    hitl = team()
    submit(hitl)

    edited = Proposal(predicted_label="Complaint", explanation="It says so", amount=3)
    record = say(hitl, "r1", "modify", modified_output=edited).record

    assert sorted(record.output_patch, key=lambda step: step["op"]) == [
        {"op": "add", "path": "/amount", "value": 3},
        {"op": "replace", "path": "/predicted_label", "value": "Complaint"},
    ]


def test_the_history_of_a_confidence_needs_enough_decisions(team, clock):
    hitl = team()
    for number in range(20):
        clock.tick()
        submit(hitl, f"task-{number}")
        say(hitl, "r1", "approve" if number % 4 else "reject", f"task-{number}")
    submit(hitl, "task-x")

    seen = hitl.reviews.view(task_id="task-x", reviewer="r1")

    assert seen.confidence_means == (
        "of 20 outputs of this type at confidence 0.9 to 1.0 that reviewers decided, 15 were upheld"
    )
    assert [case.task_id for case in seen.similar] == [f"task-{number}" for number in (19, 18, 17, 16, 15)]


def test_redaction_erases_texts_of_earlier_reviews(team):
    hitl = team(blind=True)
    submit(hitl, by="agent-7", metadata={"customer": "Zaphod"})
    hitl.reviews.claim(task_id="task-1", reviewer="r1")
    hitl.reviews.delegate(task_id="task-1", reviewer="r1", to="r2", reason="Zaphod knows why")
    hitl.reviews.label(task_id="task-1", reviewer="r2", label="Zaphod again")
    say(hitl, "r2", "modify", modified_output=Proposal(predicted_label="Zaphod"))

    hitl.cases.redact(task_id="task-1", reason="asked for", reviewer="top")

    assert "Zaphod" not in " ".join(event.model_dump_json() for event in hitl.cases.history(task_id="task-1"))
    assert "Zaphod" not in hitl.cases.get(task_id="task-1").model_dump_json()
    assert services_of(hitl).ledger.last_reviewer_for("Zaphod") is None
    assert hitl.audit.verify().sound


def test_an_edit_that_violates_its_schema_is_rejected_before_storage(opened, store):
    schema = {"type": "object", "properties": {"amount": {"type": "number", "maximum": 100}}, "required": ["amount"]}
    hitl = opened(store, reviewers=TEAM, policy=a_policy(), schemas={"document_classification": schema})
    submit(hitl)
    before = hitl.cases.get(task_id="task-1"), len(hitl.cases.history(task_id="task-1"))

    with pytest.raises(InvalidInput) as refused:
        say(hitl, "r1", "modify", modified_output=Proposal(predicted_label="Edited", amount=200))

    assert "/amount" in refused.value.problems[0]
    assert (hitl.cases.get(task_id="task-1"), len(hitl.cases.history(task_id="task-1"))) == before
    assert hitl.reviews.view(task_id="task-1").output_schema == schema
    fitting = Proposal(predicted_label="Edited", amount=20)
    assert say(hitl, "r1", "modify", modified_output=fitting).final_output == fitting


def test_feedback_covers_each_case_that_a_reviewer_decided(team):
    hitl = team()
    submit(hitl, "task-1")
    submit(hitl, "task-2", by="x")
    hitl.acting_as("s1").reviews.add_gold_case(a_task("task-3"), an_output("task-3"), HumanDecision.REJECT)
    say(hitl, "r1", "reject", human_feedback="not a refund", reason_code="agent_error")
    hitl.cases.cancel(task_id="task-2", submitted_by="x", reason="gone")
    say(hitl, "r1", "reject", "task-3")

    [reported] = hitl.reviews.feedback()

    assert (reported.task_id, reported.agent_correct, reported.human_override) == ("task-1", False, False)
    assert (reported.error_type, reported.notes) == ("agent_error", "not a refund")


@pytest.mark.parametrize("blind", [True, False])
def test_the_message_of_a_rule_is_visible_in_a_blind_review(team, blind):
    hitl = team(blind=blind, message="Ask for the invoice.")
    submit(hitl)

    assert hitl.reviews.view(task_id="task-1", reviewer="r1").message == "Ask for the invoice."
    assert "Ask for the invoice." in hitl.reviews.view(task_id="task-1", reviewer="r1")._repr_html_()
