"""One decision is one execution: an approved call is made once, as it was approved, by the one who may make it."""

import asyncio
import base64
import gc
import json
from contextlib import suppress

import pytest
from support.builders import a_task, an_output
from support.calls import ARGUMENTS, Tool, approved, ask
from support.internals import services_of
from support.stores import address_of

from hitl_orchestrator import CallKey, Go, No, Orchestrator, Principal, Waiting, proposed_call
from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import ActorKind
from hitl_orchestrator.domain.principal import PrincipalKind
from hitl_orchestrator.errors import (
    AlreadyRunning,
    ExecutionEnded,
    ExecutionFailed,
    ExecutionUnknown,
    GrantRefused,
    InvalidInput,
    LedgerDamaged,
    NotAuthorized,
    RequestRejected,
    TaskConflict,
    UnknownCase,
)

AGENT = Actor(kind=ActorKind.AGENT)


@pytest.fixture(params=["memory", "postgres"])
def store(request):
    """A store of each dialect; executions in SQLite files are run by `test_execution_races.py`."""
    return "memory://" if request.param == "memory" else request.getfixturevalue("postgres_store")


def kinds(hitl, case_id):
    return [
        each.kind.value.removeprefix("execution_") for each in hitl.cases.history(case_id) if "execution" in each.kind
    ]


def test_the_same_call_is_the_same_case(hitl):
    first, again = ask(hitl), ask(hitl)

    assert isinstance(first, Waiting)
    assert again.case_id == first.case_id
    assert len(hitl.inbox()) == 1


def test_the_same_key_with_other_content_is_refused(hitl):
    approved(hitl)

    with pytest.raises(TaskConflict, match="amount was 5 and is 6"):
        ask(hitl, arguments={**ARGUMENTS, "amount": 6})
    assert hitl.executions.list() == []


def test_what_the_reviewer_edited_is_carried_out_once(hitl):
    tool, waiting = Tool({"paid": 4}), ask(hitl)
    edited = proposed_call("refund", {"amount": 4, "to": "voucher"}).agent_output
    hitl.decide(waiting.case_id, "modify", reviewer="ana", output=edited)

    results = [ask(hitl).run(tool) for _ in range(3)]

    assert tool.calls == [{"amount": 4, "to": "voucher"}]
    assert results == [{"paid": 4}] * 3
    (execution,) = hitl.executions.list()
    assert (execution.status, execution.result, execution.task_id) == ("finished", {"paid": 4}, "call-1")
    assert execution == hitl.executions.get(waiting.case_id)
    assert kinds(hitl, waiting.case_id) == ["started", "finished"]
    assert hitl.audit.verify().sound


def test_what_a_policy_approves_goes_at_once(hitl):
    tool = Tool()

    answer = hitl.ask("call-1", a_task(), proposed_call("refund", ARGUMENTS, confidence=0.9))

    assert isinstance(answer, Go)
    assert answer.run(tool) == "refunded"
    assert tool.calls == [ARGUMENTS]


NO = {
    "reject": ("it was rejected: too much", "ana"),
    "override": ("it was approved without an output that could be carried out: by hand", "ana"),
    "cancel": ("its submitter canceled it: not needed", None),
    "redact": ("its texts were erased, so that what was approved is not known any more", "ana"),
}


@pytest.mark.parametrize("how", NO)
def test_a_call_that_carries_nothing_out_is_answered_with_no(hitl, how):
    options = {"submitted_by": "bot"}
    case_id = ask(hitl, **options).case_id
    if how == "cancel":
        hitl.cases.cancel(case_id, submitted_by="bot", reason="not needed")
    elif how == "redact":
        hitl.decide(case_id, "approve", reviewer="ana")
        token = ask(hitl, **options).grant.token
        hitl.cases.redact(case_id, reason="asked for", reviewer="zoe")
        with pytest.raises(GrantRefused, match="its texts were erased"):
            hitl.executions.grant(token).begin()
    else:
        words = {"feedback": "too much"} if how == "reject" else {"reason": "by hand"}
        hitl.decide(case_id, how, reviewer="ana", **words)

    answer = ask(hitl, **options)

    assert isinstance(answer, No)
    assert (answer.reason, answer.reviewer) == NO[how]
    assert hitl.executions.list() == []


def test_a_case_that_another_worker_runs_is_no_answer(opened, sqlite_store):
    seen = []
    task = a_task(timestamp=None)

    def classify(given):
        with Orchestrator.open(sqlite_store, classifier=classify, wait=0) as other:
            seen.append(other.ask("call-1", task))
        return an_output(given.task_id)

    assert isinstance(opened(sqlite_store, classifier=classify).ask("call-1", task), Go)
    assert isinstance(seen[0], Waiting)
    assert seen[0].case.stage == "received"


def test_a_call_that_raises_has_failed_for_good(hitl):
    tool = Tool(error=ValueError("no connection"))

    with pytest.raises(ValueError, match="no connection"):
        approved(hitl).run(tool)
    with pytest.raises(ExecutionFailed, match="ValueError: no connection"):
        ask(hitl).run(tool)
    assert len(tool.calls) == 1
    assert hitl.executions.list("failed")[0].error == "ValueError: no connection"


