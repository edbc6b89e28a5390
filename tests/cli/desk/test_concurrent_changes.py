"""Changes by others while a case is open: they are explained, and the draft is kept."""

import sqlite3
from datetime import timedelta

import pytest
from support.desk_driver import PEOPLE, policy, submit

from hitl_orchestrator import Orchestrator, Review
from hitl_orchestrator.wiring.clocks import now_in_utc


def answer(decision, **fields):
    return Review(human_decision=decision, **fields)


def test_decision_by_another_reviewer_is_reported_and_draft_kept(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "r", "t")
        await desk.type("no receipt")
        await desk.press("enter")
        hitl.reviews.release(case_id, reviewer="r01")
        hitl.decide(case_id, answer("approve"), reviewer="r02")
        text = await desk.press("enter")
        assert desk.notice.startswith("Not recorded: r02 has decided this review: approve at ")
        assert desk.notice.endswith("it is approved. Your draft is kept.")
        assert "no receipt" in text
        assert "not recorded, and no longer possible" in text
        assert desk.answered(case_id).human_decision == "approve"
        await desk.press("escape")
        assert "No reviews wait for you." in desk.text

    desk(flow)


def test_escalation_by_another_reviewer_is_shown(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter")
        hitl.reviews.release(case_id, reviewer="r01")
        hitl.decide(case_id, answer("escalate", reason="beyond me"), reviewer="r02")
        desk.app.screen.action_watch()
        await desk.wait_until_idle()
        assert desk.notice.startswith("r02 has decided this review: escalate at ")
        assert desk.notice.endswith("it waits for senior_manager now.")
        await desk.press("a")
        assert desk.notice.startswith("This case is decided.")
        await desk.press("ctrl+r")
        assert "You may read this case, but not decide it" in desk.notice

    desk(flow)


def test_cancellation_is_shown(hitl, desk):
    case_id = submit(hitl, "t-1", by="app-7")

    async def flow(desk):
        await desk.press("enter", "a")
        hitl.cases.cancel(case_id, submitted_by="app-7", reason="sent twice")
        await desk.press("enter")
        assert "Not recorded: This case was canceled by its submitter at " in desk.notice

    desk(flow)


def test_claimed_case_may_be_read(hitl, desk):
    case_id = submit(hitl, "t-1")
    hitl.reviews.claim(case_id, reviewer="r02")

    async def flow(desk):
        text = await desk.press("enter")
        assert "r02 has claimed it until" in desk.notice
        assert "Refund in full" in text
        await desk.press("a", "enter")
        assert hitl.cases.get(case_id).status == "waiting"
        await desk.press("escape")
        assert hitl.cases.get(case_id).open_review.claimed_by == "r02"

    desk(flow)


def test_lapsed_claim_is_reported_and_renewed(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "r", "t")
        await desk.type("no receipt")
        await desk.press("escape")
        desk.app.now = lambda: now_in_utc() + timedelta(hours=1)
        desk.app.screen.action_watch()
        await desk.wait_until_idle()
        assert desk.notice.startswith("Your claim has lapsed")
        assert desk.notice.endswith("Your draft is kept.")
        desk.app.now = now_in_utc
        assert "no receipt" in await desk.press("ctrl+r")
        await desk.press("enter")
        assert desk.answered(case_id).human_feedback == "no receipt"

    desk(flow)


def test_activity_renews_the_claim(hitl, desk):
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter")
        first = hitl.cases.get(case_id).open_review.claimed_until
        await desk.press("down")
        desk.app.screen.action_watch()
        await desk.wait_until_idle()
        assert hitl.cases.get(case_id).open_review.claimed_until > first

    desk(flow)


def test_draft_survives_reopening_and_quit_warns(hitl, desk):
    submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "r", "t")
        await desk.type("no receipt")
        await desk.press("escape", "escape", "q")
        assert "Your decision is not recorded yet" in desk.notice
        assert "no receipt" in await desk.press("enter")
        assert desk.app.is_running

    desk(flow)


@pytest.fixture
def file(tmp_path):
    """A store in a file, which can be taken away."""
    with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}", policy=policy(), reviewers=PEOPLE) as opened:
        yield opened, tmp_path / "hitl.db"


def rename(path, old, new):
    with sqlite3.connect(path) as database:
        database.execute(f"ALTER TABLE {old} RENAME TO {new}")
    database.close()


def test_database_outage_is_reported_and_decision_recorded_afterwards(file, sit):
    hitl, path = file
    case_id = submit(hitl, "t-1")

    async def flow(desk):
        await desk.press("enter", "r", "t")
        await desk.type("no receipt")
        await desk.press("enter")
        rename(path, "reviews", "gone")
        text = await desk.press("enter")
        assert desk.notice.startswith("Not recorded: ")
        assert desk.notice.endswith("Your draft is kept.")
        assert "no receipt" in text
        rename(path, "gone", "reviews")
        await desk.press("enter")
        assert desk.notice == "Recorded: reject; the case is finished: rejected."
        assert desk.answered(case_id).human_feedback == "no receipt"

    sit(hitl, flow)


def test_queue_reports_an_outage_and_recovers(file, sit):
    hitl, path = file
    submit(hitl, "t-1")

    async def flow(desk):
        rename(path, "reviews", "gone")
        await desk.press("ctrl+r")
        assert desk.notice != ""
        assert "t-1" in desk.text
        rename(path, "gone", "reviews")
        await desk.press("ctrl+r")
        assert desk.notice == ""

    sit(hitl, flow)
