"""The case screen: nothing is recorded before the commit, and no draft is lost."""

import pytest
from support.desk_driver import PEOPLE, policy, submit
from support.internals import services_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli.desk.case_screen import CaseScreen
from hitl_orchestrator.cli.desk.dialogs import HELP

EDIT = ("down", "end", "left", "left", "backspace", "backspace", "backspace", "backspace")
"""Leads from the head of the proposal to its label, and takes its last word away."""


def test_opening_claims_and_leaving_releases(hitl, desk):
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
def test_decision_is_recorded_only_on_commit(hitl, desk, keys, decision, status):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", keys)
        if decision == "override":
            await desk.type("an exception")
            await desk.press("enter")
        assert f"{decision}   pending, not recorded yet" in desk.text
        assert hitl.cases.get(case_id).status == "waiting"
        await desk.press("enter")
        executed = ", and nothing is executed" if decision == "override" else ""
        assert desk.notice == f"Recorded: {decision}; the case is finished: {status}{executed}."
        assert f"finished: {status}" in desk.text.splitlines()[1]
        assert "claimed by" not in desk.text
        assert hitl.cases.get(case_id).status == status
        assert desk.answered(case_id).reviewer_id == "r01"

    desk(flow)


def test_keys_of_the_case_screen_are_distinct():
    keys = [key for binding in CaseScreen.BINDINGS for key in binding.key.split(",")]

    assert len(set(keys)) == len(keys)


def test_pending_decision_can_be_withdrawn(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "r", "u")
        assert desk.notice == "Withdrawn: reject was not recorded."
        await desk.press("enter")
        assert hitl.cases.get(case_id).status == "waiting"

    desk(flow)


def test_required_reason_is_requested_and_recorded(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "e", "escape", "enter")
        assert "escalate needs a reason" in desk.notice
        await desk.type("above my limit")
        await desk.press("enter", "c", "enter")
        assert desk.notice == "Recorded: escalate; it waits for senior_manager now."
        output = desk.answered(case_id)
        assert (output.reason, output.reason_code) == ("above my limit", services_of(hitl).people.reason_codes[0])

    desk(flow)


def test_edited_output_shows_differences_and_becomes_final(hitl, desk):
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


def test_a_left_edit_leaves_no_other_decision_pending(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "a", "m", *EDIT, "escape")
        assert "Your output is kept, and no decision is pending" in desk.notice
        await desk.press("enter")
        assert hitl.cases.get(case_id).status == "waiting"

    desk(flow)


def test_editor_reports_problems_and_keeps_the_text(hitl, desk):
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


def test_blind_case_hides_the_agents_answer_until_labeled(hitl, desk):
    case_id = submit(hitl, "t-1", task_type="opinion")

    async def flow(desk):
        assert "0.68" not in desk.text
        assert "blind" in desk.text
        text = await desk.press("enter")
        for secret in ("Refund in full", "crushed", "0.68"):
            assert secret not in text
        await desk.press("a")
        assert desk.notice.startswith("Commit your own label first (t types it)")
        await desk.press("t")
        await desk.type("Half of it")
        text = await desk.press("enter")
        assert 'Enter again records your label "Half of it" for good' in desk.notice
        assert "Refund in full" not in text
        text = await desk.press("enter")
        assert "Refund in full" in text
        assert "Half of it   the agent differs" in text
        await desk.press("a", "enter")
        assert hitl.cases.get(case_id).record.own_label == "Half of it"

    desk(flow, size=(120, 40))


def test_first_of_two_votes_reports_the_missing_vote(hitl, desk):
    case_id = submit(hitl, "t-1", task_type="payment")

    async def flow(desk):
        assert "2 reviewers must agree" in await desk.press("enter")
        assert "0 of 2 have voted" in desk.text
        await desk.press("a", "enter")
        assert desk.notice == "Recorded: approve; vote 1 of 2; it waits for another domain_reviewer."
        assert hitl.cases.get(case_id).status == "waiting"

    desk(flow, size=(120, 40))


def test_case_is_delegated_to_an_eligible_reviewer(hitl, desk):
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


def test_next_opens_another_case_and_releases_this_one(hitl, desk):
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
        assert desk.notice == "No other review waits for you. Esc opens the queue."

    desk(flow)


