"""`guard` refuses what it could not keep: wrong options, wrong functions, and edits that do not fit."""

from datetime import date
from typing import Literal

import pytest
from jsonschema import Draft202012Validator
from langchain_core.tools import tool

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import AwaitingReview, CallRejected, InvalidInput
from hitl_orchestrator.integrations import guard


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


@pytest.mark.parametrize("given", ["sqlite:///x.db", Orchestrator, None])
def test_only_an_open_orchestrator_is_taken(given):
    with pytest.raises(InvalidInput, match=r"^guard: hitl: .*Orchestrator\.open"):
        guard(given, task_type="t", domain="d")


def test_a_function_that_returns_no_orchestrator_is_named():
    @guard(lambda: None, task_type="t", domain="d", name="pay")
    def pay() -> None: ...

    with pytest.raises(InvalidInput, match="pay: the function given as hitl: None is no orchestrator"):
        pay()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("risk", "hihg"),
        ("risk", lambda order, amount: "low"),
        ("confidence", 95),
        ("confidence", True),
        ("wait", "30"),
        ("wait", True),
        ("key", lambda: "k"),
        ("key", ""),
        ("domain", ""),
        ("task_type", None),
        ("name", " "),
        ("graph", 5),
    ],
)
def test_an_unusable_option_is_refused_before_any_call(hitl, option, value):
    with pytest.raises(InvalidInput, match=rf"^guard: {option}: "):
        guard(hitl, **{"task_type": "t", "domain": "d", option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [("risk", lambda _: None), ("confidence", lambda _: 95), ("key", lambda call: call["id"])],
    ids=["no level", "percent", "fails"],
)
def test_a_function_that_fails_is_named_and_nothing_is_asked(hitl, option, value):
    @guard(hitl, **{"task_type": "t", "domain": "d", option: value}, name="pay")
    def pay(order: str) -> None: ...

    with pytest.raises(InvalidInput, match=rf"^guard: \S+pay: {option}: the function "):
        pay("A1")
    assert hitl.inbox() == []


class Desk:
    def pay(self, order: str) -> None: ...


@tool
def refund(order: str) -> str:
    """Pay a refund."""
    return order


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (Desk.pay, r"Desk\.pay is a method: .*guard a function that takes an id"),
        (refund, "StructuredTool, the tool of a framework; put @guard below"),
        (Desk, "class Desk, and no function"),
        ("refund", "type str, and no function"),
        (lambda order: order, "no name of its own"),
    ],
    ids=["method", "tool", "class", "text", "lambda"],
)
def test_what_is_no_function_with_a_name_is_refused_with_the_remedy(hitl, function, problem):
    with pytest.raises(InvalidInput, match=problem) as refused:
        guard(hitl, task_type="t", domain="d")(function)
    assert len(str(refused.value)) < 250


def test_the_schema_of_the_arguments_says_which_edits_fit(hitl):
    @guard(hitl, task_type="t", domain="d", name="pay")
    def pay(order: str, amount: float = 20.0, *, at: date | None = None) -> None: ...

    fits = Draft202012Validator(pay.arguments_schema).is_valid

    assert fits({"order": "A1", "amount": 5, "at": None})
    assert not fits({"order": "A1", "amnt": 5, "at": None})
    assert not fits({"order": "A1", "amount": "5", "at": None})


def test_an_approved_edit_that_does_not_fit_the_function_any_more_names_the_remedy(tmp_path):
    made, store = [], f"sqlite:///{tmp_path / 'store.db'}"

    with Orchestrator.open(store) as hitl:

        @guard(hitl, task_type="t", domain="d", name="pay")
        def pay(by: str) -> None: ...

        with pytest.raises(AwaitingReview) as waits:
            pay("card")
        edit = {"predicted_label": "pay", "arguments": {"by": "cash"}}
        hitl.decide(waits.value.case_id, "modify", reviewer="senior_manager", output=edit, feedback="as agreed")

    with Orchestrator.open(store) as hitl:

        @guard(hitl, task_type="t", domain="d", name="pay")
        def pay_by_card(by: Literal["card"]) -> None:
            made.append(by)

        with pytest.raises(InvalidInput, match=r"by does not fit: .*; nothing ran, .* make it with another key"):
            pay_by_card("card")
        assert (made, list(hitl.executions.list())) == ([], [])


def test_the_reviewer_is_not_part_of_the_reason(hitl):
    @guard(hitl, task_type="t", domain="d", name="pay")
    def pay(order: str) -> None: ...

    with pytest.raises(AwaitingReview) as waits:
        pay("A1")
    hitl.decide(waits.value.case_id, "reject", reviewer="senior_manager", reason="no such order")

    with pytest.raises(CallRejected, match=r"no such order \(decided by 'senior_manager'\); do not repeat it"):
        pay("A1")