@pytest.mark.parametrize(
    ("answer", "after", "error"), [("approve", "finished", ""), ("reject", "failed", "not happen")]
)
def test_an_interrupted_call_is_put_before_a_person(hitl, answer, after, error):
    tool, go = Tool(error=KeyboardInterrupt()), approved(hitl)
    with pytest.raises(KeyboardInterrupt):
        go.run(tool)
    with pytest.raises(ExecutionUnknown, match="did not record its end") as unknown:
        ask(hitl).run(tool)

    question = hitl.cases.get(unknown.value.check_id)
    choices = {each.decision.value: each.does for each in hitl.reviews.view(question.case_id).choices}
    hitl.decide(question.case_id, answer, reviewer="ana")

    assert question.submission.task.metadata == {"case_id": go.case_id, "task_id": "call-1"}
    assert choices["approve"] == "it is recorded that the call was carried out"
    execution = hitl.executions.get(go.case_id)
    assert (execution.status, execution.has_result) == (after, False)
    assert error in execution.error
    with suppress(ExecutionFailed):
        assert ask(hitl).run(tool) is None
    assert len(tool.calls) == 1
    assert kinds(hitl, go.case_id) == ["started", "unknown", after]
    assert hitl.audit.verify().sound


def test_the_owner_that_is_gone_is_noticed_by_recover(opened, durable_store):
    with Orchestrator.open(durable_store) as owner:
        begun = approved(owner, reviewer="domain_reviewer").grant.begin()
    hitl = opened(durable_store, reviewers=None)

    hitl.recover()

    execution = hitl.executions.get(begun.execution.case_id)
    assert execution.status == "unknown"
    assert [request.case_id for request in hitl.inbox()] == [execution.check_id]
    hitl.run_maintenance()
    assert len(hitl.inbox()) == 1


def test_a_second_begin_of_a_running_execution_is_refused(hitl):
    begun = approved(hitl).grant.begin()

    with pytest.raises(AlreadyRunning, match="is carried out by process"):
        ask(hitl).grant.begin()
    hitl.recover()
    assert begun.done({"a": 1}).result == {"a": 1}
    assert ask(hitl).grant.begin().execution.result == {"a": 1}
    with pytest.raises(ExecutionEnded):
        begun.failed("late")


def test_a_dropped_execution_is_not_held_for_ever(opened, store, clock):
    hitl = opened(store, lease=0.1)
    case_id = approved(hitl).grant.begin().execution.case_id
    gc.collect()

    while hitl.executions.get(case_id).status == "started":
        clock.tick()
        hitl.recover()
    assert hitl.executions.get(case_id).status == "unknown"


def test_the_late_owner_of_an_unknown_execution_states_the_truth(hitl):
    begun = approved(hitl).grant.begin()
    held = services_of(hitl).ledger.execution(begun.execution.case_id)
    services_of(hitl).executions.lost(held)

    assert begun.done("late").result == "late"
    assert hitl.inbox() == []
    assert kinds(hitl, begun.execution.case_id) == ["started", "unknown", "finished"]
    assert hitl.audit.verify().sound


def test_no_deadline_states_whether_a_call_was_made(opened):
    rule = {"rule_id": "r", "priority": 1, "conditions": {}, "action": "human_review"}
    policy = {"policy_id": "timed", "rules": [rule | {"respond_within": "PT1S", "on_timeout": "reject"}]}
    hitl = opened("memory://", policy=policy)
    go = approved(hitl)
    check_id = go.grant.begin().abandon().check_id

    assert hitl.cases.get(check_id).open_review.shown.routing.decision.on_timeout == "escalate"


def test_what_a_person_has_stated_stands_against_a_late_owner(hitl):
    begun = approved(hitl).grant.begin()
    unknown = services_of(hitl).executions.lost(services_of(hitl).ledger.execution(begun.execution.case_id))
    hitl.decide(unknown.check_id, "reject", reviewer="ana")

    with pytest.raises(ExecutionEnded, match="is recorded as failed"):
        begun.done("late")


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
        with pytest.raises(RequestRejected, match="no"):
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


@pytest.mark.parametrize(("result", "stored"), [(object(), False), ("x" * 2**20, False), (None, True), ("", True)])
def test_a_result_that_cannot_be_stored_does_not_fail_the_call(hitl, result, stored):
    tool = Tool(result)

    assert approved(hitl).run(tool) is result
    assert hitl.executions.list()[0].has_result is stored
    assert ask(hitl).run(tool) == (result if stored else None)
    assert len(tool.calls) == 1
    assert hitl.audit.verify().sound


def test_results_are_encoded_and_decoded(hitl):
    how = {"encode": sorted, "decode": set}

    assert approved(hitl).run(Tool({2, 1}), **how) == {1, 2}
    assert ask(hitl).run(Tool(), **how) == {1, 2}
    assert hitl.executions.list()[0].result == [1, 2]


