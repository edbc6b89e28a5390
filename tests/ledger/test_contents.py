"""The texts of a case beside the ledger: every manipulation is detected, before and after a redaction."""

from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import AGENT, NINE, a_review
from support.internals import services_of
from support.postgres_server import direct_connection
from support.secret_leaks import run

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import LedgerDamaged, TamperedReview
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.events.contents import ERASABLE, ERASED, Contents, erased, marked, new_contents, restored

words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False) | words
free_json = st.recursive(
    scalars.filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)


@given(description=words, metadata=st.dictionaries(words, free_json, max_size=4), extra=free_json)
def test_marked_texts_are_restored_with_the_contents_only(description, metadata, extra):
    task = {"task_id": "t", "task_description": description, "metadata": metadata}
    output = {"task_id": "t", "agent_output": {"predicted_label": "x", "explanation": description, "more": extra}}
    draft = Draft("case-1", EventKind.SUBMITTED, NINE, AGENT, {"task": task, "output": output, "attempt": 1})
    contents = new_contents()

    named = marked(draft, contents)

    read = Contents(contents.key, contents.body)
    assert canonical_json(restored(EventKind.SUBMITTED, named.body, read)) == canonical_json(draft.body)
    gone = restored(EventKind.SUBMITTED, named.body, None)
    assert gone["output"]["agent_output"] == {"predicted_label": ERASED}
    assert gone["task"]["metadata"] == {}
    assert gone["task"]["task_description"] in (ERASED, "")
    assert gone == erased(draft.body, ERASABLE[EventKind.SUBMITTED])
    assert read.problem([line[:64] for line in contents.body.split("\n")]) is None


def test_a_missing_or_altered_text_is_never_restored():
    contents = new_contents()
    mark = contents.mark("pay 1 euro")

    for body in ("", contents.body.replace("1 euro", "9 euro")):
        with pytest.raises(LedgerDamaged, match="missing or altered"):
            Contents(contents.key, body).value(mark)


# On files.


@contextmanager
def tampering(hitl):
    """Change tables without their triggers, which are put back as they were."""
    with direct_connection(services_of(hitl).ledger._database.url) as connection:
        removed = []
        if "sqlite" in services_of(hitl).ledger._database.url:
            removed = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in removed:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in removed:
            connection.execute(sql)


@pytest.fixture(params=["sqlite", "postgres"])
def half_redacted(request, tmp_path):
    """Eight cases of which the even ones were redacted."""
    url = (
        f"sqlite:///{tmp_path / 'hitl.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_store")
    )
    with Orchestrator.open(url) as hitl:
        for number in range(8):
            run(hitl, number, confidence=0.9 if number % 3 == 0 else 0.5)
        for number in range(0, 8, 2):
            hitl.cases.redact(task_id=f"task-{number}", reason="asked for", reviewer="compliance_officer")
        yield hitl


ROW_EDITS = {
    "a letter changed": "UPDATE contents SET body = replace(body, 'Zaphod7', 'Zaphod8') WHERE {}",
    "a line taken out": "UPDATE contents SET body = substr(body, position(chr(10) in body) + 1) WHERE {}",
    "all of it taken out": "UPDATE contents SET body = '' WHERE {}",
    "a line added": "UPDATE contents SET body = body || chr(10) || repeat('0', 64) || '1' WHERE {}",
    "a digest changed": "UPDATE contents SET body = repeat('0', 64) || substr(body, 65) WHERE {}",
    "another key": "UPDATE contents SET key = repeat('0', 64) WHERE {}",
    "no key": "UPDATE contents SET key = 'none' WHERE {}",
    "the row taken out": "DELETE FROM contents WHERE {}",
}


def test_every_edit_of_every_row_is_detected(half_redacted):
    with tampering(half_redacted) as connection:
        rows = connection.execute("SELECT case_id, key, body FROM contents").fetchall()
    assert (len(rows), half_redacted.audit.verify().problem) == (4, None)

    for case_id, key, body in rows:
        for name, sql in ROW_EDITS.items():
            with tampering(half_redacted) as connection:
                changed = connection.execute(in_dialect(half_redacted, sql).format(f"case_id = '{case_id}'"))
                assert changed.rowcount == 1

            assert case_id in (half_redacted.audit.verify().problem or ""), name

            put_back(half_redacted, case_id, key, body)
    assert half_redacted.audit.verify().problem is None


def put_back(hitl, case_id, key, body):
    with tampering(hitl) as connection:
        connection.execute(f"DELETE FROM contents WHERE case_id = '{case_id}'")
        mark = "?" if "sqlite" in services_of(hitl).ledger._database.url else "%s"
        connection.execute(f"INSERT INTO contents VALUES ({mark}, {mark}, {mark})", (case_id, key, body))


def in_dialect(hitl, sql: str) -> str:
    if "sqlite" not in services_of(hitl).ledger._database.url:
        return sql
    sql = sql.replace("position(chr(10) in body)", "instr(body, char(10))").replace("chr(10)", "char(10)")
    return sql.replace("repeat('0', 64)", f"'{'0' * 64}'")


def test_contents_restored_after_a_redaction_are_detected(half_redacted):
    gone = half_redacted.cases.get(task_id="task-2").case_id

    put_back(half_redacted, gone, "0" * 64, "")

    assert "were erased, and exist again" in half_redacted.audit.verify().problem


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE reviews SET shown = replace(shown, '[erased]', 'something')",
        "UPDATE reviews SET shown = replace(shown, 'low', 'high')",
        "UPDATE reviews SET verdict = replace(verdict, 'modify', 'reject')",
        "UPDATE reviews SET verdict = NULL",
        "UPDATE reviews SET status = 'escalated' WHERE level = 1",
        "DELETE FROM reviews",
        "UPDATE cases SET content = 'x'",
        "UPDATE cases SET stage = 'waiting'",
    ],
)
def test_the_remains_of_a_redacted_case_are_protected(half_redacted, sql):
    gone = half_redacted.cases.get(task_id="task-2").case_id
    joined = " AND " if " WHERE " in sql else " WHERE "
    with tampering(half_redacted) as connection:
        assert connection.execute(f"{sql}{joined}case_id = '{gone}'").rowcount

    assert gone in half_redacted.audit.verify().problem


def test_an_altered_text_is_not_executed(half_redacted):
    case_id = run(half_redacted, 9, decision=None)
    with tampering(half_redacted) as connection:
        sql = f"UPDATE contents SET body = replace(body, 'Zaphod7', 'Zaphod8') WHERE case_id = '{case_id}'"
        assert connection.execute(sql).rowcount

    with pytest.raises((LedgerDamaged, TamperedReview)):
        half_redacted.decide(case_id, a_review("approve", "senior_manager"))


def test_an_entry_cannot_claim_an_erasure_before_the_redaction(tmp_path):
    """Only an entry records a redaction; a missing row or an empty digest does not."""
    with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}") as hitl:
        run(hitl, 1)
        with tampering(hitl) as connection:
            connection.execute("DELETE FROM contents")

        assert "are missing, and no entry records that they were erased" in hitl.audit.verify().problem
        with pytest.raises(LedgerDamaged):
            hitl.cases.redact(task_id="task-1", reason="to hide it", reviewer="compliance_officer")
