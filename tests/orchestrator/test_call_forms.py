"""What a reviewer approves can be made: an output that is no call of the function is refused wherever it is decided."""

from decimal import Decimal

import pytest
from pydantic import BaseModel, Field
from support.builders import a_task, an_output
from support.calls import ARGUMENTS, Tool, ask

from hitl_orchestrator import Go, Orchestrator
from hitl_orchestrator.errors import InvalidInput


class Line(BaseModel):
    net: int


class Refund(BaseModel):
    amount: int = Field(gt=0)
    to: str
    note: str | None = None
    fee: Decimal = Decimal(1)
    part: int | Line = 1


SCHEMA = Refund.model_json_schema()
FREE = {"rule_id": "all", "priority": 1, "conditions": {}, "action": "auto_approve"}
APPROVES_ALL = {"policy_id": "all", "rules": [FREE]}
OTHER = "predicted_label: 'pay' is another function, and 'refund' was proposed; "
AMOUNT, NOT_FIT = {**ARGUMENTS, "amount": 4}, "its output does not fit the call: "


@pytest.fixture
def store():
    """The check is of no dialect; what is stored is read by two processes in the first test."""
    return "memory://"


def decide(hitl, case_id, decision="modify", **output):
    return hitl.decide(case_id, decision, reviewer="ana", output={"predicted_label": "refund", **output}, reason="why")


def refusal(hitl, case_id, **output):
    with pytest.raises(InvalidInput) as refused:
        decide(hitl, case_id, **output)
    (problem,) = refused.value.problems
    return problem.partition(NOT_FIT)[2]


UNFIT = {
    "arguments.amnt: unknown field; did you mean 'amount'?; arguments.amount: required": {
        "arguments": {"amnt": 4, "to": "card"}
    },
    "arguments: required": {},
    "arguments: it has to be an object": {"arguments": [4]},
    f"{OTHER}reject the call, or override it without output": {
        "predicted_label": "pay",
        "arguments": ARGUMENTS,
    },
    'arguments.amount: it has to be integer, and is "4"': {"arguments": {**ARGUMENTS, "amount": "4"}},
    "arguments.amount: -4 is less than or equal to the minimum of 0": {"arguments": {**ARGUMENTS, "amount": -4}},
    "arguments.note: it has to be string or null, and is 4": {"arguments": {**ARGUMENTS, "note": 4}},
    "arguments.fee: it has to be number or string, and is []": {"arguments": {**ARGUMENTS, "fee": []}},
    "arguments.part.net: required": {"arguments": {**ARGUMENTS, "part": {"nt": 4}}},
}


def test_an_edit_that_is_no_call_of_the_function_is_refused_by_its_fields_in_every_process(durable_store, opened):
    with opened(durable_store) as agent, opened(durable_store) as desk:
        case_id = ask(agent, arguments_schema=SCHEMA).case_id

        assert {refusal(desk, case_id, **output): output for output in UNFIT.values()} == UNFIT
        assert refusal(desk, case_id, decision="override", response="done") == "arguments: required"
        decide(desk, case_id, arguments=AMOUNT)

        tool = Tool()
        ask(agent, arguments_schema={"type": "object"}).run(tool)
        assert tool.calls == [AMOUNT]
        assert desk.audit.verify().sound


def test_an_override_may_answer_in_the_place_of_the_call_where_the_caller_takes_it(hitl):
    case_id = ask(hitl, arguments_schema=SCHEMA, takes_response=True).case_id

    assert refusal(hitl, case_id, response="done") == "arguments: required"
    assert refusal(hitl, case_id, decision="override").startswith("arguments: required, or response")
    assert decide(hitl, case_id, decision="override", response="done").final_output.response == "done"


def test_what_the_schema_leaves_open_or_was_proposed_may_stay(hitl):
    more = {**ARGUMENTS, "trace": "x"}
    case_id = ask(hitl, arguments=more, arguments_schema=SCHEMA).case_id
    decide(hitl, case_id, arguments={**more, "amount": 4})

    opened_wide = ask(hitl, "call-2", arguments_schema={**SCHEMA, "additionalProperties": True}).case_id
    decide(hitl, opened_wide, arguments={**AMOUNT, "more": 1})


