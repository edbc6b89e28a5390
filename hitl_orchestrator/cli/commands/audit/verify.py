"""`hitl audit verify`, `head`, `key`, `rotate`, `prove` and `check`: verify, sign and prove the ledger."""

from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE, CaseId, Force, Out, argument, command, option
from hitl_orchestrator.cli.output.blocks import Line
from hitl_orchestrator.cli.output.data import check_new_file, print_json, standard_input, write_file
from hitl_orchestrator.cli.output.errors import NO, print_problems
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()

Heads = Annotated[str | None, option("FILE", "Signed heads. Default: HITL_HEAD_FILE, or the file beside the store.")]
PublicKey = Annotated[str | None, option("FILE", "The key to trust.", "--public-key")]
AnyKey = Annotated[bool, typer.Option("--any-key", help="Accept the key that the file itself names.")]


@command(group, "verify", STORE)
def verify(
    session: "Session",
    head: Annotated[
        str | None, option("FILE", "Signed heads to compare with. Default: HITL_HEAD_FILE, or beside the store.")
    ] = None,
    public_key: PublicKey = None,
    any_key: AnyKey = False,
) -> None:
    """Verify that the ledger and its tables are unchanged.

    Any edit, deletion, reordering, duplicate or truncation is found. With the seal key (HITL_SEAL_KEY, or the key file
    of the store) also every entry that was not written by this ledger; with signed heads also a return to an earlier
    state. Exit code 1 and the first bad entry if there is one, or if no key is known to trust the heads with: without
    --public-key it is that of HITL_HEAD_KEY or HITL_HEAD_KEY_FILE, else the store's own.
    """
    from hitl_orchestrator.cli.output.progress import counted
    from hitl_orchestrator.cli.views.audit import verification as view
    from hitl_orchestrator.orchestrator import load_heads, trusted_key

    with session.audit(head) as audit, counted(2 * audit.size(), "verifying") as on_entries:
        file = audit.head_file
        heads = [] if file is None else load_heads(file)
        key = trusted_key(session.store, session.head_key, public_key) if heads or public_key else None
        result = audit.verify(heads, key, on_entries)
    trusted = bool(heads) and key is not None
    data = {**result.model_dump(mode="json"), "sound": result.sound, "key_trusted": trusted}
    answer(session.as_json, data, lambda: view.verified(result, heads, key) if result.sound else ())
    if result.problem is not None:
        _refuse(session, "LedgerDamaged", result.problem)
    if heads and not trusted and not any_key:
        _refuse(session, "NotAuthenticated", f"{file}: {_NO_KEY}")


@command(group, "head", STORE)
def sign_head(
    session: "Session",
    out: Annotated[str | None, option("FILE", "Append to this file of signed heads.", "--out")] = None,
) -> None:
    """Sign the current end of the ledger.

    The signed head is appended to the file of --out or HITL_HEAD_FILE; without either it is printed, and appended to
    the file beside the store. Keep it where the administrators of the database cannot change it.
    """
    from hitl_orchestrator.cli.views.audit import verification as view

    file = out or session.settings.head_file
    with session.audit(out) as audit:
        head = audit.sign_head()
    if not file and not session.as_json:
        print_json(head.line)
        return
    lines = [Line(view.signed(head)), Line(f"Added to {file}.")]
    answer(session.as_json, head.model_dump(mode="json"), lambda: lines)


@command(group, "key", STORE)
def show_key(session: "Session", out: Out = None, force: Force = False) -> None:
    """Print the public key that verifies heads and proofs."""
    from hitl_orchestrator.orchestrator import public_key

    check_new_file(out, force=force)
    if session.head_key is None:
        session.check_store_exists()
    public = public_key(session.store, session.head_key)
    if out is not None:
        write_file(out, f"{public}\n", force=force)
    answer(session.as_json, {"public_key": public}, lambda: [Line(public)])


@command(group, "rotate", STORE)
def rotate_key(session: "Session") -> None:
    """Retire the key that seals the ledger, and make another one valid.

    A new key is put before the old one in the key file of the store. With HITL_SEAL_KEY, set it to the new key and the
    present one, separated by a comma. Keep the old key: it verifies the entries before the change.
    """
    from hitl_orchestrator.cli.session import CHANNEL
    from hitl_orchestrator.cli.views.audit import verification as view

    with session.audit() as audit:
        change = audit.rotate_key(CHANNEL)
    answer(session.as_json, change.model_dump(mode="json"), lambda: view.rotated(change))


@command(group, "prove", STORE)
def prove(session: "Session", case: CaseId, out: Out = None, force: Force = False) -> None:
    """Write a self-contained proof of one case.

    It holds the entries of the case, their inclusion proofs, and a signed head.
    """
    from hitl_orchestrator.cli.views.audit import verification as view

    check_new_file(out, force=force)
    with session.audit() as audit:
        proof = audit.prove(case)
    if out is None:
        print_json(proof.model_dump_json(indent=2))
        return
    write_file(out, f"{proof.model_dump_json(indent=2)}\n", force=force)
    entries = count(len(proof.entries), "entry", "entries")
    sentence = f"Proof of case {proof.case_id}: {entries}. {view.signed(proof.head)}"
    data = {"case_id": proof.case_id, "ledger_id": proof.head.ledger_id, "file": out}
    answer(session.as_json, data, lambda: [Line(sentence), Line(f"Written to {out}.")])


@command(group, "check", ())
def check(
    session: "Session",
    proof: Annotated[str, argument("PROOF", "A file from 'hitl audit prove'; - reads standard input.")],
    public_key: PublicKey = None,
    any_key: AnyKey = False,
) -> None:
    """Check a proof without the database.

    Exit code 1 if it is invalid, or if no key to trust is named: by --public-key, HITL_HEAD_KEY or HITL_HEAD_KEY_FILE.
    """
    from hitl_orchestrator.cli.views.audit import verification as view
    from hitl_orchestrator.orchestrator import check_proof, pinned_key, read_file, read_proof

    text, where = (standard_input(), "standard input") if proof == "-" else (read_file(proof), proof)
    parsed = read_proof(text, where)
    key = pinned_key(session.head_key, public_key)
    problem = check_proof(parsed, key)
    data = {"case_id": parsed.case_id, "ledger_id": parsed.head.ledger_id, "consistent": problem is None}
    data |= {
        "problem": problem,
        "key": parsed.head.key,
        "key_trusted": key is not None,
        "proven": problem is None and key is not None,
    }
    answer(session.as_json, data, lambda: () if problem else view.proven(parsed, key))
    if problem is not None:
        _refuse(session, "NotProven", f"{where} proves nothing: {problem}")
    if key is None and not any_key:
        _refuse(session, "NotAuthenticated", f"{where}: {_NO_KEY}")


_NO_KEY = (
    "it is consistent, not authenticated: any person could have signed it; name the key to trust by --public-key FILE "
    "('hitl audit key' prints it), or accept the key in the file by --any-key"
)


def _refuse(session: "Session", kind: str, problem: str) -> None:
    if not session.as_json:
        print_problems(kind, [problem], as_json=False)
    raise typer.Exit(NO)
