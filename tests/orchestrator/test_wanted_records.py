"""Audit records are read by date, person, domain, decision and rule, in the store, on every database."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_review, a_task, an_output, minutes
from support.policy_changes import goes_ahead
from support.postgres_server import direct_connection
from support.teams import PEOPLE

from hitl_orchestrator import InvalidInput

TEAM_OF_PEOPLE = [*PEOPLE, {"reviewer_id": "an_", "name": "Odd", "roles": ["domain_reviewer"], "person": "an_p"}]


@pytest.fixture
def worked(opened, store, clock):
    """One case a minute: automatic, then decided by several people."""
    hitl = opened(store, policy=goes_ahead(0.9), reviewers=TEAM_OF_PEOPLE)
    answers = [None, ("ana", "approve"), ("an_", "reject"), ("ben", "modify"), ("max", "approve"), None]
    for number, answer in enumerate(answers):
        task_id, domain = f"task-{number}", "finance" if number in (3, 5) else "customer_support"
        hitl.submit(a_task(task_id, domain=domain), an_output(task_id, confidence=0.5 if answer else 0.95))
        if number == 4:
            hitl.decide(task_id=task_id, decision=a_review("escalate", "ana"))
        if answer is not None:
            hitl.decide(task_id=task_id, decision=a_review(answer[1], answer[0]))
        clock.tick(60)
    return hitl


WANTED = [
    ({}, [0, 1, 2, 3, 4, 5]),
    ({"since": minutes(1)}, [1, 2, 3, 4, 5]),
    ({"until": minutes(1)}, [0]),
    ({"since": minutes(2), "until": minutes(4)}, [2, 3]),
    ({"reviewer": "ana"}, [1, 4]),
    ({"reviewer": "ANA"}, []),
    ({"reviewer": "an_"}, [2]),
    ({"reviewer": "an_p"}, [2]),
    ({"reviewer": "%"}, []),
    ({"reviewer": "max"}, [4]),
    ({"domain": "finance"}, [3, 5]),
    ({"decision": "approved"}, [0, 1, 4, 5]),
    ({"decision": "approve"}, [1, 4]),
    ({"decision": "modified_and_approved"}, [3]),
    ({"rule": "sure"}, [0, 5]),
    ({"rule": "fallback", "domain": "finance"}, [3]),
    ({"reviewer": "ana", "decision": "reject"}, []),
]


def test_a_filter_lists_those_records(worked):
    for wanted, numbers in WANTED:
        found = [record.task_id for record in worked.audit.records(**wanted)]
        assert found == [f"task-{number}" for number in numbers], wanted


def test_a_page_continues_after_a_record(worked):
    first, *_ = worked.audit.records(decision="approve")

    assert [record.task_id for record in worked.audit.records(decision="approve", after=first.case_id)] == ["task-4"]


def test_the_record_decides_and_not_its_row(opened, durable_store):
    hitl = opened(durable_store, policy=goes_ahead(0.9))
    hitl.submit(a_task(), an_output())
    with direct_connection(durable_store) as connection:
        connection.execute("UPDATE outcomes SET domain = 'finance'")

    assert list(hitl.audit.records(domain="finance")) == []
    assert not hitl.audit.verify().sound


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"decision": "aproved"}, "did you mean 'approved'"),
        ({"decision": "escalate"}, "'escalate'; the decisions are approve"),
        ({"since": datetime(2025, 1, 1)}, "has no time zone"),  # noqa: DTZ001 - the point
    ],
)
def test_a_filter_that_can_match_nothing_is_refused(worked, wanted, problem):
    with pytest.raises(InvalidInput, match=problem):
        list(worked.audit.records(**wanted))


people = st.none() | st.sampled_from(["ana", "max", "an_", "another"])


def test_a_filter_equals_reading_everything(worked):
    everything = list(worked.audit.records())

    @given(people, st.none() | st.sampled_from(["finance", "customer_support"]), st.integers(-1, 7))
    def check(reviewer, domain, minute):
        since = minutes(minute)
        wanted = {"since": since, "until": since + timedelta(minutes=3), "reviewer": reviewer, "domain": domain}
        expected = [
            record
            for record in everything
            if since <= record.timestamp < wanted["until"]
            and domain in (None, record.domain)
            and (reviewer is None or reviewer in {record.reviewer_id, *(vote.reviewer_id for vote in record.votes)})
        ]
        assert list(worked.audit.records(**wanted)) == expected

    check()
