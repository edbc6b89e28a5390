"""Redaction erases the texts of a case everywhere, and the ledger still verifies."""

import json
from contextlib import closing

import pytest
from support.builders import (
    AGENT,
    NINE,
    PERSON,
    a_review,
    a_routing,
    a_shown,
    a_submission,
    a_task,
    a_verdict,
    an_outcome,
    minutes,
)
from support.internals import services_of
from support.postgres_server import direct_connection
from support.secret_leaks import SECRET, full_text, run, secret_output
from support.stores import address_of, open_rows

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import ActorKind, EventKind
from hitl_orchestrator.errors import (
    CaseUnfinished,
    InvalidInput,
    ReviewAlreadyDecided,
    TaskConflict,
    UnknownCase,
)
from hitl_orchestrator.ledger.events.contents import ERASED, Contents
from hitl_orchestrator.ledger.events.redaction import Redaction
from hitl_orchestrator.ledger.keys.signing import new_signing_key
from hitl_orchestrator.ledger.verification.proofs import proof_problem

KEY = new_signing_key()
CLERK = Actor(kind=ActorKind.HUMAN, id="clerk")


def finished(ledger, case_id="case-1", decision="modify"):
    """A case whose every free field, at every step of it, tells the secret."""
    task = a_task(f"task-of-{case_id}", task_description=f"About {SECRET}", metadata={"customer": [SECRET]})
    output = secret_output(task.task_id)
    routing = a_routing(output=output)
    ledger.receive(a_submission(case_id, task, output), AGENT)
    row = ledger.open_review(a_shown(case_id, task=task, routing=routing, salt="s"), NINE)
    above = a_shown(case_id, 1, "senior_manager", task=task, routing=routing, passed_up_because=SECRET, salt="s")
    ledger.decide(row, a_verdict("escalate", reason=f"{SECRET}!"), PERSON, above)
    edited = {"predicted_label": SECRET, "to": SECRET}
    verdict = a_verdict(decision, human_feedback=f"{SECRET}?", modified_output=edited)
    decided = ledger.decide(ledger.latest_review(case_id), verdict, PERSON)
    ledger.finish(an_outcome(ledger.case(case_id).submission, decided), routing, minutes(1))
    ledger.keep("d" * 64, f'"{SECRET}"', case_id)
    return ledger.case(case_id)


def redact(ledger, case_id="case-1", reason="Article 17"):
    return ledger.redact(case_id, reason, CLERK, minutes(9))


# What it does.


def test_redacted_texts_are_absent_from_every_reading(ledger):
    finished(ledger)
    assert SECRET in full_text(ledger)

    redact(ledger)

    assert SECRET not in full_text(ledger)
    with pytest.raises(KeyError):
        ledger.kept("d" * 64)


def test_entries_never_contain_texts(ledger):
    finished(ledger)

    with ledger.snapshot() as snapshot:
        assert SECRET not in "".join(entry.entry for entry in snapshot.entries())


def test_the_receipt_records_actor_time_and_reason(ledger):
    finished(ledger)

    receipt = redact(ledger, reason="Article 17 of the GDPR")

    assert receipt == Redaction(
        case_id="case-1", reason="Article 17 of the GDPR", actor=CLERK, at=minutes(9), destroyed=8, scrub_due=True
    )
    event = list(ledger.events("case-1"))[-1]
    assert (event.kind, event.actor, event.at) == (EventKind.REDACTED, CLERK, minutes(9))
    assert (event.body["reason"], event.body["destroyed"]) == ("Article 17 of the GDPR", 8)


def test_redaction_leaves_all_other_fields(ledger):
    before = finished(ledger)
    redact(ledger)
    after = ledger.case("case-1")

    assert (before.redacted, after.redacted) == (False, True)
    assert (after.stage, after.status, after.task_id) == (before.stage, before.status, before.task_id)
    free = {"reason", "human_feedback", "proposed_output", "final_output", "output_patch"}
    assert after.record.model_dump(exclude=free) == before.record.model_dump(exclude=free)
    assert (after.record.human_feedback, after.record.proposed_output, after.final_output) == (ERASED, None, None)
    assert after.submission.task.task_description == ERASED
    assert after.submission.output.confidence_score == before.submission.output.confidence_score
    for one, other in zip(before.reviews, after.reviews, strict=True):
        assert (one.digest, one.role, one.status, one.seal) == (other.digest, other.role, other.status, other.seal)
        assert one.verdict.review.human_decision is other.verdict.review.human_decision
        assert one.verdict.review.reviewer_id == other.verdict.review.reviewer_id


def test_redaction_leaves_other_cases_unchanged(ledger):
    finished(ledger, "case-1")
    other, records = finished(ledger, "case-2"), None
    events = list(ledger.events("case-2"))
    records = [record for record in ledger.records() if record.case_id == "case-2"]

    redact(ledger, "case-1")

    assert ledger.case("case-2") == other
    assert list(ledger.events("case-2")) == events
    assert [record for record in ledger.records() if record.case_id == "case-2"] == records
    assert ledger.kept("d" * 64) == f'"{SECRET}"'


