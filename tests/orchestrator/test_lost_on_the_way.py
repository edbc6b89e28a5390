"""A connection that is lost at any commit of a whole case, the ledger's or the checkpoints': the case goes on."""

from collections import Counter
from contextlib import closing

import pytest
from support.builders import a_review, a_task, an_output
from support.cutting_proxy import ANSWERED, BEFORE, COMMIT, SENT, Proxy
from support.internals import look_at, services_of
from support.stores import sealed_under

CHECKPOINT = b"checkpoint"
KEY = "5e" * 32
"""The same by any address of the store."""


@pytest.fixture
def proxy(postgres):
    with closing(Proxy(postgres.folder)) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("words", "moment"),
    [(COMMIT, BEFORE), (COMMIT, SENT), (COMMIT, ANSWERED), (CHECKPOINT, BEFORE), (CHECKPOINT, SENT)],
)
def test_a_case_survives_a_connection_cut_at_any_commit(opened, proxy, postgres_store, words, moment):
    hitl = opened(proxy.url(sealed_under(postgres_store, KEY)), seal_key=KEY)
    number = 0
    while True:
        task_id = f"task-{number}"
        proxy.harm(moment, words, after=number)
        waiting = hitl.submit(a_task(task_id), an_output(task_id, confidence=0.5))
        assert look_at(hitl, waiting.case_id).interrupts
        done = hitl.decide(task_id=task_id, decision=a_review("approve", "ana"))

        assert (waiting.status, done.status) == ("waiting", "approved")
        kinds = Counter(event.kind.value for event in hitl.cases.history(task_id=task_id))
        assert set(kinds.values()) == {1}
        assert not services_of(hitl).runner._checkpoints.holds(done.case_id)
        if not proxy.done.wait(0):
            break
        number += 1

    assert number >= 2
    assert hitl.recover() == []


@pytest.mark.parametrize("moment", [BEFORE, SENT, ANSWERED])
@pytest.mark.parametrize("cut", ["submit, ahead", "submit, waiting", "decide"])
def test_a_connection_lost_at_the_one_commit_leaves_one_case_and_one_outcome(
    opened, proxy, postgres_store, moment, cut
):
    reported = []
    store = proxy.url(sealed_under(postgres_store, KEY))
    hitl = opened(store, seal_key=KEY, on_decided=lambda case: reported.append(case.case_id))
    hitl.submit(a_task("first"), an_output("first", confidence=0.5))
    hitl.decide(task_id="first", decision=a_review("reject", "ana"))
    reported.clear()
    given = a_task(), an_output(confidence=0.9 if cut == "submit, ahead" else 0.5)

    if cut != "decide":
        proxy.harm(moment)
    case = hitl.submit(*given)
    if cut == "decide":
        proxy.harm(moment)
    if cut != "submit, ahead":
        assert case.status == "waiting"
        case = hitl.decide(case.case_id, a_review("approve", "ana"))

    assert proxy.has_struck()
    assert (case.status, hitl.cases.get(case.case_id)) == ("approved", case)
    kinds = Counter(event.kind.value for event in hitl.cases.history(case.case_id))
    assert set(kinds.values()) == {1}
    assert [record.task_id for record in hitl.audit.records()] == ["first", "task-1"]
    assert reported == [case.case_id]
    assert hitl.recover() == []
    assert hitl.audit.verify().sound
