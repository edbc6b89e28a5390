"""The audit record of a case: outcome, versions, rights at the time, and the shown content."""

from importlib.metadata import version

import pytest
from support.builders import NINE, a_review, a_task, an_output, minutes
from support.internals import services_of

from hitl_orchestrator import AuditRecord, InvalidInput, RequestRejected, Review
from hitl_orchestrator.domain.enums import HumanDecision

EVERYTHING = tuple(HumanDecision)
AT_THE_TOP = EVERYTHING[:-1]
OF_A_PERSON = (
    "reviewer_id",
    "human_role",
    "human_decision",
    "review_id",
    "assigned_human_role",
    "shown_digest",
    "authenticated",
    "channel",
    "confidence_assessment",
    "review_opened_at",
    "review_seconds",
)


def fields(record, *names):
    return {name: getattr(record, name) for name in names}


@pytest.mark.parametrize("answer", ["approve", "reject", "modify", "override"])
def test_the_record_states_the_reviewer_the_role_and_the_shown_content(hitl, clock, waits, answer):
    clock.tick(60)
    (row,) = waits(hitl).reviews
    clock.tick(90)

    record = (
        hitl.acting_as(channel="cli")
        .decide(task_id="task-1", decision=a_review(answer, "ana", confidence_assessment="high"))
        .record
    )

    assert fields(record, *OF_A_PERSON, "options_offered", "reviewer_roles", "reviewer_domains", "escalations") == {
        "reviewer_id": "ana",
        "human_role": "domain_reviewer",
        "human_decision": answer,
        "review_id": row.review_id,
        "assigned_human_role": "domain_reviewer",
        "shown_digest": row.digest,
        "options_offered": EVERYTHING,
        "reviewer_roles": ("domain_reviewer",),
        "reviewer_domains": ("customer_support",),
        "authenticated": "stated",
        "channel": "cli",
        "confidence_assessment": "high",
        "review_opened_at": minutes(1),
        "review_seconds": 90,
        "escalations": 0,
    }
    assert record.latency_seconds == 150
    assert list(hitl.audit.records()) == [record] == [hitl.cases.get(task_id="task-1").record]


def test_the_record_states_the_submission_its_time_and_the_versions(hitl, clock):
    clock.tick(60)

    record = hitl.submit(a_task(), an_output()).record

    assert fields(record, "task_type", "domain", "received_at", "confidence_source") == {
        "task_type": "document_classification",
        "domain": "customer_support",
        "received_at": minutes(1),
        "confidence_source": "reported",
    }
    assert record.graph_version == services_of(hitl).reader.graph_version
    assert record.software_version == version("hitl-orchestrator")


def test_the_record_of_an_auto_approved_case_names_no_reviewer(hitl):
    record = hitl.submit(a_task(), an_output()).record

    assert set(fields(record, *OF_A_PERSON).values()) == {None}
    assert record.options_offered == record.reviewer_roles == record.reviewer_domains == ()
    assert (record.human_reason, record.escalations) == ("", 0)


def test_the_record_of_an_escalated_case_describes_the_deciding_review(hitl, clock, waits):
    waits(hitl)
    clock.tick(600)
    hitl.decide(task_id="task-1", decision=a_review("escalate", "ana"))
    clock.tick(30)
    hitl.decide(task_id="task-1", decision=a_review("escalate", "max"))
    clock.tick(7)

    case = hitl.decide(task_id="task-1", decision=a_review("reject", "zoe", reason="no", human_feedback="look twice"))

    record, last = case.record, case.reviews[-1]
    assert (record.escalations, record.review_id, record.shown_digest) == (2, last.review_id, last.digest)
    assert (record.assigned_human_role, record.reviewer_roles) == ("compliance_officer", ("compliance_officer",))
    assert (record.review_opened_at, record.review_seconds, record.latency_seconds) == (last.opened_at, 7, 637)
    assert record.options_offered == AT_THE_TOP
    assert (record.human_reason, record.human_feedback) == ("no", "look twice")


