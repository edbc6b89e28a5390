"""Arguments of guarded functions: people see them as they are, and they come back as they were."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, SecretStr, StringConstraints

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import AwaitingReview, InvalidInput
from hitl_orchestrator.integrations import guard


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


class Kind(StrEnum):
    GOODS = "goods"


@dataclass
class Line:
    price: Decimal


class Order(BaseModel):
    lines: list[Line]
    at: date


def test_arguments_and_results_keep_their_types(hitl):
    made = []

    @guard(hitl, task_type="t", domain="d", name="pay")
    def pay(order: Order, kind: Kind, *codes: int, **more: Decimal) -> tuple[Order, date]:
        made.append((order, kind, codes, more))
        return order, order.at

    call = (Order(lines=[Line(Decimal("1.10"))], at=date(2025, 1, 2)), Kind.GOODS, 1, 2)

    with pytest.raises(AwaitingReview) as waits:
        pay(*call, tip=Decimal("0.1"))
    hitl.decide(waits.value.case_id, "approve", reviewer="senior_manager")

    assert pay(*call, tip=Decimal("0.1")) == pay(*call, tip=Decimal("0.1")) == (call[0], call[0].at)
    assert made == [(call[0], Kind.GOODS, (1, 2), {"tip": Decimal("0.1")})]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(Any, object()), (Any, date(2025, 1, 1)), (float, "20"), (float, float("nan")), (SecretStr, SecretStr("x"))],
    ids=["object", "date without annotation", "text for a number", "nan", "secret"],
)
def test_an_argument_that_a_reviewer_could_not_see_as_it_is_is_refused(hitl, annotation, value):
    def act(it): ...

    act.__annotations__["it"] = annotation

    with pytest.raises(InvalidInput, match=r"\.act: it: [^\n]*$"):
        guard(hitl, task_type="t", domain="d", name="act")(act)(value)
    assert hitl.inbox() == []


def test_functions_whose_calls_cannot_be_shown_are_refused_when_they_are_decorated(hitl):
    def takes_a_connection(connection: Orchestrator) -> None: ...
    def yields():
        yield 1

    for function, problem in ((takes_a_connection, "has no form in JSON"), (yields, "is a generator")):
        with pytest.raises(InvalidInput, match=problem):
            guard(hitl, task_type="t", domain="d", name="it")(function)


class Limited(BaseModel):
    order: str
    limit: int = 1000


EDITS = {
    "a field that is dropped": (Limited, Limited(order="A1"), {"order": "A1", "limti": 5}),
    "a field that is left out": (Limited, Limited(order="A1", limit=5), {"order": "A1"}),
    "a number that a validator changes": (Annotated[float, AfterValidator(abs)], 10.0, -5.5),
    "a text that is stripped": (Annotated[str, StringConstraints(strip_whitespace=True)], "A1", " A2"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_would_be_changed_on_its_way_to_the_function_runs_nothing(hitl, edit):
    annotation, value, edited = EDITS[edit]
    made = []

    def act(it):
        made.append(it)

    act.__annotations__["it"] = annotation
    guarded = guard(hitl, task_type="t", domain="d", name="act")(act)
    case_id = waiting(guarded, value)
    output = {"predicted_label": "act", "arguments": {"it": edited}}
    hitl.decide(case_id, "modify", reviewer="senior_manager", output=output, feedback="edited")

    with pytest.raises(InvalidInput, match=r"the approved argument it is .* no one approved"):
        guarded(value)
    assert made == []
    assert hitl.executions.list() == []


def test_an_edit_of_a_set_may_have_any_order(hitl):
    @guard(hitl, task_type="t", domain="d", name="tag")
    def tag(labels: set[str]) -> list[str]:
        return sorted(labels)

    case_id = waiting(tag, {"a"})
    output = {"predicted_label": "tag", "arguments": {"labels": ["z", "b", "c"]}}
    hitl.decide(case_id, "modify", reviewer="senior_manager", output=output, feedback="edited")

    assert tag({"a"}) == ["b", "c", "z"]


def waiting(call, *args):
    with pytest.raises(AwaitingReview) as waits:
        call(*args)
    return waits.value.case_id


SETS = """
from dataclasses import dataclass
from hitl_orchestrator import CallKey, Orchestrator
from hitl_orchestrator.errors import AwaitingReview
from hitl_orchestrator.integrations import guard

@dataclass
class Box:
    labels: dict[int, list[set[str]]]

with Orchestrator.open("memory://") as hitl:
    @guard(hitl, task_type="t", domain="d", name="tag")
    def tag(box: Box, labels: frozenset[tuple[str, int]]) -> None: ...
    try:
        tag(Box({1: [set("abcdef")]}), frozenset(zip("abcdef", range(6))))
    except AwaitingReview as waits:
        print(hitl.cases.get(waits.case_id).task_id)
"""


def test_a_call_with_sets_is_the_same_call_in_every_process():
    def task_id(seed):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        return subprocess.check_output([sys.executable, "-c", SETS], text=True, env=environment)

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(task_id, range(2)))) == 1


def test_sets_in_sets_are_refused(hitl):
    @guard(hitl, task_type="t", domain="d", name="tag")
    def tag(labels: frozenset[frozenset[str]]) -> None: ...

    with pytest.raises(InvalidInput, match="pass a list"):
        tag(frozenset([frozenset("ab")]))
