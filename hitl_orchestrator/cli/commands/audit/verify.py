"""`hitl audit verify`, `head`, `key`, `prove` and `check`: whether the ledger is what was written, and proof of it."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.cli.output.errors import NO, tell
from hitl_orchestrator.cli.output.formatting import count, moment
from hitl_orchestrator.cli.output.progress import counted
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.input.parsing import parse, read_json
from hitl_orchestrator.errors import InvalidInput, InvalidKey
from hitl_orchestrator.ledger.events.chain import event_of
from hitl_orchestrator.ledger.keys.signing import public_key_in
from hitl_orchestrator.ledger.verification.chain_check import Verification
from hitl_orchestrator.ledger.verification.head_file import read_heads
from hitl_orchestrator.ledger.verification.proofs import CaseProof, proof_problem
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead
from hitl_orchestrator.services.config_files import read_file
from hitl_orchestrator.wiring.stores import signing_key


def verify(session: Session, head_file: str | None, key_file: str | None) -> None:
    """Find out whether the ledger is what was written."""
    file = head_file or session.settings.head_file
    heads = [] if file is None else read_heads(read_file(file), file)
    public = trusted_key(session, key_file) if heads else None
    with session.notary() as notary, counted(2 * notary.size(), "verifying") as on_entries:
        found = notary.verify(heads, public, on_entries)
    answer(
        session.as_json,
        {**found.model_dump(mode="json"), "sound": found.sound},
        lambda: _verified(found, heads, public) if found.sound else (),
    )
    if found.problem is not None:
        if not session.as_json:
            tell("LedgerDamaged", [found.problem], as_json=False)
        raise typer.Exit(NO)


def sign(session: Session, out: str | None) -> None:
    """Sign where the ledger ends."""
    file = out or session.settings.head_file
    with session.notary(file) as notary:
        head = notary.sign_now()
    if file is None and not session.as_json:
        print(head.line)  # noqa: T201 - this is the answer: a line for a file of heads
        return
    answer(session.as_json, head.model_dump(mode="json"), lambda: [Line(_signed(head)), Line(f"Added to {file}.")])


def show_key(session: Session, out: str | None) -> None:
    """Show the public key, or write it into a file."""
    public = signing_key(session.store, session.head_key).public
    if out is not None:
        _write(out, public + "\n")
    answer(session.as_json, {"public_key": public}, lambda: [Line(public)])


def prove(session: Session, given_id: str, out: str | None) -> None:
    """Write a proof of one case."""
    with session.notary(session.settings.head_file) as notary:
        proof = notary.prove(given_id)
    if out is None:
        print(proof.model_dump_json(indent=2))  # noqa: T201 - this is the answer
        return
    _write(out, proof.model_dump_json(indent=2) + "\n")
    told = f"Proof of case {proof.case_id}: {count(len(proof.entries), 'entry', 'entries')}. {_signed(proof.head)}"
    answer(session.as_json, {"case_id": proof.case_id, "file": out}, lambda: [Line(told), Line(f"Written to {out}.")])


def check(session: Session, file: str, key_file: str | None) -> None:
    """Check a proof, without the database."""
    text = sys.stdin.read() if file == "-" else read_file(file)
    where = "standard input" if file == "-" else file
    proof = parse(CaseProof, read_json(text, where), where)
    public = trusted_key(session, key_file)
    problem = proof_problem(proof, public)
    data = {"case_id": proof.case_id, "proven": problem is None, "problem": problem, "key": proof.head.key}
    answer(session.as_json, data, lambda: () if problem else _proven(proof, public))
    if problem is not None:
        if not session.as_json:
            tell("NotProven", [f"{where} proves nothing: {problem}"], as_json=False)
        raise typer.Exit(NO)


def trusted_key(session: Session, key_file: str | None) -> str | None:
    """Return the public key to trust: that of the file, else the store's own; None where there is neither."""
    if key_file is not None:
        return public_key_in(read_file(key_file), key_file)
    try:
        return signing_key(session.store, session.head_key, make=False).public
    except InvalidKey:
        return None


def _verified(found: Verification, heads: Sequence[SignedHead], public: str | None) -> Iterator[Block]:
    until = "" if found.until is None else f", the last of them written at {moment(found.until)}"
    yield Line(f"{count(found.entries, 'entry', 'entries')}{until}: all as they were written, and so are the tables.")
    if not heads:
        yield Line("Without a signed head this does not show whether the whole was written anew; --head FILE does.")
        return
    yield Line(f"They agree with {count(len(heads), 'signed head')}, the last of {heads[-1].size} entries.")
    yield from _whose_key(heads[-1].key, public)


def _proven(proof: CaseProof, public: str | None) -> Iterator[Block]:
    many = count(len(proof.entries), "entry", "entries")
    yield Line(f"Proven: {many} about case {proof.case_id} stand in the ledger. {_signed(proof.head)}")
    for proven in proof.entries:
        event = event_of(proven.entry, "")
        yield Line(f"{event.seq}  {moment(event.at)}  {event.kind}", indent=2)
    if proof.contents is None:
        yield Line("What was said in the case is not in the proof.")
    else:
        yield Line(
            f"{count(len(proof.contents.values), 'value')} of what was said in it: all as the entries name them."
        )
    yield from _whose_key(proof.head.key, public)


def _whose_key(key: str, public: str | None) -> Iterator[Block]:
    if public is None:
        yield Line(f"The key {key} is the one that the file itself names; --public-key FILE says which one to trust.")


def _signed(head: SignedHead) -> str:
    many = count(head.size, "entry", "entries")
    return f"The head of {many} was signed at {moment(head.at)} with key {head.key[:12]}."


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, "utf-8")
    except OSError as exc:
        raise InvalidInput([f"{file}: cannot be written: {exc.strerror}"]) from exc
