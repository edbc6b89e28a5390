"""A closed orchestrator is refused everywhere, and a store that was replaced is noticed."""

import asyncio
import inspect
import logging
import shutil
from pathlib import Path

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import AsyncOrchestrator, Orchestrator
from hitl_orchestrator.errors import HitlError, StoreClosed, StoreUnavailable

NAMESPACES = ("cases", "reviews", "policy", "audit")
HARMLESS = {"close"}
ARGUMENTS = {
    "task": a_task(),
    "output": an_output(),
    "decision": "approve",
    "review": a_review(),
    "case_id": "case-1",
    "cases": ["case-1"],
    "case_ids": ["case-1"],
    "reviewer": "ana",
    "policy": "policy.json",
    "reason": "r",
    "submitted_by": "ana",
    "share": 0.5,
    "to": "ben",
    "label": "l",
    "role": "domain_reviewer",
    "task_type": "t",
    "domain": "d",
    "expected": "approve",
    "strategy": "fewest_open",
    "seconds": 5.0,
}


def methods(facade):
    """Yield every public method of the facade and its namespaces, with arguments for it."""
    for part in (facade, *(getattr(facade, name) for name in NAMESPACES)):
        for name, method in inspect.getmembers(part, callable):
            if not name.startswith("_") and name not in {*HARMLESS, *NAMESPACES, "open"} and inspect.isroutine(method):
                yield f"{type(part).__name__}.{name}", method


def required(method):
    parameters = inspect.signature(method).parameters.values()
    return {
        each.name: ARGUMENTS.get(each.name, "x")
        for each in parameters
        if (each.default is each.empty and each.kind is not each.VAR_KEYWORD) or each.name in ("case_id", "decision")
    }


def called(method):
    """Return the error of a call, which may return an iterator."""
    try:
        result = method(**required(method))
        if hasattr(result, "__next__"):
            next(result)
    except HitlError as exc:
        return exc
    return None


def test_every_method_of_a_closed_orchestrator_is_refused(hitl, store):
    hitl.submit(a_task(), an_output())
    assert not isinstance(called(hitl.policy.active), StoreClosed)
    calls = dict(methods(hitl))
    hitl.close()

    errors = {name: called(method) for name, method in calls.items()}

    assert len(errors) > 40
    assert {name: error for name, error in errors.items() if not isinstance(error, StoreClosed)} == {}
    assert str(errors["Orchestrator.submit"]).endswith("cannot be used: it was closed; open it again")


def test_closing_twice_is_harmless(hitl):
    hitl.close()
    hitl.close()

    assert "Orchestrator" in repr(hitl)


def test_the_closed_ledger_of_every_store_is_refused(hitl):
    ledger = services_of(hitl).ledger
    records = ledger.records()
    hitl.close()

    for call in (ledger.head, ledger.now, lambda: next(records), lambda: ledger.case("case-1")):
        with pytest.raises(StoreClosed):
            call()
    ledger.close()


def test_the_closed_asynchronous_orchestrator_is_refused(store):
    async def use():
        async with AsyncOrchestrator.open(store) as hitl:
            await hitl.submit(a_task(), an_output())
        for call in (hitl.recover, hitl.policy.active, hitl.cases.unfinished, lambda: hitl.submit(a_task())):
            with pytest.raises(StoreClosed):
                await call()
        with pytest.raises(StoreClosed):
            [record async for record in hitl.audit.records()]
        await hitl.close()

    asyncio.run(use())


# The file of a store.


def test_a_store_file_that_was_replaced_is_noticed(opened, sqlite_store, waits):
    hitl = opened(sqlite_store)
    waits(hitl)
    file = Path(sqlite_store.removeprefix("sqlite:///"))
    shutil.copy(file, file.with_suffix(".copy"))
    file.with_suffix(".copy").replace(file)

    with pytest.raises(StoreUnavailable, match="its file was replaced while this process used it; put the right file"):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))


def test_a_deleted_store_file_is_noticed_and_not_created_again(opened, sqlite_store, waits):
    hitl = opened(sqlite_store)
    waits(hitl)
    file = Path(sqlite_store.removeprefix("sqlite:///"))
    file.unlink()

    for _ in range(2):
        with pytest.raises(
            StoreUnavailable, match=r"its file is gone \(No such file or directory\); put the right file"
        ):
            hitl.submit(a_task("task-2"), an_output("task-2"))
    assert not file.exists()


# The file of signed heads.


@pytest.mark.parametrize("key", ["0" * 64, "not a key"])
def test_a_head_file_that_cannot_be_written_costs_no_receipt(store, tmp_path, caplog, key):
    """The head file is in a folder that does not exist, or its key is malformed."""
    file = tmp_path / ("heads" if key == "not a key" else "nowhere/heads")
    caplog.set_level(logging.WARNING)
    with Orchestrator.open(store, head_file=file, head_key=key, head_every=1) as hitl:
        assert hitl.submit(a_task(), an_output()).status == "approved"
        assert hitl.submit(a_task("task-2"), an_output("task-2")).status == "approved"

    (warning,) = [record.getMessage() for record in caplog.records if "the head of" in record.getMessage()]
    assert warning.startswith("everything was recorded, but the head of the ledger was not signed: ")