def test_redaction_is_idempotent(ledger):
    finished(ledger)
    receipt = redact(ledger)
    before = full_text(ledger)

    assert ledger.redact("case-1", "another reason", PERSON, minutes(99)) == receipt

    assert full_text(ledger) == before


@pytest.mark.parametrize("stage", ["received", "waiting", "decided"])
def test_an_unfinished_case_cannot_be_redacted(ledger, stage):
    ledger.receive(a_submission("case-1"), AGENT)
    if stage != "received":
        row = ledger.open_review(a_shown("case-1"), NINE)
    if stage == "decided":
        ledger.decide(row, a_verdict(), PERSON)
    before = full_text(ledger)

    with pytest.raises(
        CaseUnfinished, match=f"'case-1' cannot be redacted: it is {stage}, not finished; .*hitl (decide|re)"
    ):
        redact(ledger)

    assert full_text(ledger) == before


def test_an_unknown_case_cannot_be_redacted(ledger):
    with pytest.raises(UnknownCase):
        redact(ledger, "unknown")


def test_a_redacted_task_can_only_be_resubmitted(ledger):
    case = finished(ledger)
    redact(ledger)
    again = case.submission.model_copy(update={"case_id": "case-2"})

    with pytest.raises(TaskConflict, match="case-1"):
        ledger.receive(again, AGENT)
    second = ledger.receive(again, AGENT, resubmit=True)

    assert (second.case_id, second.submission.attempt, second.redacted) == ("case-2", 2, False)
    assert ledger.case("case-2").submission.task == case.submission.task


def test_a_late_answer_to_a_redacted_review_is_already_decided_not_tampered(ledger):
    case = finished(ledger)
    redact(ledger)

    for row in case.reviews:
        with pytest.raises(ReviewAlreadyDecided, match="by 'ana'"):
            ledger.verified_review(row.review_id)


def test_equal_texts_of_two_cases_have_different_digests(ledger):
    """Otherwise the words of an erased case could be read off another one that says the same."""
    for case_id in ("case-1", "case-2"):
        finished(ledger, case_id)

    with ledger.snapshot() as snapshot:
        one, two = (Contents(*snapshot.contents(case_id)) for case_id in ("case-1", "case-2"))

    digests = [{line[:64] for line in contents.body.split("\n")} for contents in (one, two)]
    assert [len(names) for names in digests] == [8, 8]
    assert not digests[0] & digests[1]
    assert one.key != two.key


def test_an_auto_approved_case_stores_each_text_once(ledger):
    submission = ledger.receive(a_submission(), AGENT).submission
    ledger.finish(an_outcome(submission), a_routing("auto_approve"), NINE)

    with ledger.snapshot() as snapshot:
        assert (
            len(Contents(*snapshot.contents("case-1"))) == 3
        )  # the description, the reason, one proposal in three entries


# From the front door, on files.


@pytest.fixture(params=["sqlite", "postgres"])
def hitl(request, tmp_path):
    is_server = request.param == "postgres"
    url = request.getfixturevalue("postgres_store") if is_server else address_of("sqlite", tmp_path)
    with Orchestrator.open(url, head_key=KEY) as opened:
        yield opened


def test_redaction_leaves_chain_tables_and_earlier_heads_valid(hitl):
    for number in range(6):
        run(hitl, number, confidence=0.9 if number % 2 else 0.5, decision="modify" if number else "reject")
    run(hitl, 6, decision=None)
    head = hitl.audit.sign_head()
    assert hitl.audit.verify([head], KEY.public).sound

    for number in (0, 1, 2):
        hitl.cases.redact(task_id=f"task-{number}", reason="asked for", reviewer="compliance_officer")

    after = hitl.audit.verify([head, hitl.audit.sign_head()], KEY.public)
    assert (after.problem, after.heads, after.entries) == (None, 2, head.size + 3)


def test_a_redacted_case_can_still_be_read_everywhere(hitl):
    run(hitl, 1)
    hitl.cases.redact(task_id="task-1", reason="asked for", reviewer="compliance_officer")

    assert hitl.cases.get(task_id="task-1").redacted
    assert [event.kind.value for event in hitl.cases.history(task_id="task-1")][-2:] == ["finished", "redacted"]
    assert [record.task_id for record in hitl.audit.records()] == ["task-1"]
    assert hitl.recover() == []
    proof = hitl.audit.prove(task_id="task-1")
    assert (proof_problem(proof, KEY.public), proof.contents) == (None, None)
    assert SECRET not in proof.model_dump_json()


def test_a_proof_made_before_the_redaction_remains_valid(hitl):
    run(hitl, 1)
    proof = hitl.audit.prove(task_id="task-1")

    hitl.cases.redact(task_id="task-1", reason="asked for", reviewer="compliance_officer")

    assert proof_problem(proof, KEY.public) is None
    assert SECRET in proof.model_dump_json()


