"""Pollers read what was decided in the order of the ledger: complete and without repetition, while others write."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.builders import a_task, an_output

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.domain.principal import Principal, PrincipalKind
from hitl_orchestrator.errors import CaseUnfinished, UnknownCase

WRITERS, EACH = 3, 8


def finish(hitl, name, **options):
    return hitl.submit(a_task(name, **options.pop("task", {})), an_output(name), **options)


def test_every_case_is_returned_once_in_order_while_others_write(opened, durable_store):
    first, second = opened(durable_store), opened(durable_store)

    def write(writer):
        for number in range(EACH):
            finish(first if writer % 2 else second, f"{writer}-{number}")

    found, seq = [], 0
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, writer) for writer in range(WRITERS)]
        while len(found) < WRITERS * EACH:
            page = second.decided_since(seq, limit=3)
            found, seq = [*found, *page], page.seq
            assert not any(each.done() and each.exception() for each in writing)

    numbers = [number for number, _ in found]
    assert numbers == sorted(set(numbers))
    assert [case.record for _, case in found] == list(first.audit.records())
    assert (list(first.decided_since(seq)), first.decided_since(seq).more) == ([], False)


def test_a_page_states_whether_more_follow(hitl):
    for name in ("a", "b", "c"):
        finish(hitl, name)

    page = hitl.decided_since(limit=2)

    assert ([case.task_id for _, case in page], page.more, page.seq) == (["a", "b"], True, page[-1].seq)
    rest = hitl.decided_since(page.seq, limit=2)
    assert ([case.task_id for _, case in rest], rest.more) == (["c"], False)


def test_a_confined_principal_sees_its_own_and_goes_on_behind_those_of_others(opened, durable_store):
    hitl = opened(durable_store)
    for number in range(4):
        finish(hitl, f"task-{number}", submitted_by="mine" if number == 2 else "another")
    bound = hitl.acting_as(principal=Principal(subject="mine", kind=PrincipalKind.AGENT, authenticated_by="oidc"))

    page = bound.decided_since()

    assert [case.task_id for _, case in page] == ["task-2"]
    assert page.seq == hitl.decided_since().seq
    assert list(bound.decided_since(page.seq)) == []


def test_cases_of_the_system_and_unfinished_ones_are_left_out(hitl, waits):
    waits(hitl, "open")
    gold = hitl.reviews.add_gold_case(a_task("gold"), an_output("gold", confidence=0.5), "reject", reviewer="max")
    hitl.decide(gold.case_id, "reject", reviewer="ana")
    finish(hitl, "mine")

    assert [case.task_id for _, case in hitl.decided_since()] == ["mine"]


@pytest.mark.parametrize("arguments", [(-1, 10), ("0", 10), (True, 10), (0, 0), (0, 100_001), (2**60, 1)])
def test_senseless_numbers_are_refused(hitl, arguments):
    with pytest.raises(InvalidInput, match="decided_since"):
        hitl.decided_since(*arguments)


def test_audit_records_go_on_behind_a_case(hitl, waits):
    cases = [finish(hitl, name) for name in ("a", "b", "c")]
    waiting = waits(hitl, "open")

    assert [record.task_id for record in hitl.audit.records(after=cases[0].case_id)] == ["b", "c"]
    assert list(hitl.audit.records(after=cases[2].case_id)) == []
    with pytest.raises(CaseUnfinished, match="it is waiting, not finished"):
        list(hitl.audit.records(after=waiting.case_id))
    with pytest.raises(UnknownCase):
        list(hitl.audit.records(after="no-such-case"))
