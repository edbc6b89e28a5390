"""What `ledger/ports/ledger.py` promises of idempotency keys, held against every store."""

import pytest
from support.builders import AGENT, NINE, PERSON, a_shown, a_submission, a_verdict

from hitl_orchestrator.errors import KeyReused


def kinds(ledger):
    return [event.kind.value for event in ledger.events()]


def opened(ledger, number):
    task = a_submission().task.model_copy(update={"task_id": f"task-{number}"})
    ledger.receive(a_submission(f"case-{number}", task), AGENT)
    return ledger.open_review(a_shown(f"case-{number}", task=task), NINE)


def test_an_answer_is_found_by_its_idempotency_key(ledger):
    decided = ledger.decide(opened(ledger, 1), a_verdict(idempotency_key="k"), PERSON)

    assert ledger.answered_under(a_verdict("reject", idempotency_key="k").review) == decided
    assert ledger.answered_under(a_verdict(idempotency_key="other").review) is None
    assert ledger.answered_under(a_verdict(reviewer="ben", idempotency_key="k").review) is None
    assert ledger.answered_under(a_verdict().review) is None


def test_an_idempotency_key_answers_one_review_only(ledger):
    ledger.decide(opened(ledger, 1), a_verdict(idempotency_key="k"), PERSON)
    row = opened(ledger, 2)
    before = kinds(ledger)

    with pytest.raises(KeyReused, match="'k' was used for another answer"):
        ledger.decide(row, a_verdict(idempotency_key="k"), PERSON)

    assert kinds(ledger) == before
    assert ledger.decide(row, a_verdict(reviewer="ben", idempotency_key="k"), PERSON).status == "decided"


def test_reusing_a_key_returns_the_receipt_or_is_rejected(ledger):
    row = opened(ledger, 1)
    decided = ledger.decide(row, a_verdict(idempotency_key="k"), PERSON)

    assert ledger.decide(row, a_verdict(idempotency_key="k"), PERSON) == decided
    with pytest.raises(KeyReused):
        ledger.decide(row, a_verdict("reject", idempotency_key="k"), PERSON)
