"""What `ledger/ports/ledger.py` promises of leases and deadlines, held against every store."""

import os
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from support.builders import AGENT, NINE, PERSON, a_routing, a_shown, a_submission, a_verdict, an_outcome
from support.postgres_server import direct_connection
from support.stores import open_rows

from hitl_orchestrator.domain.enums import CaseStage, DecisionSource, OnTimeout
from hitl_orchestrator.errors import CaseChanged, LeaseLost, ReviewExpired, StaleReview, UnknownCase
from hitl_orchestrator.ledger.events.chain import instant_text
from hitl_orchestrator.ledger.store.leases import Holder, is_gone
from hitl_orchestrator.wiring.stores import open_ledger

AUTO = a_routing("auto_approve")
A_MOMENT = timedelta(milliseconds=1)


def elsewhere(act):
    """Do something as a run of its own, in a thread of its own that lives on until it is done."""
    result = []

    def run():
        try:
            result.append(act())
        except CaseChanged as exc:
            result.append(exc)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    return result[0]


@pytest.fixture
def two(url):
    """Two who opened the same store, the first of whom holds what it takes for no time at all."""
    with closing(open_ledger(url, lease=0)) as hasty, closing(open_ledger(url)) as other:
        yield hasty, other


def timed(then=OnTimeout.REJECT, within=A_MOMENT, **shown):
    """What a review shows that is to be answered in time."""
    routing = a_routing()
    decision = routing.decision.model_copy(update={"respond_within": within, "on_timeout": then})
    return a_shown(routing=routing.model_copy(update={"decision": decision}), on_timeout=then, **shown)


def out_of_time(ledger, then=OnTimeout.REJECT):
    """Open a review, and return when its time is up."""
    ledger.receive(a_submission(), AGENT)
    row = ledger.open_review(timed(then), NINE)
    while ledger.now() < row.due_at:
        pass
    return row


def without_reviewer(decision):
    return a_verdict(decision, None).model_copy(update={"source": DecisionSource.TIMEOUT})


def kinds(ledger):
    return [event.kind.value for event in ledger.events()]


# Leases.


def test_the_submitting_worker_holds_the_lease_of_a_new_case(ledger):
    ledger.receive(a_submission(), AGENT, driving=True)

    assert ledger.take("case-1")
    assert not elsewhere(lambda: ledger.take("case-1"))


def test_one_of_many_workers_takes_a_free_case(ledger):
    ledger.receive(a_submission(), AGENT)

    assert ledger.take("case-1")
    assert not elsewhere(lambda: ledger.take("case-1"))


def test_a_released_case_can_be_taken(ledger):
    ledger.receive(a_submission(), AGENT, driving=True)
    ledger.release("case-1")

    assert elsewhere(lambda: ledger.take("case-1"))


def test_only_runnable_cases_can_be_taken(ledger):
    ledger.receive(a_submission(), AGENT)
    row = ledger.open_review(a_shown(), NINE)
    assert not ledger.take("case-1")

    decided = ledger.decide(row, a_verdict(), PERSON)
    assert ledger.take("case-1")

    ledger.finish(an_outcome(a_submission(), decided), a_routing(), NINE)
    assert not elsewhere(lambda: ledger.take("case-1"))


def test_the_lease_of_an_ended_thread_can_be_taken(ledger):
    elsewhere(lambda: ledger.receive(a_submission(), AGENT, driving=True))

    assert ledger.take("case-1")


def test_an_expired_lease_can_be_taken_and_its_writes_are_rejected(two):
    hasty, other = two
    hasty.receive(a_submission(), AGENT, driving=True)

    assert elsewhere(lambda: other.take("case-1"))

    with pytest.raises(LeaseLost, match="another process holds its lease"):
        hasty.finish(an_outcome(a_submission()), AUTO, NINE)
    with pytest.raises(LeaseLost):
        hasty.open_review(a_shown(), NINE)
    assert kinds(other) == ["submitted"]


def test_an_expired_lease_still_permits_writes_until_it_is_taken(two):
    hasty, _ = two
    hasty.receive(a_submission(), AGENT, driving=True)

    assert hasty.finish(an_outcome(a_submission()), AUTO, NINE).final_decision == "approved"


