"""The right to redact: a named reviewer with the top role, who is recorded with the channel."""

import pytest
from support.builders import a_task, an_output

from hitl_orchestrator.errors import InvalidInput, NotAuthorized


def test_redaction_needs_a_named_reviewer_with_the_top_role_in_the_domain(opened, store):
    team = [
        {"reviewer_id": "m-1", "name": "Seat 1", "roles": ["senior_manager"]},
        {"reviewer_id": "c-1", "name": "Seat 2", "roles": ["compliance_officer"], "domains": ["elsewhere"]},
        {"reviewer_id": "c-2", "name": "Seat 3", "roles": ["compliance_officer"]},
    ]
    hitl = opened(store, reviewers=team)
    case_id = hitl.submit(a_task(), an_output()).case_id
    assert hitl.cases.get(case_id).status == "approved"

    with pytest.raises(InvalidInput, match="reviewer: missing"):
        hitl.cases.redact(case_id, reason="asked for")
    with pytest.raises(NotAuthorized, match="may not redact this case: it needs 'compliance_officer'"):
        hitl.cases.redact(case_id, reason="asked for", reviewer="m-1")
    with pytest.raises(NotAuthorized, match="their domains are elsewhere"):
        hitl.cases.redact(case_id, reason="asked for", reviewer="c-1")
    assert not hitl.cases.get(case_id).redacted

    hitl.acting_as("c-2", channel="web").cases.redact(case_id, reason="asked for")
    actor = hitl.cases.history(case_id)[-1].actor
    assert (actor.id, actor.roles, actor.channel) == ("c-2", ("compliance_officer",), "web")
