"""Heads, the file they stand in, the keys that sign them, and the proofs that lead to them."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_review, a_task, an_output
from support.internals import services_of
from support.stores import address_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import HeadFileUnavailable, InvalidInput, InvalidKey, LedgerDamaged, UnknownCase
from hitl_orchestrator.ledger.keys.signing import (
    is_signed,
    new_signing_key,
    public_key_in,
    signing_key_at,
    signing_key_in,
)
from hitl_orchestrator.ledger.verification.head_file import HeadFile, read_heads
from hitl_orchestrator.ledger.verification.proofs import proof_problem
from hitl_orchestrator.ledger.verification.tree_heads import heads_problem
from hitl_orchestrator.wiring.signing import signer_of

KEY = new_signing_key()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path):
    return request.getfixturevalue("postgres_store") if request.param == "postgres" else address_of("sqlite", tmp_path)


@pytest.fixture
def hitl(store):
    with Orchestrator.open(store, head_key=KEY) as opened:
        yield opened


def more(hitl, *numbers):
    for number in numbers:
        hitl.submit(a_task(f"task-{number}"), an_output(f"task-{number}", confidence=0.5))
        hitl.decide(task_id=f"task-{number}", decision=a_review("approve", "domain_reviewer"))


# Keys.


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_signature_verifies_one_text_under_one_key(text, other):
    signature = KEY.sign(text)

    assert is_signed(text, signature, KEY.public)
    assert is_signed(other, signature, KEY.public) == (other == text)
    assert not is_signed(text, signature, new_signing_key().public)
    assert not is_signed(text, "00" * 64, KEY.public)
    assert not is_signed(text, "no hex", KEY.public)


def test_a_key_file_is_created_once_for_its_owner_only(tmp_path):
    file = tmp_path / "key"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: signing_key_at(file).public, range(8)))

    assert made == {signing_key_at(file).public}
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert os.name != "posix" or stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_key_readable_by_other_users_is_not_used(tmp_path):
    file = tmp_path / "key"
    signing_key_at(file)
    file.chmod(0o644)

    with pytest.raises(InvalidKey, match="chmod 600"):
        signing_key_at(file)


@pytest.mark.parametrize("text", ["", "secret", "ab" * 31, "ab" * 33, "zz" * 32])
def test_an_invalid_key_is_rejected_and_not_quoted(tmp_path, text):
    for read in (signing_key_in, public_key_in):
        with pytest.raises(InvalidKey) as refused:
            read(text, "the setting")
        assert not text or text not in str(refused.value)


# Heads.


def test_each_head_extends_the_previous_one_only(hitl):
    heads = []
    for number in range(6):
        more(hitl, number)
        heads.append(hitl.audit.sign_head())

    assert heads_problem(heads, KEY.public) is None
    assert heads_problem(heads[2:], KEY.public) is None
    for number in range(1, 5):
        assert "one is missing" in heads_problem(heads[:number] + heads[number + 1 :], KEY.public)
    assert heads_problem(heads[::-1], KEY.public) is not None


def test_an_altered_head_is_rejected(hitl):
    more(hitl, 1)
    head = hitl.audit.sign_head()

    for change in ({"size": 3}, {"root": "0" * 64}, {"chain": "0" * 64}, {"peaks": ()}, {"previous": "1" * 64}):
        assert "signature" in heads_problem([head.model_copy(update=change)], KEY.public)


def test_a_head_is_parsed_from_its_line(hitl):
    more(hitl, 1)
    head = hitl.audit.sign_head()

    assert read_heads(head.line + "\n", "a file") == [head]


def test_an_altered_ledger_is_not_signed(hitl, tmp_path):
    more(hitl, 1)
    hitl.audit.sign_head()
    last = services_of(hitl).ledger.head()
    other = signer_of(services_of(hitl).ledger, "memory://", head_key=KEY)
    other._last = services_of(hitl).signer._last.model_copy(update={"chain": "0" * 64})

    with pytest.raises(LedgerDamaged, match=f"entry {last.seq} is not the last entry"):
        other.sign()


def test_heads_are_appended_periodically_and_on_close(tmp_path, store):
    file = tmp_path / "heads.jsonl"
    with Orchestrator.open(store, head_file=file, head_key=KEY, head_every=12) as hitl:
        more(hitl, *range(5))
        during = read_heads(file.read_text(), "heads")
        size = services_of(hitl).ledger.head().seq

    heads = read_heads(file.read_text(), "heads")
    assert 1 <= len(during) <= 3
    assert heads[-1].size == size
    assert heads_problem(heads, KEY.public) is None

    with Orchestrator.open(store, head_file=file, head_key=KEY) as hitl:
        assert hitl.audit.verify(heads, KEY.public).sound
    assert read_heads(file.read_text(), "heads") == heads


def test_concurrent_signers_write_one_sequence(tmp_path, store):
    file = tmp_path / "heads.jsonl"
    with Orchestrator.open(store) as hitl:
        more(hitl, 1, 2)
        notaries = [signer_of(services_of(hitl).ledger, store, head_file=file, head_key=KEY) for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda notary: notary.sign(), notaries))

    heads = read_heads(file.read_text(), "heads")
    assert len(heads) == 6
    assert heads_problem(heads, KEY.public) is None


def test_an_incomplete_line_left_by_a_crash_is_removed(hitl, tmp_path):
    file = tmp_path / "heads.jsonl"
    notary = signer_of(services_of(hitl).ledger, "memory://", head_file=file, head_key=KEY)
    first = notary.sign()
    file.write_text(first.line + "\n" + first.line[:100])

    second = notary.sign()

    assert read_heads(file.read_text(), "heads") == [first, second]
    assert second.previous == first.digest


def test_an_unusable_head_file_is_named_in_the_error(hitl, tmp_path):
    with pytest.raises(HeadFileUnavailable, match="nowhere"):
        HeadFile(tmp_path / "nowhere" / "heads").add(lambda last: None)
    (tmp_path / "other").write_text('{"size": 1}\n')
    with pytest.raises(InvalidInput, match="other: it is no file of signed heads"):
        HeadFile(tmp_path / "other").add(lambda last: None)


# Proofs.


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_proof_verifies_alone_and_an_altered_one_does_not(request, tmp_path, kind):
    url = request.getfixturevalue("postgres_store") if kind == "postgres" else address_of(kind, tmp_path)
    with Orchestrator.open(url, head_key=KEY) as hitl:
        more(hitl, *range(7))
        proof = hitl.audit.prove(task_id="task-3")

    again = type(proof).model_validate_json(proof.model_dump_json())
    assert proof_problem(again, KEY.public) is None
    assert proof_problem(again, None) is None
    assert [len(proof.entries), proof.entries[-1].seq] == [6, 26]
    assert "the trusted key" in proof_problem(proof, new_signing_key().public)
    first, *rest = proof.entries
    forged = first.model_copy(update={"entry": first.entry.replace("support", "finance")})
    for entries in (
        (forged, *rest),
        (first.model_copy(update={"seq": first.seq + 1}), *rest),
        (first.model_copy(update={"path": first.path[::-1]}), *rest),
        (first.model_copy(update={"path": ()}), *rest),
        (first.model_copy(update={"entry": "{"}), *rest),
        (first, first, *rest),
        tuple(rest),
        (first, *rest[:-1]),
        (first, *rest[1:]),
    ):
        assert proof_problem(proof.model_copy(update={"entries": entries}), KEY.public)
    assert proof_problem(proof.model_copy(update={"case_id": "another"}), KEY.public)


def smuggled(values):
    """Two values as one, which a reader of lines would take for both."""
    (name, text), (other, following), *rest = values.items()
    return {name: f"{text}\n{other}{following}", **dict(rest)}


def test_a_proof_that_lacks_an_entry_is_not_saved_by_another_signature(tmp_path):
    with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}", head_key=KEY) as hitl:
        more(hitl, 1)
        proof = hitl.audit.prove(task_id="task-1")
    shorter = proof.model_copy(update={"entries": proof.entries[:-1]})
    forged = shorter.model_copy(update={"complete": new_signing_key().sign(shorter.claim)})

    assert "left out" in proof_problem(shorter, KEY.public)
    assert "left out" in proof_problem(forged, None)


def test_a_proof_also_proves_the_texts_of_a_case(tmp_path):
    with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}", head_key=KEY) as hitl:
        more(hitl, *range(2))
        proof = hitl.audit.prove(task_id="task-1")
    contents = proof.contents
    name, text = next((name, text) for name, text in contents.values.items() if "Classify" in text)

    for values in (
        {**contents.values, name: text.replace("Classify", "Approve!")},
        {digest: value for digest, value in contents.values.items() if digest != name},
        {**contents.values, "0" * 64: text},
        smuggled(contents.values),
    ):
        forged = contents.model_copy(update={"values": values})
        assert "the text" in proof_problem(proof.model_copy(update={"contents": forged}), KEY.public)
    other_key = proof.model_copy(update={"contents": contents.model_copy(update={"key": "0" * 64})})
    assert proof_problem(other_key, KEY.public)
    assert proof_problem(proof.model_copy(update={"contents": None}), KEY.public) is None


def test_an_unknown_case_cannot_be_proven(hitl):
    with pytest.raises(UnknownCase):
        hitl.audit.prove(task_id="unknown")
