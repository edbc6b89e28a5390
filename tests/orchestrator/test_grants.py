"""Grants: an altered, foreign, expired or misdirected one carries nothing out, nor does an altered row."""

import base64
import json

import pytest
from support.builders import a_task, an_output
from support.calls import ARGUMENTS, Tool, approved, ask
from support.stores import address_of

from hitl_orchestrator import CallKey
from hitl_orchestrator.errors import (
    GrantRefused,
    InvalidInput,
    LedgerDamaged,
    RequestRejected,
    UnknownCase,
)


@pytest.fixture(params=["memory", "postgres"])
def store(request):
    """A store of each dialect; executions in SQLite files are run by `test_execution_races.py`."""
    return "memory://" if request.param == "memory" else request.getfixturevalue("postgres_store")


def altered_tokens(token):
    claims = json.loads(base64.urlsafe_b64decode(token + "=="))
    for name, value in claims.items():
        other = "2099-01-01T00:00:00Z" if name == "expires_at" else value[:-1] + ("0" if value[-1:] != "0" else "1")
        yield name, base64.urlsafe_b64encode(json.dumps(claims | {name: other or "x"}).encode()).decode()
    yield "no token", "e30"
    yield "no text", None
    yield "too long", "A" * 10_000


def test_an_altered_token_carries_nothing_out(hitl):
    go, other = approved(hitl), approved(hitl, "call-2")

    for name, token in altered_tokens(go.grant.token):
        with pytest.raises((RequestRejected, InvalidInput), match="no"):
            hitl.executions.grant(token).begin()
        assert hitl.executions.list() == [], name
    claims = [json.loads(base64.urlsafe_b64decode(each.grant.token + "==")) for each in (go, other)]
    swapped = base64.urlsafe_b64encode(json.dumps(claims[0] | {"case_id": claims[1]["case_id"]}).encode()).decode()
    with pytest.raises(GrantRefused, match="this ledger did not make it"):
        hitl.executions.grant(swapped).begin()
    assert hitl.executions.list() == []
    assert hitl.executions.grant(go.grant.token).begin().is_new


def test_the_grant_of_another_ledger_carries_nothing_out(opened, tmp_path):
    ours, theirs = opened("memory://"), opened(address_of("sqlite", tmp_path))
    foreign = approved(theirs).grant

    with pytest.raises((GrantRefused, UnknownCase)):
        ours.executions.grant(foreign.token).begin()


def test_an_expired_grant_carries_nothing_out(opened, store):
    hitl = opened(store, grants_expire_after=0)

    with pytest.raises(GrantRefused, match="ask again for a new one"):
        approved(hitl).grant.begin()


def test_a_grant_is_for_its_audience(hitl):
    go = approved(hitl, audience="payments")

    for audience in ("", "mail"):
        with pytest.raises(GrantRefused, match="it is for the audience 'payments'"):
            hitl.executions.grant(go.grant.token, audience=audience).begin()
        with pytest.raises(GrantRefused, match="submitted for another audience"):
            ask(hitl, audience=audience)
    assert hitl.executions.grant(go.grant.token, audience="payments").begin().is_new
    assert hitl.executions.list()[0].audience == "payments"


OTHER_ARGUMENTS = ({"amount": 6, "to": "card"}, {"amount": 5}, {**ARGUMENTS, "more": 1}, {"amount": 5, "to": object()})


@pytest.mark.parametrize("given", OTHER_ARGUMENTS)
def test_other_arguments_than_the_approved_ones_carry_nothing_out(hitl, given):
    go, tool = approved(hitl), Tool()

    with pytest.raises(GrantRefused):
        go.grant.begin(given)
    go.arguments.clear()
    go.arguments.update(given)
    with pytest.raises(GrantRefused):
        go.run(tool)
    assert (tool.calls, hitl.executions.list()) == ([], [])


def test_a_case_that_was_not_asked_about_has_no_execution(hitl):
    hitl.submit(a_task("call-1"), an_output("call-1"))

    with pytest.raises(GrantRefused, match="was not submitted by 'ask'"):
        hitl.ask("call-1", a_task(), an_output())


def test_a_newer_attempt_takes_the_place_of_a_grant(hitl):
    grant = approved(hitl).grant
    hitl.submit(a_task("call-1", task_description="other"), an_output("call-1"), resubmit=True)

    with pytest.raises(GrantRefused, match="is a newer attempt at its task"):
        grant.begin()


ROWS = {
    "deleted": "DELETE FROM executions",
    "set back": "UPDATE executions SET status = 'started', ended_seq = NULL",
    "of another holder": "UPDATE executions SET holder = 'x'",
    "of another entry": "UPDATE executions SET started_seq = 1",
}


@pytest.mark.parametrize("how", ROWS)
def test_an_altered_row_lets_nothing_run_again(durable, intruder, how):
    tool, go = Tool(), approved(durable)
    go.run(tool)

    intruder.run(ROWS[how])

    with pytest.raises(LedgerDamaged):
        go.run(tool)
    assert len(tool.calls) == 1
    assert not durable.audit.verify().sound


def test_a_grant_shows_no_token(hitl):
    go = approved(hitl, CallKey(thread="t", call_id="c"))

    assert go.grant.token not in repr(go) + repr(go.grant)
