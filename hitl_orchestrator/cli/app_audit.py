"""The commands of `hitl audit` as they are typed."""

from typing import Annotated

import typer

from hitl_orchestrator.cli.context import AsJson, CaseId, Reviewers, Store, help_alone, session_of

audit = typer.Typer(rich_markup_mode=None)

PublicKey = Annotated[
    str | None,
    typer.Option(
        "--public-key", metavar="FILE", help="The key to trust. Default: the store's own, else the one named."
    ),
]
Out = Annotated[str | None, typer.Option("--out", metavar="FILE", help="Write into this file.")]


@audit.callback(invoke_without_command=True)
def _audit(context: typer.Context) -> None:
    """Read the ledger, verify it, and prove what it says."""
    help_alone(context)


@audit.command("list")
def audit_list(context: typer.Context, store: Store = None, as_json: AsJson = False) -> None:
    """List how every case ended.

    These are the audit records, in the order in which the cases finished.
    """
    from hitl_orchestrator.cli.commands.audit import records as doing  # noqa: PLC0415

    doing.list_records(session_of(context, store, as_json=as_json))


@audit.command("show")
def audit_show(
    context: typer.Context,
    given_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="The id of a case or of its task.", show_default=False)
    ] = None,
    *,
    policies: Annotated[
        bool, typer.Option("--policies", help="Show what happened to policies, instead of a case.")
    ] = False,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Show every ledger entry about one case, or about policies.

    With --policies these are the versions that came in, and what was proposed, activated, tried on a share, watched or
    declined. What came of a change of the policy is shown with its case, too.
    """
    from hitl_orchestrator.cli.commands.audit import records as doing  # noqa: PLC0415

    doing.show_entries(session_of(context, store, as_json=as_json), given_id, policies=policies)


@audit.command("verify")
def audit_verify(
    context: typer.Context,
    *,
    head: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Signed heads to hold the ledger against. Default: HITL_HEAD_FILE."),
    ] = None,
    public_key: PublicKey = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Find out whether the ledger is what was written.

    Finds any edit, deletion, swap, duplicate and cut-off end; with signed heads also a ledger that was written anew.
    Names the first bad entry; exit code 1 where there is one.
    """
    from hitl_orchestrator.cli.commands.audit import verify as doing  # noqa: PLC0415

    doing.verify(session_of(context, store, as_json=as_json), head, public_key)


@audit.command("head")
def audit_head(context: typer.Context, out: Out = None, store: Store = None, as_json: AsJson = False) -> None:
    """Sign where the ledger ends.

    The signed head is added to the file of --out or HITL_HEAD_FILE, or else printed. Keep it where whoever holds the
    database cannot reach it.
    """
    from hitl_orchestrator.cli.commands.audit import verify as doing  # noqa: PLC0415

    doing.sign(session_of(context, store, as_json=as_json), out)


@audit.command("key")
def audit_key(context: typer.Context, out: Out = None, store: Store = None, as_json: AsJson = False) -> None:
    """Show the public key, with which others check heads and proofs."""
    from hitl_orchestrator.cli.commands.audit import verify as doing  # noqa: PLC0415

    doing.show_key(session_of(context, store, as_json=as_json), out)


@audit.command("redact")
def audit_redact(
    context: typer.Context,
    given_id: CaseId,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why. It is kept, so it must not repeat what goes.")],
    reviewer: Annotated[str | None, typer.Option(metavar="ID", help="Who redacts.")] = None,
    reviewers: Reviewers = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Erase what agents and people wrote in a finished case.

    Texts, metadata and proposals are destroyed with the key of their digests. Who decided what, when and by which rule
    stays, and the ledger verifies as before.
    """
    from hitl_orchestrator.cli.commands.audit import redact as doing  # noqa: PLC0415

    doing.redact(session_of(context, store, reviewers=reviewers, as_json=as_json), given_id, reason, reviewer)


@audit.command("prove")
def audit_prove(
    context: typer.Context, given_id: CaseId, out: Out = None, store: Store = None, as_json: AsJson = False
) -> None:
    """Write a proof of one case that stands alone: its entries, their way to a signed head, and that head."""
    from hitl_orchestrator.cli.commands.audit import verify as doing  # noqa: PLC0415

    doing.prove(session_of(context, store, as_json=as_json), given_id, out)


@audit.command("check")
def audit_check(
    context: typer.Context,
    proof: Annotated[str, typer.Argument(metavar="PROOF", help="A file that 'hitl audit prove' wrote; - reads input.")],
    public_key: PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Check a proof, without the database. Exit code 1 where it proves nothing."""
    from hitl_orchestrator.cli.commands.audit import verify as doing  # noqa: PLC0415

    doing.check(session_of(context, as_json=as_json), proof, public_key)


@audit.command("export")
def audit_export(
    context: typer.Context,
    *,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="jsonl, csv or parquet.")] = "jsonl",
    events: Annotated[bool, typer.Option("--events", help="Every ledger entry, instead of the audit records.")] = False,
    out: Out = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Write the audit records, or every entry, in a form for other programs.

    In CSV what a spreadsheet would take for a formula begins with an apostrophe. Parquet needs the extra parquet.
    """
    from hitl_orchestrator.cli.commands.audit import export as doing  # noqa: PLC0415

    doing.export(session_of(context, store, as_json=as_json), form, out, events=events)