def test_editor_validates_against_the_output_schema(sit):
    schema = {"refund": {"properties": {"amount": {"type": "number", "maximum": 100}}}}
    with Orchestrator.open("memory://", policy=policy(), reviewers=PEOPLE, schemas=schema) as hitl:
        case_id = submit(hitl, "t-1")

        async def flow(desk):
            assert "/amount" in await desk.press("enter", "m")
            await desk.press("ctrl+s")
            assert desk.notice.startswith("Not yet: an output of type 'refund': ")
            assert hitl.cases.get(case_id).status == "waiting"

        sit(hitl, flow)


def test_a_decision_that_is_withdrawn_or_changed_leaves_nothing_to_another(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "r", "c", "t")
        await desk.type("wrong sum")
        await desk.press("enter", "a")
        assert "wrong sum" not in desk.text
        assert services_of(hitl).people.reason_codes[0] not in desk.text
        assert "wrong sum" in await desk.press("r")
        await desk.press("u")
        assert "wrong sum" not in await desk.press("r")
        await desk.press("a", "enter")
        answer = desk.answered(case_id)
        assert (answer.human_decision, answer.reason_code, answer.human_feedback) == ("approve", None, "")

    desk(flow)


def test_an_advertised_key_works_in_a_blind_case_and_is_no_label(hitl, desk):
    first, second = submit(hitl, "t-1", task_type="opinion"), submit(hitl, "t-2")

    async def flow(desk):
        await desk.press("enter")
        assert "t your label" in desk.text
        assert "t-2" in (await desk.press("n")).splitlines()[1]
        assert hitl.cases.get(first).open_review.claimed_by is None
        assert hitl.cases.get(second).open_review.claimed_by == "r01"

    desk(flow)


def test_text_keys_without_a_pending_decision_name_the_decisions(hitl, desk):
    submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter")
        for key in ("t", "c", "w", "enter"):
            await desk.press("u", key)
            assert desk.notice.startswith("Choose a decision first: a approve, r reject")

    desk(flow)


def test_an_override_without_an_output_announces_that_nothing_is_executed(hitl, desk):
    submit(hitl, "t-1")

    async def flow(desk):
        assert "so nothing will be executed; w writes one" in await desk.press("enter", "o")

    desk(flow)


def test_the_labels_of_the_output_schema_are_offered(sit):
    schema = {"opinion": {"properties": {"predicted_label": {"enum": ["Refund in full", "Refund half"]}}}}
    with Orchestrator.open("memory://", policy=policy(), reviewers=PEOPLE, schemas=schema) as hitl:
        submit(hitl, "t-1", task_type="opinion")

        async def flow(desk):
            assert "known labels: Refund in full, Refund half" in await desk.press("enter")

        sit(hitl, flow)


def test_escape_in_the_queue_does_not_quit_and_the_help_fits_80_columns(hitl, desk):
    async def flow(desk):
        await desk.press("escape")
        assert desk.notice == "q quits the desk."
        assert desk.app.is_running
        lines = (await desk.press("question_mark")).splitlines()
        assert any("approve, reject, modify, override, escalate " in line for line in lines)
        rows = [line.strip() for line in lines if line.strip().startswith("│") and line.strip(" │")]
        assert len(rows) == len(HELP)

    desk(flow)


def test_every_line_of_a_quoted_text_has_a_bar(hitl, desk):
    forged = "Refund\nconfidence 0.99\n" + "and the rest of it is longer than a line " * 3
    submit(hitl, "t-1", task_description=forged)

    async def flow(desk):
        lines = (await desk.press("enter")).splitlines()
        first = next(index for index, line in enumerate(lines) if "Refund" in line)
        last = next(index for index, line in enumerate(lines) if "refund in support" in line)
        quoted = [line for line in lines[first:last] if line.strip()]
        assert len(quoted) >= 4
        assert all("│" in line for line in quoted)
        assert "│" not in lines[last]

    desk(flow)


def test_the_history_has_the_decision_once_it_is_recorded(hitl, sit):
    submit(hitl, "t-1")

    async def flow(desk):
        text = await desk.press("enter", "r", "enter")
        assert "decided reject  r01" in text

    sit(hitl, flow, size=(120, 40))


def test_a_key_that_does_not_apply_to_the_pending_decision_answers(hitl, desk):
    submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "a", "w")
        assert desk.notice == "approve takes no output; modify and override do."
        await desk.press("d", "enter", "c")
        assert desk.notice == "Delegate takes no reason code; t types a text."

    desk(flow)