def test_an_overtaken_worker_cannot_release_the_lease_of_another(two):
    hasty, other = two
    hasty.receive(a_submission(), AGENT, driving=True)
    assert other.take("case-1")

    hasty.release("case-1")

    assert not elsewhere(lambda: other.take("case-1"))


def test_a_worker_without_a_lease_can_write_to_free_cases_only(two):
    hasty, other = two
    other.receive(a_submission(), AGENT, driving=True)

    result = elsewhere(lambda: hasty.finish(an_outcome(a_submission()), AUTO, NINE))

    assert isinstance(result, LeaseLost)
    assert other.finish(an_outcome(a_submission()), AUTO, NINE).final_decision == "approved"


def test_leases_of_a_closed_ledger_can_be_taken(url):
    with closing(open_ledger(url)) as first:
        first.receive(a_submission(), AGENT, driving=True)
    with closing(open_ledger(url)) as other:
        assert other.take("case-1")


HOLDS = """
import sys
from support.builders import AGENT, a_submission
from hitl_orchestrator.wiring.stores import open_ledger

ledger = open_ledger(sys.argv[1])
ledger.receive(a_submission(), AGENT, driving=True)
print("held", flush=True)
sys.stdin.read()
"""


def test_leases_of_a_process_can_be_taken_once_it_ended(url):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert child.stdout.readline() == "held\n"
    with closing(open_ledger(url)) as ledger:
        assert not ledger.take("case-1")
        child.kill()
        child.communicate()
        assert ledger.take("case-1")


def test_a_holder_on_another_machine_is_not_considered_gone():
    holder = Holder()
    machine, process, *rest = holder.name.split("/")
    place = "/".join(rest)

    assert not is_gone(holder.name)
    assert not is_gone(f"another-machine/{process}/{place}")
    assert not is_gone("")
    assert is_gone(f"{machine}/{2**22 + 1}/{place}")


def test_a_process_in_another_container_is_not_considered_gone():
    """There, the same number is another process; only the end of the lease is known here."""
    machine, _, *rest = Holder().name.split("/")
    elsewhere = machine.replace("-[", "-[9")

    assert elsewhere != machine
    assert not is_gone(f"{elsewhere}/{2**22 + 1}/{'/'.join(rest)}")


def test_a_later_process_with_the_same_number_does_not_keep_a_lease():
    machine, _, start, *rest = Holder().name.split("/")
    parent = os.getppid()

    assert not is_gone(f"{machine}/{parent}//{'/'.join(rest)}")
    assert is_gone(f"{machine}/{parent}/{int(start) + 1}/{'/'.join(rest)}")