def test_a_redaction_erases_the_result(opened, sqlite_store):
    hitl = opened(sqlite_store)
    case_id = approved(hitl).case_id
    ask(hitl).run(Tool("a secret result"))

    hitl.cases.redact(case_id, reason="asked for", reviewer="zoe")

    execution = hitl.executions.get(case_id)
    assert (execution.status, execution.has_result, execution.digest) == ("finished", False, None)
    with open(sqlite_store.removeprefix("sqlite:///"), "rb") as file:  # noqa: PTH123
        assert b"a secret result" not in file.read()
    assert hitl.audit.verify().sound


def test_an_execution_may_end_after_a_redaction(hitl):
    go = approved(hitl)
    begun = go.grant.begin()
    hitl.cases.redact(go.case_id, reason="asked for", reviewer="zoe")

    assert begun.done("not kept").has_result is False
    assert hitl.audit.verify().sound


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


def test_verification_counts_what_was_approved_and_never_carried_out(hitl):
    never = [approved(hitl, f"never-{number}").case_id for number in range(3)]
    approved(hitl).run(Tool())
    case_id = ask(hitl, "rejected").case_id
    hitl.decide(case_id, "reject", reviewer="ana")

    answer = hitl.audit.verify()

    assert answer.sound
    assert (answer.unexecuted, sorted(answer.unexecuted_cases)) == (3, sorted(never))


WRONG = {
    "other arguments": ("approve", {"predicted_label": "refund", "arguments": {"amount": 6}}, "", "than was approved"),
    "no approval": ("reject", {"predicted_label": "refund"}, "", "without an approval"),
    "another audience": ("approve", None, "other", "another audience"),
}


@pytest.mark.parametrize("how", WRONG)
def test_verification_finds_an_execution_that_was_not_approved(hitl, clock, how):
    word, output, audience, problem = WRONG[how]
    case_id = ask(hitl).case_id
    done = hitl.decide(case_id, word, reviewer="ana")
    output = output or done.final_output.model_dump(mode="json")

    services_of(hitl).ledger.start_execution(case_id, output, audience, AGENT, clock())

    assert problem in hitl.audit.verify().problem


def test_an_agent_carries_out_its_own_calls_alone(hitl):
    def agent(name):
        return hitl.acting_as(principal=Principal(subject=name, kind=PrincipalKind.AGENT, authenticated_by="oidc"))

    bot, tool = agent("bot"), Tool()
    waiting = ask(bot)
    hitl.decide(waiting.case_id, "approve", reviewer="ana")
    token = ask(bot).grant.token

    with pytest.raises(UnknownCase):
        agent("other").executions.grant(token).begin()
    assert ask(bot).run(tool) == "refunded"
    assert [len(each.executions.list()) for each in (bot, agent("other"), hitl)] == [1, 0, 1]
    person = Principal(subject="ana", person="ana", kind=PrincipalKind.HUMAN, authenticated_by="oidc")
    with pytest.raises(NotAuthorized):
        hitl.acting_as(principal=person).executions.grant(token)


def test_executions_are_listed_page_by_page(hitl):
    ids = [approved(hitl, f"call-{number}").case_id for number in range(5)]
    for number in range(5):
        ask(hitl, f"call-{number}").run(Tool())

    first = hitl.executions.list(limit=2)
    rest = hitl.executions.list(limit=4, after=first[-1].case_id)

    assert [each.case_id for each in [*first, *rest]] == ids
    assert (first.more, rest.more) == (True, False)
    assert hitl.executions.list("unknown") == []
    with pytest.raises(InvalidInput, match="status: 'done' is not one of"):
        hitl.executions.list("done")


def test_an_asynchronous_call_is_made_once(hitl):
    calls = []

    async def tool(arguments):
        calls.append(arguments)
        await asyncio.sleep(0)
        return "refunded"

    async def wake_ups():
        go = approved(hitl)
        return await asyncio.gather(*[go.arun(tool) for _ in range(8)], return_exceptions=True)

    results = asyncio.run(wake_ups())

    assert len(calls) == 1
    assert {each if each == "refunded" else type(each) for each in results} <= {"refunded", AlreadyRunning}


def test_a_canceled_asynchronous_call_is_put_before_a_person(hitl):
    async def canceled():
        running = asyncio.Event()

        async def tool(arguments):
            running.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(approved(hitl).arun(tool))
        await running.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(canceled())

    assert hitl.executions.list()[0].status == "unknown"


def test_agents_cannot_ask_the_questions_of_the_system(hitl):
    for task in (a_task(task_type="execution_check"), a_task()):
        key = "execution-check-01a226cb-8ce9-76a0-84e8-2ab1d09d1424" if task.task_type != "execution_check" else "mine"
        with pytest.raises(InvalidInput, match="reserved"):
            hitl.ask(key, task, an_output())


def test_a_grant_shows_no_token(hitl):
    go = approved(hitl, CallKey(thread="t", call_id="c"))

    assert go.grant.token not in repr(go) + repr(go.grant)
