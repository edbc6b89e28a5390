"""Calls of agents on the command line: short ids, the call itself, and edits of its arguments."""

import pytest
from support.builders import a_task

from hitl_orchestrator import CallKey, Orchestrator, proposed_call

BY = ("--reviewer", "domain_reviewer")
SHORT = 18


@pytest.fixture
def asked(hitl, folder):
    """Ask about two calls, and return their cases."""
    with Orchestrator.open(f"sqlite:///{folder / 'hitl.db'}") as store:
        calls = [proposed_call("refund", {"order": order, "amount": 55}, confidence=0.5) for order in ("A-17", "B 1")]
        keys = [CallKey(thread="a-thread-with-a-long-name" * 2, call_id=f"call-{number}") for number in (1, 2)]
        return [store.ask(key, a_task(), call).case for key, call in zip(keys, calls, strict=True)]


def test_the_inbox_lists_what_each_call_is_under_a_short_id(asked, hitl, monkeypatch):
    for width in ("80", "140"):
        monkeypatch.setenv("COLUMNS", width)
        listed = hitl("inbox").out

        assert all(case.case_id[:SHORT] in listed and case.task_id not in listed for case in asked)
        assert "refund(amount=55, order=" in listed or width == "80"
        assert max(map(len, listed.split("Next:")[0].splitlines())) <= int(width)


def test_a_value_cannot_look_like_another_argument(asked, hitl, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")

    assert 'refund(amount=55, order="B 1")' in hitl("inbox").out


def test_a_case_is_named_by_the_beginning_of_its_id(asked, hitl):
    first, second = (case.case_id for case in asked)

    assert hitl("--json", "show", first[:SHORT]).data["summary"]["case_id"] == first
    assert "several cases begin with it" in hitl("show", first[:8]).err or first[:8] != second[:8]
    assert "no case or task '00000000'" in hitl("show", "00000000").err
    assert "no case or task '0000000'" in hitl("show", "0000000").err


def test_an_edit_changes_only_the_named_arguments(asked, hitl):
    case_id = asked[0].case_id
    assert "--arguments" in hitl("show", case_id).out

    decided = hitl("--json", "decide", case_id, "modify", "--arguments", '{"amount": 7}', "--feedback", "agreed", *BY)

    assert decided.data["final_output"]["arguments"] == {"amount": 7, "order": "A-17"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--arguments", '{"amont": 7}'), "'amont' is no argument of it; the proposed call has amount, order"),
        (("--arguments", "7"), "give an object"),
        (("--arguments", "{}", "--output", "{}"), "give one of them"),
    ],
)
def test_an_edit_that_fits_no_argument_is_refused(asked, hitl, options, words):
    refused = hitl("decide", asked[0].case_id, "modify", *options, *BY)

    assert refused.code == 2
    assert words in refused.err


def test_another_call_under_the_same_key_is_advised_to_use_another_key(asked, folder):
    key = CallKey(thread="a-thread-with-a-long-name" * 2, call_id="call-1")
    with Orchestrator.open(f"sqlite:///{folder / 'hitl.db'}") as store, pytest.raises(Exception, match="another key"):
        store.ask(key, a_task(), proposed_call("refund", {"order": "C-1"}))


def test_a_caller_waits_by_its_answer_and_prints_a_case_in_one_line(asked, folder):
    with Orchestrator.open(f"sqlite:///{folder / 'hitl.db'}") as store:
        key = CallKey(thread="another", call_id="1")
        answer = store.ask(key, a_task(), proposed_call("refund", {}, confidence=0.5))
        store.decide(answer.case_id, "reject", reviewer="domain_reviewer", reason="no", feedback="no")

        assert str(store.wait(answer, timeout=1)) == f"<Case {answer.case.task_id} rejected>"
