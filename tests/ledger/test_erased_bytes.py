"""No byte of a redacted text remains in the files of a database, wherever the text got to, beside open processes."""

import subprocess
import sys
from base64 import b64encode
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from support.builders import AGENT, a_review, a_task, an_output
from support.internals import services_of
from support.postgres_server import direct_connection
from support.secret_leaks import SECRET
from support.stores import address_of

from hitl_orchestrator import Orchestrator, Review
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.errors import CaseUnfinished, HitlError
from hitl_orchestrator.ledger.database.address import is_postgres

NUMBER = 73_519_284_611
REASON = "large matches: amount is"  # a reason tells what the metadata say
MARKERS = (SECRET.encode(), str(NUMBER).encode(), REASON.encode())
# Too large for a checkpoint, and PostgreSQL cannot compress it.
LETTER = SECRET + b64encode(Random(1).randbytes(15_000)).decode()
POLICY = {
    "policy_id": "amounts",
    "metadata": {"amount": "number"},
    "rules": [
        {
            "rule_id": "large",
            "priority": 1,
            "conditions": {"metadata": {"amount": {"ge": 1000}}},
            "action": "human_review",
            "assigned_human_role": "domain_reviewer",
            "blind": True,
        },
        {"rule_id": "all", "priority": 2, "conditions": {"min_confidence": 0.8}, "action": "auto_approve"},
    ],
}


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path):
    return request.getfixturevalue("postgres_store") if request.param == "postgres" else address_of("sqlite", tmp_path)


@pytest.fixture
def stored_bytes(store, request):
    """Return a function for the bytes of all files of the database, as they are on the disk."""
    if not is_postgres(store):
        file = Path(store.removeprefix("sqlite:///"))
        return lambda: b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    server = request.getfixturevalue("postgres")

    def read():
        (number,) = server.run(f"SELECT oid FROM pg_database WHERE datname = '{store.rpartition('/')[2]}'")[0]
        server.run("CHECKPOINT")
        return b"".join(path.read_bytes() for path in (server.data / "base" / str(number)).iterdir())

    return read