@pytest.mark.parametrize(
    ("reviewer", "output", "offered"),
    [
        ("ana", True, EVERYTHING),
        ("max", True, EVERYTHING),
        ("zoe", True, AT_THE_TOP),
        ("ana", False, EVERYTHING[1:]),
        ("zoe", False, AT_THE_TOP[1:]),
    ],
)
def test_choices_depend_on_the_reviewer_and_the_proposal(hitl, reviewer, output, offered):
    hitl.submit(a_task(), an_output(confidence=0.5) if output else None)

    record = hitl.decide(task_id="task-1", decision=a_review("reject", reviewer)).record

    assert record.options_offered == offered
    assert record.reviewer_domains == (("customer_support",) if reviewer == "ana" else ("*",))


@pytest.mark.parametrize("answer", EVERYTHING)
@pytest.mark.parametrize("reviewer", ["ana", "zoe"])
@pytest.mark.parametrize("output", [True, False])
def test_exactly_the_offered_choices_are_accepted(opened, answer, reviewer, output):
    def one(answer):
        hitl = opened("memory://")
        hitl.submit(a_task(), an_output(confidence=0.5) if output else None)
        return hitl.decide(task_id="task-1", decision=answer)

    offered = one(a_review("reject", reviewer)).record.options_offered

    try:
        one(a_review(answer, reviewer))
    except (RequestRejected, InvalidInput):
        taken = False
    else:
        taken = True
    assert taken is (answer in offered)


def test_the_record_of_a_replayed_decision_leaves_unknown_fields_empty(hitl, clock):
    clock.tick(3600)
    hitl.acting_as("max").submit(a_task(), an_output(confidence=0.5), replay=True)
    recorded = Review(
        human_decision="approve", human_role="domain_reviewer", timestamp=minutes(5), confidence_assessment="low"
    )

    record = hitl.acting_as("max").cases.replay(recorded, task_id="task-1").record

    assert (record.authenticated, record.channel, record.confidence_assessment) == ("recorded", "replay", "low")
    assert record.options_offered == record.reviewer_roles == record.reviewer_domains == ()
    assert (record.review_seconds, record.review_opened_at, record.received_at) == (None, minutes(60), minutes(60))
    assert (record.timestamp, record.latency_seconds) == (minutes(5), 300)


def test_a_backward_clock_step_makes_no_negative_duration(hitl, clock, waits):
    clock.tick(60)
    waits(hitl)
    clock.tick(-30)

    assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).record.review_seconds == 0


VERSIONS = {"agent_id": "support-bot", "model": "m-large", "model_version": "2026-01", "prompt_version": "v7"}


@pytest.mark.parametrize("confidence", [0.9, 0.5])
def test_the_record_names_the_agent_of_the_output(hitl, confidence):
    case = hitl.submit(a_task(), an_output(confidence=confidence, **VERSIONS))
    if case.record is None:
        # A reviewer's output does not name the agent.
        case = hitl.decide(
            task_id="task-1",
            decision=a_review("modify", "ana", modified_output={"predicted_label": "x", "model": "me"}),
        )

    assert fields(case.record, *VERSIONS) == VERSIONS


@pytest.mark.parametrize("odd", [7, None, "", " ", ["m"], {"name": "m"}, "x" * 201, "m\u200b", "a\nb"])
def test_an_agent_field_that_is_not_a_name_stays_in_the_output(hitl, odd):
    record = hitl.submit(a_task(), an_output(model=odd)).record

    assert record.model is None
    assert record.proposed_output.model_extra == {"model": odd}


def test_a_record_without_the_newer_fields_can_be_read(hitl):
    record = hitl.submit(a_task(), an_output(model="m")).record
    names = list(AuditRecord.model_fields)
    older = record.model_dump(mode="json", include=set(names[: names.index("replayed") + 1]))

    read = AuditRecord.model_validate(older)

    assert (read.log_id, read.timestamp, read.model, read.domain) == (record.log_id, NINE, None, None)
