"""Arguments of guarded functions: people see them as they are, and they come back as they were."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

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

    @guard(hitl, task_type="t", domain="d")
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
        guard(hitl, task_type="t", domain="d")(act)(value)
    assert hitl.inbox() == []


def test_functions_whose_calls_cannot_be_shown_are_refused_when_they_are_decorated(hitl):
    def takes_a_connection(connection: Orchestrator) -> None: ...
    def yields():
        yield 1

    for function, problem in ((takes_a_connection, "has no form in JSON"), (yields, "is a generator")):
        with pytest.raises(InvalidInput, match=problem):
            guard(hitl, task_type="t", domain="d")(function)
