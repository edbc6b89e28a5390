"""Names of guarded functions: no function runs under the approval of another one."""

import asyncio

import pytest

from hitl_orchestrator import AsyncOrchestrator, Orchestrator
from hitl_orchestrator.errors import AwaitingReview, InvalidInput
from hitl_orchestrator.integrations import guard

KIND = {"task_type": "t", "domain": "d"}


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


class Account:
    def __init__(self, owner=""):
        self.owner = owner

    def pay(self, amount: int) -> str:
        return self.owner


def closure(owner):
    def pay(amount: int) -> str:
        return owner

    return pay


def default(owner):
    def pay(amount: int, to: str = owner) -> str:
        return to

    return pay


KINDS = {
    "closures": closure,
    "defaults": default,
    "lambdas": lambda owner: lambda amount: owner,
    "methods": lambda owner: Account(owner).pay,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_without_a_name_of_its_own_needs_one(hitl, kind):
    with pytest.raises(InvalidInput, match="name="):
        guard(hitl, **KIND)(KINDS[kind]("ann"))


@pytest.mark.parametrize("opened_later", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_two_functions_of_one_orchestrator_cannot_share_a_name(hitl, kind, opened_later):
    first, second = (KINDS[kind](owner) for owner in ("ann", "ben"))
    source = hitl.acting_as if opened_later else hitl
    with pytest.raises(AwaitingReview) as waits:
        guard(hitl, **KIND, name="pay")(first)(amount=1)
    hitl.decide(waits.value.case_id, "approve", reviewer="senior_manager")

    with pytest.raises(InvalidInput, match="'pay' is the name of another"):
        guard(source, **KIND, name="pay")(second)(amount=1)
    assert hitl.executions.list() == []


@pytest.mark.parametrize("kind", ["closures", "lambdas"])
def test_the_same_function_may_be_guarded_again(hitl, kind):
    for _ in range(2):
        guard(hitl, **KIND, name="pay")(KINDS[kind]("ann"))


NOTEBOOK = """
@guard(hitl, task_type="t", domain="d")
def pay(amount: int) -> str:
    return {!r}
"""


def test_a_function_at_the_top_level_may_be_defined_again(hitl):
    cells = {"guard": guard, "hitl": hitl, "__name__": "__main__"}
    exec(NOTEBOOK.format("first"), cells)
    with pytest.raises(AwaitingReview) as waits:
        cells["pay"](1)
    hitl.decide(waits.value.case_id, "approve", reviewer="senior_manager")
    exec(NOTEBOOK.format("second"), cells)

    assert cells["pay"](1) == "second"


def test_both_facades_of_a_store_share_the_names():
    async def story():
        async with AsyncOrchestrator.open("memory://") as hitl:
            guard(hitl, **KIND, name="pay")(closure("ann"))

            with pytest.raises(InvalidInput, match="another guarded function"):
                guard(hitl.sync, **KIND, name="pay")(closure("ben"))

    asyncio.run(story())