def test_the_lease_of_a_zombie_can_be_taken(url):
    """Its parent, which may be busy for long, has not noticed yet that it ended."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert child.stdout.readline() == "held\n"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        with closing(open_ledger(url)) as ledger:
            assert ledger.take("case-1")
    finally:
        child.communicate()


def set_lease(url, since, until):
    """Let a worker on another machine hold the lease of all cases, with the times of its own clock."""
    with direct_connection(url) as connection:
        times = ", ".join(
            f"held_{name} = '{instant_text(time)}'" for name, time in (("since", since), ("until", until))
        )
        connection.execute(f"UPDATE cases SET holder = 'away/1/2/3/4', {times}")


def test_a_lease_of_a_clock_that_is_a_day_ahead_can_be_taken(url):
    with closing(open_ledger(url)) as ledger:
        ledger.receive(a_submission(), AGENT)
        tomorrow = ledger.now() + timedelta(days=1)
        set_lease(url, tomorrow, tomorrow + timedelta(seconds=60))

        assert ledger.take("case-1")


def test_a_lease_of_a_clock_that_is_a_little_ahead_is_respected(url):
    with closing(open_ledger(url)) as ledger:
        ledger.receive(a_submission(), AGENT)
        ahead = ledger.now() + timedelta(minutes=2)
        set_lease(url, ahead, ahead + timedelta(seconds=60))

        assert not ledger.take("case-1")
        assert ledger.lease("case-1") == ("process 1 on 'away'", ahead, ahead + timedelta(seconds=60))


def test_a_free_case_has_no_lease(ledger):
    ledger.receive(a_submission(), AGENT, driving=True)
    assert ledger.lease("case-1").holder.startswith(f"process {os.getpid()} on '")

    ledger.release("case-1")

    assert ledger.lease("case-1") is None
    with pytest.raises(UnknownCase):
        ledger.lease("unknown")


# Deadlines.


def test_the_deadline_counts_from_the_store_clock(ledger):
    ledger.receive(a_submission(), AGENT)
    before = ledger.now()

    row = ledger.open_review(timed(within=timedelta(hours=1)), NINE)

    assert before - A_MOMENT <= row.due_at - timedelta(hours=1) <= ledger.now()
    assert (row.opened_at, row.expires_at) == (NINE, row.due_at)
    assert ledger.case("case-1").reviews == (row,) == tuple(open_rows(ledger))
    assert ledger.expired() == []
    assert ledger.expire(row, without_reviewer("reject")) is None


def test_a_review_without_a_deadline_never_expires(ledger):
    ledger.receive(a_submission(), AGENT)
    row = ledger.open_review(a_shown(), NINE)

    assert (row.due_at, row.expires_at) == (None, None)
    assert ledger.expire(row, without_reviewer("reject")) is None


def test_an_answer_after_the_deadline_is_rejected(ledger):
    row = out_of_time(ledger)

    with pytest.raises(ReviewExpired, match="no longer accepts decisions"):
        ledger.decide(row, a_verdict(), PERSON)
    assert [review.review_id for review in ledger.expired()] == [row.review_id]


def test_an_expired_review_is_rejected_once(ledger):
    row = out_of_time(ledger)

    expired = ledger.expire(row, without_reviewer("reject"))

    assert (expired.status, ledger.case("case-1").stage) == ("expired", CaseStage.DECIDED)
    assert ledger.expire(row, without_reviewer("reject")) is None
    assert ledger.expired() == []
    with pytest.raises(ReviewExpired):
        ledger.decide(row, a_verdict(), PERSON)
    assert ledger.verified_review(row.review_id)[0] == expired
    record = ledger.finish(an_outcome(a_submission(), expired), a_routing(), NINE)
    assert (record.final_decision, record.decision_source, record.final_output) == ("rejected", "timeout", None)
    assert kinds(ledger) == ["submitted", "routed", "review_opened", "expired", "resumed", "finished"]


def test_an_expired_review_is_escalated_once(ledger):
    row = out_of_time(ledger, OnTimeout.ESCALATE)
    above = timed(level=1, role="senior_manager", within=timedelta(hours=1))

    assert ledger.expire(row, without_reviewer("escalate"), above).status == "escalated"

    assert ledger.expire(row, without_reviewer("escalate"), above) is None
    assert [review.role for review in open_rows(ledger)] == ["senior_manager"]
    with pytest.raises(ReviewExpired):
        ledger.decide(row, a_verdict(), PERSON)


def test_a_review_that_keeps_waiting_accepts_a_late_answer(ledger):
    row = out_of_time(ledger, OnTimeout.WAIT)

    assert (row.expires_at, ledger.expired()) == (None, [])
    assert ledger.decide(row, a_verdict(), PERSON).status == "decided"


def test_reviews_are_listed_by_due_time(ledger):
    for number, hours in enumerate((None, 5, 1, 3)):
        case_id = f"case-{number}"
        task = a_submission(case_id).task.model_copy(update={"task_id": f"task-{number}"})
        ledger.receive(a_submission(case_id, task), AGENT)
        shown = {"case_id": case_id, "review_id": f"{case_id}.0", "task": task}
        ledger.open_review(timed(within=timedelta(hours=hours), **shown) if hours else a_shown(**shown), NINE)

    assert [row.case_id for row in open_rows(ledger)] == ["case-2", "case-3", "case-1", "case-0"]


def test_a_changed_review_is_stale_rather_than_expired(ledger):
    ledger.receive(a_submission(), AGENT)
    row = ledger.open_review(timed(within=timedelta(hours=1)), NINE)

    with pytest.raises(StaleReview):
        ledger.decide(row.model_copy(update={"digest": "0" * 64}), a_verdict(), PERSON)