READS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM reviews").fetchone()
print("reads", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process_reads(store):
    """Let another process hold a read transaction on the store."""
    if is_postgres(store):
        with direct_connection(store) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.execute("SELECT 1 FROM events").fetchone()
            yield
        return
    command = [sys.executable, "-c", READS, store.removeprefix("sqlite:///")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "reads\n"
        yield
        reader.communicate()


def run_everywhere(hitl, name="task-1"):
    """Run a case whose texts get to every place that they can get to, and return its id."""
    task = a_task(name, task_description=f"About {SECRET}", metadata={"customer": SECRET, "amount": NUMBER})
    output = an_output(name, label=SECRET, agent_id=SECRET, model=SECRET, letter=LETTER)
    case = hitl.submit(task, output)
    assert case.open_review.shown.routing.decision.reason.startswith(REASON)
    for reviewer in ("domain_reviewer", "senior_manager"):
        hitl.reviews.label(case.case_id, reviewer=reviewer, label=SECRET)
    hitl.reviews.claim(case.case_id, reviewer="domain_reviewer")
    hitl.reviews.delegate(case.case_id, to="senior_manager", reviewer="domain_reviewer", reason=SECRET)
    services_of(hitl).reader.alarm(case.case_id, f"the answer {SECRET} was rejected")
    edited = {"predicted_label": SECRET, "to": SECRET}
    words = {"human_feedback": SECRET, "reason": f"{SECRET}!", "modified_output": edited, "idempotency_key": SECRET}
    answer = Review(human_decision="modify", reviewer_id="senior_manager", **words)
    hitl.decide(case.case_id, answer)
    for other in (
        a_review("reject", "senior_manager", reason=SECRET, idempotency_key=SECRET),
        a_review("reject", SECRET),
    ):
        with suppress(HitlError):
            hitl.decide(case.case_id, other.model_copy(update={"reviewer_id": "senior_manager"}))
    assert [event.kind.value for event in hitl.cases.history(case.case_id)][-1] == "refused"
    return case.case_id


def put_into_statistics(store):
    """Let PostgreSQL sample all columns, as it does from time to time."""
    if is_postgres(store):
        with direct_connection(store) as connection:
            connection.execute("ANALYZE")


def markers_in(data):
    return [marker for marker in MARKERS if marker in data]


def test_no_byte_remains_in_any_place_that_a_text_can_get_to(store, stored_bytes):
    with Orchestrator.open(store, policy=POLICY) as hitl:
        case_id = run_everywhere(hitl)
        put_into_statistics(store)
        assert markers_in(stored_bytes()) == list(MARKERS)

        receipt = hitl.cases.redact(case_id, reason="asked for", reviewer="compliance_officer")

        assert markers_in(stored_bytes()) == []
        assert (receipt.scrub_due, hitl.audit.verify().scrub_due) == (False, ())
        assert hitl.audit.verify().problem is None
        assert hitl.cases.get(case_id).record.agent_id is None


def test_copies_behind_a_reader_are_reported_and_erased_by_recovery(store, stored_bytes):
    with Orchestrator.open(store, policy=POLICY) as hitl:
        case_id = run_everywhere(hitl)
        with another_process_reads(store):
            receipt = hitl.cases.redact(case_id, reason="asked for", reviewer="compliance_officer")

            assert receipt.scrub_due
            assert hitl.recover() == []
            verified = hitl.audit.verify()
            assert (verified.problem, verified.scrub_due) == (None, (case_id,))
            assert markers_in(stored_bytes()) != []
            assert hitl.cases.redact(case_id, reason="asked for", reviewer="compliance_officer").scrub_due

        assert hitl.recover() == []
        assert hitl.audit.verify().scrub_due == ()
        assert markers_in(stored_bytes()) == []


def test_a_scrub_that_a_crash_prevented_is_finished_by_recovery(store, stored_bytes):
    with Orchestrator.open(store, policy=POLICY) as hitl:
        case_id = run_everywhere(hitl)
        services_of(hitl).runner.forget(case_id)
        services_of(hitl).ledger.redact(case_id, "asked for", AGENT, services_of(hitl).ledger.now())
    with Orchestrator.open(store) as again:
        assert again.audit.verify().scrub_due == (case_id,)
        again.run_maintenance()

        assert again.audit.verify().scrub_due == ()
        assert markers_in(stored_bytes()) == []


def test_a_second_review_is_redacted_with_the_case_that_it_repeats(store, stored_bytes):
    with Orchestrator.open(store, policy=POLICY) as hitl:
        case_id = run_everywhere(hitl)
        copy = hitl.acting_as("senior_manager").reviews.add_second_review(case_id, new_task_id="second")

        with pytest.raises(CaseUnfinished, match=f"'{copy.case_id}' cannot be redacted: it is waiting"):
            hitl.cases.redact(case_id, reason="asked for", reviewer="compliance_officer")
        assert not hitl.cases.get(case_id).redacted

        hitl.reviews.label(copy.case_id, reviewer="compliance_officer", label="l")
        hitl.decide(copy.case_id, HumanDecision.REJECT, reviewer="compliance_officer", reason="r")
        hitl.cases.redact(case_id, reason="asked for", reviewer="compliance_officer")

        assert hitl.cases.get(copy.case_id).redacted
        assert markers_in(stored_bytes()) == []


def test_a_review_row_that_was_altered_does_not_prevent_its_redaction(tmp_path):
    store = address_of("sqlite", tmp_path)
    with Orchestrator.open(store, policy=POLICY) as hitl:
        case_id = run_everywhere(hitl)
        with direct_connection(store) as connection:
            connection.execute(f"UPDATE reviews SET verdict = 'no JSON {SECRET}'")

        services_of(hitl).ledger.redact(case_id, "asked for", AGENT, services_of(hitl).ledger.now())

    with direct_connection(store) as connection:
        assert SECRET not in repr(connection.execute("SELECT * FROM reviews").fetchall())