def test_a_form_of_the_edit_is_shown_and_nothing_is_fetched_for_it(hitl):
    case_id = ask(hitl, arguments_schema=SCHEMA).case_id

    shown = hitl.reviews.view(case_id).output_schema

    assert shown["properties"]["arguments"]["required"] == ["amount", "to"]
    assert shown["$defs"] == SCHEMA["$defs"]


def test_the_copy_that_measures_reviewers_refuses_what_its_case_refuses(hitl):
    case_id = ask(hitl, arguments_schema=SCHEMA).case_id
    decide(hitl, case_id, arguments=AMOUNT)
    copy = hitl.reviews.add_second_review(case_id, new_task_id="copy", reviewer="zoe")

    with pytest.raises(InvalidInput, match=r"arguments\.amnt: unknown field"):
        hitl.decide(
            copy.case_id, "modify", reviewer="max", output={"predicted_label": "refund", "arguments": {"amnt": 1}}
        )


def test_the_schema_is_erased_with_the_texts_of_its_case(hitl):
    case_id = ask(hitl, arguments_schema={**SCHEMA, "description": "for Ana Lopez"}).case_id
    decide(hitl, case_id, arguments=AMOUNT)
    assert "Lopez" in hitl.cases.history(case_id)[0].model_dump_json()

    hitl.cases.redact(case_id, reason="asked", reviewer="zoe")

    assert "Lopez" not in hitl.cases.get(case_id).model_dump_json()
    assert "Lopez" not in hitl.cases.history(case_id)[0].model_dump_json()
    assert hitl.audit.verify().sound


def test_a_call_that_is_held_waits_for_a_person_whatever_the_policy_says_and_the_reason_is_shown(durable_store, opened):
    with opened(durable_store, policy=APPROVES_ALL) as hitl:
        assert isinstance(ask(hitl), Go)
        waiting = ask(hitl, "call-2", held="the AI reviewer recommends: hold")
        (review,) = hitl.inbox()
        assert review.reason.startswith("the AI reviewer recommends: hold; otherwise")

        hitl.decide(waiting.case_id, "approve", reviewer="ana")

        assert isinstance(ask(hitl, "call-2"), Go)
        copy = hitl.reviews.add_second_review(waiting.case_id, new_task_id="copy", reviewer="zoe")
        assert copy.status == "waiting"
        assert hitl.audit.verify().sound


def test_a_pattern_of_a_framework_that_no_linear_engine_runs_is_left_to_the_tool(hitl):
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}, "to": {"pattern": "^(?!x)"}}}
    case_id = ask(hitl, arguments_schema=schema).case_id

    assert refusal(hitl, case_id, arguments={"amount": "4", "to": "x"}).startswith("arguments.amount")
    decide(hitl, case_id, arguments={"amount": 4, "to": "x"})


def test_a_schema_whose_references_double_at_each_step_is_given_up(hitl):
    chain = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    case_id = ask(hitl, arguments_schema={"$ref": "#/$defs/d0", "$defs": {**chain, "d40": {}}}).case_id

    assert refusal(hitl, case_id, arguments=AMOUNT) == "arguments: the schema refers to itself too often"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"$ref": "https://example.com/refund.json"}, "never fetched"),
        ({"type": "text"}, "/type"),
        ([], "arguments_schema"),
        ({"description": "x" * 70_000}, "65536 are the most"),
        ({"$schema": "https://example.com/own"}, "not supported"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_when_it_is_asked(schema, why):
    with Orchestrator.open("memory://") as hitl:
        with pytest.raises(InvalidInput, match=why):
            ask(hitl, arguments_schema=schema)

        assert not hitl.inbox()


def test_an_edit_of_a_gold_case_is_checked_as_that_of_a_real_call(opened):
    hitl, call = opened("memory://"), an_output("gold", confidence=0.5, label="refund", arguments=ARGUMENTS)
    gold = hitl.reviews.add_gold_case(a_task("gold"), call, "reject", reviewer="max", arguments_schema=SCHEMA)
    real = ask(hitl, arguments_schema=SCHEMA)
    unfit = {"arguments": {**ARGUMENTS, "amount": -4}}

    assert refusal(hitl, gold.case_id, **unfit) == refusal(hitl, real.case_id, **unfit) != ""
    with pytest.raises(InvalidInput, match="add_gold_case: arguments_schema"):
        hitl.reviews.add_gold_case(a_task("other"), an_output("other"), "reject", reviewer="max", arguments_schema=3)