def test_an_answer_after_a_redaction_is_rejected_and_recorded_without_texts(hitl):
    run(hitl, 1)
    hitl.cases.redact(task_id="task-1", reason="asked for", reviewer="compliance_officer")

    for answer in (a_review("reject", "senior_manager", human_feedback=SECRET), a_review("approve", "unknown")):
        with pytest.raises(ReviewAlreadyDecided):
            hitl.decide(task_id="task-1", decision=answer)

    refused = [event for event in hitl.cases.history(task_id="task-1") if event.kind is EventKind.REFUSED]
    assert [event.body["answer"] for event in refused] == [ERASED, ERASED]
    assert hitl.audit.verify().problem is None


def test_redaction_erases_digests_of_rejected_answers(hitl):
    run(hitl, 1)
    with pytest.raises(ReviewAlreadyDecided):
        hitl.decide(task_id="task-1", decision=a_review("reject", "senior_manager", human_feedback=SECRET))
    digest = hitl.cases.history(task_id="task-1")[-1].body["answer"]
    with services_of(hitl).ledger.snapshot() as snapshot:
        assert digest not in list(snapshot.entries())[-1].entry

    hitl.cases.redact(task_id="task-1", reason="asked for", reviewer="compliance_officer")

    assert digest not in full_text(services_of(hitl).ledger)
    assert hitl.audit.verify().problem is None


def test_the_signed_digest_does_not_confirm_a_guess(hitl):
    """Without the random salt in the snapshot, which is erased with it, a guess has another digest."""
    case_id = run(hitl, 1, decision=None)
    (review,) = open_rows(services_of(hitl).ledger)
    shown = review.shown

    assert len(shown.salt) == 32
    assert shown.model_copy(update={"salt": "0" * 32}).digest != shown.digest
    hitl.decide(case_id, a_review("approve", "senior_manager"))
    hitl.cases.redact(case_id, reason="asked for", reviewer="compliance_officer")
    assert [row.shown.salt for row in hitl.cases.get(case_id).reviews] == [""]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001, "a\x00b", "\ud800"])
def test_redaction_requires_a_reason(hitl, reason):
    run(hitl, 1)

    with pytest.raises(InvalidInput, match="redact 'task-1': reason"):
        hitl.cases.redact(task_id="task-1", reason=reason, reviewer="compliance_officer")

    assert not hitl.cases.get(task_id="task-1").redacted


# What is left in the database itself.


def test_no_byte_of_a_redacted_text_remains_in_the_file_or_its_log(tmp_path):
    """Cases of all sizes, passed up, edited and finished, with places and payloads that came and went meanwhile."""
    file = tmp_path / "hitl.db"
    with Orchestrator.open(f"sqlite:///{file}") as hitl:
        for number in range(30):
            run(hitl, number, confidence=0.9 if number % 3 == 0 else 0.5, letter=f"{SECRET} " * 40 * number)
        with services_of(hitl).ledger.snapshot() as snapshot:
            keys = [rows.contents.key for rows in snapshot.cases()]
        assert SECRET.encode() in bytes_of(file)

        for number in range(30):
            hitl.cases.redact(task_id=f"task-{number}", reason="asked for", reviewer="compliance_officer")

        remaining = bytes_of(file)
        assert SECRET.encode() not in remaining
        assert not [key for key in keys if key.encode() in remaining]
        assert hitl.audit.verify().problem is None


def bytes_of(file) -> bytes:
    return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))


def test_no_row_on_a_server_contains_a_redacted_text(postgres_store):
    with Orchestrator.open(postgres_store) as hitl:
        for number in range(4):
            run(hitl, number, confidence=0.9 if number % 3 == 0 else 0.5, letter=f"{SECRET} " * 3000)
        assert SECRET in rows_of(postgres_store)

        for number in range(4):
            hitl.cases.redact(task_id=f"task-{number}", reason="asked for", reviewer="compliance_officer")

        assert SECRET not in rows_of(postgres_store)
        assert hitl.audit.verify().problem is None


def rows_of(store) -> str:
    with direct_connection(store) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [connection.execute(f'SELECT t::text FROM "{name}" AS t').fetchall() for (name,) in names]
    return repr(rows)


def test_a_reopened_store_does_not_contain_a_redacted_text(tmp_path):
    url = f"sqlite:///{tmp_path / 'hitl.db'}"
    with Orchestrator.open(url) as hitl:
        run(hitl, 1)
        receipt = hitl.cases.redact(task_id="task-1", reason="asked for", reviewer="compliance_officer")

    with Orchestrator.open(url) as again, closing(again):
        repeated = again.cases.redact(task_id="task-1", reason="asked for once more", reviewer="compliance_officer")
        assert repeated == receipt
        assert SECRET not in json.dumps(again.cases.get(task_id="task-1").model_dump(mode="json"))
