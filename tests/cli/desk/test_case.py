"""A case is opened, claimed, judged and decided; nothing is recorded before it is committed, nothing typed is lost."""

import pytest
from support.desk_driver import PEOPLE, policy, submit

from hitl_orchestrator import Orchestrator

EDIT = ("down", "end", "left", "left", "backspace", "backspace", "backspace", "backspace")
"""Leads from the head of the proposal to its label, and takes its last word away."""


def test_opening_a_case_claims_it_and_leaving_it_lets_it_go(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        text = await desk.press("enter")
        assert "Refund in full" in text
        assert "claimed by r01" in text
        assert hitl.cases.get(case_id).open_review.claimed_by == "r01"
        await desk.press("escape")
        assert hitl.cases.get(case_id).open_review.claimed_by is None

    desk(flow)


@pytest.mark.parametrize(
    ("keys", "decision", "status"),
    [("a", "approve", "approved"), ("r", "reject", "rejected"), ("o", "override", "override_approved")],
)
def test_an_answer_is_recorded_when_it_is_committed_and_not_before(hitl, desk, keys, decision, status):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", keys)
        if decision == "override":
            await desk.type("an exception")
            await desk.press("enter")
        assert f"{decision}   pending, nothing is recorded yet" in desk.text
        assert hitl.cases.get(case_id).status == "waiting"
        await desk.press("enter")
        assert desk.notice == f"Recorded: {decision}; the case is finished: {status}."
        assert hitl.cases.get(case_id).status == status
        assert desk.answered(case_id).reviewer_id == "r01"

    desk(flow)


def test_a_pending_answer_is_taken_back(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "r", "u")
        assert desk.notice == "Taken back: nothing was recorded of reject."
        await desk.press("enter")
        assert hitl.cases.get(case_id).status == "waiting"

    desk(flow)


def test_a_reason_is_asked_for_where_it_is_needed_and_goes_along(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "e", "escape", "enter")
        assert "escalate needs a reason" in desk.notice
        await desk.type("above my limit")
        await desk.press("enter", "c", "enter")
        assert desk.notice == "Recorded: escalate; it waits for senior_manager now."
        said = desk.answered(case_id)
        assert (said.reason, said.reason_code) == ("above my limit", hitl.services.people.reason_codes[0])

    desk(flow)


def test_an_edited_output_shows_its_difference_and_is_what_is_carried_out(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "m", *EDIT)
        assert "1 field differs" in desk.text
        text = await desk.press("ctrl+s")
        assert "modify   pending" in text
        assert "- Refund in full" in text
        assert "+ Refund in" in text
        await desk.press("enter")
        final = hitl.cases.get(case_id).final_output
        assert (final.predicted_label, final.explanation) == ("Refund in ", "The box was crushed")

    desk(flow)


def test_what_is_wrong_in_the_editor_is_said_in_words_and_the_text_is_kept(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "m")
        assert "line 1 column 1: not JSON" in await desk.type("my ")
        await desk.press("ctrl+s")
        assert desk.notice.startswith("Not yet: line 1 column 1")
        await desk.press("escape", "escape", "enter")
        assert "my {" in await desk.press("m")
        await desk.press("ctrl+o")
        assert "my {" not in desk.text
        await desk.press("ctrl+z")
        assert "my {" in desk.text
        assert hitl.cases.get(case_id).status == "waiting"

    desk(flow)


def test_a_blind_case_shows_nothing_of_the_agents_answer_before_the_own_label(hitl, desk):
    case_id = submit(hitl, "t-1", task_type="opinion")

    async def flow(desk):
        assert "0.68" not in desk.text
        assert "blind" in desk.text
        text = await desk.press("enter")
        for secret in ("Refund in full", "crushed", "0.68"):
            assert secret not in text
        await desk.press("escape", "a")
        assert desk.notice == "Give your own label first: the agent's answer is hidden until then."
        await desk.type("Half of it")
        text = await desk.press("enter")
        assert "Refund in full" in text
        assert "Half of it   the agent says something else" in text
        await desk.press("a", "enter")
        assert hitl.cases.get(case_id).record.own_label == "Half of it"

    desk(flow, size=(120, 40))


def test_a_vote_that_does_not_settle_says_that_another_is_asked(hitl, desk):
    case_id = submit(hitl, "t-1", task_type="payment")

    async def flow(desk):
        assert "2 persons must agree, 0 did so far" in await desk.press("enter")
        await desk.press("a", "enter")
        assert desk.notice == "Recorded: approve; it waits for another domain_reviewer."
        assert hitl.cases.get(case_id).status == "waiting"

    desk(flow, size=(120, 40))


def test_a_case_is_delegated_to_a_colleague_who_may_decide_it(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        assert "r02" in await desk.press("enter", "d")
        assert "delegate to r02   pending" in await desk.press("enter")
        assert hitl.cases.get(case_id).open_review.claimed_by == "r01"
        await desk.press("enter")
        assert desk.notice.startswith("Recorded: r02 has t-1 now")
        row = hitl.cases.get(case_id).open_review
        assert (row.claimed_by, row.delegated_by) == ("r02", "r01")

    desk(flow)


def test_next_goes_on_to_another_case_and_lets_this_one_go(hitl, desk):
    first, second = submit(hitl, "t-1"), submit(hitl, "t-2")

    async def flow(desk):
        await desk.press("n")
        assert hitl.cases.get(first).open_review.claimed_by == "r01"
        assert "t-2" in await desk.press("n")
        assert hitl.cases.get(first).open_review.claimed_by is None
        assert hitl.cases.get(second).open_review.claimed_by == "r01"
        await desk.press("a", "enter", "n")
        assert "t-1" in desk.text
        await desk.press("a", "enter", "n")
        assert desk.notice == "Nothing else waits for you. Esc goes to the queue."

    desk(flow)


def test_an_edited_output_is_held_against_the_schema_of_its_type_as_one_types(sit):
    schema = {"refund": {"properties": {"amount": {"type": "number", "maximum": 100}}}}
    with Orchestrator.open("memory://", policy=policy(), reviewers=PEOPLE, schemas=schema) as hitl:
        case_id = submit(hitl, "t-1")

        async def flow(desk):
            assert "/amount" in await desk.press("enter", "m")
            await desk.press("ctrl+s")
            assert desk.notice.startswith("Not yet: an output of type 'refund': ")
            assert hitl.cases.get(case_id).status == "waiting"

        sit(hitl, flow)
