"""`hitl audit list`, `show`, `export` and `redact`: read the ledger, export it, and erase contents."""

from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE, CaseId, Force, Out, Reviewer, Yes, argument, command, may_ask, option
from hitl_orchestrator.cli.output.blocks import Line
from hitl_orchestrator.cli.output.data import print_json_list
from hitl_orchestrator.cli.output.errors import NO, print_problems
from hitl_orchestrator.cli.output.formatting import count, now
from hitl_orchestrator.cli.output.render import answer, draw, note
from hitl_orchestrator.errors import HitlError, InvalidInput, InvalidKey, LedgerDamaged, TamperedPolicy

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.orchestrator import LedgerAudit

group = typer.Typer()
MAX_PROBLEMS = 20


@command(group, "list", STORE)
def list_records(
    session: "Session",
    since: Annotated[str | None, option("TIME", "Decided from this day, time, or 30d, 4w, 12h ago on.")] = None,
    until: Annotated[str | None, option("TIME", "Decided before this time; a day is included.")] = None,
    reviewer: Annotated[str | None, option("ID", "Only with a vote of this id or name.", "--reviewer")] = None,
    domain: Annotated[str | None, option("DOMAIN", "Only of this domain.")] = None,
    decision: Annotated[str | None, option("WORD", "Only with this final or human decision.")] = None,
    rule: Annotated[str | None, option("ID", "Only those that this rule routed.")] = None,
    limit: Annotated[int | None, option("N", "At most so many. Default: 1000, with --json all.", min=1)] = None,
    after: Annotated[str | None, option("ID", "Only those after this finished case, for the next page.")] = None,
) -> None:
    """List the audit records, one per finished case, each with the person who decided it.

    They are in the order in which the cases finished. Cases that only measure reviewers are left out. The output ends
    with what it leaves out, and with the option for the next page, with --json on stderr.
    """
    from hitl_orchestrator.cli.views.audit import listing as view
    from hitl_orchestrator.orchestrator import span_of

    span, left_out = span_of(since, until, now()), list[HitlError]()
    wanted = {"reviewer": reviewer, "domain": domain, "decision": decision, "rule": rule}
    most = limit if limit is not None or session.as_json else view.ON_A_SCREEN
    with session.audit() as audit:
        after = after if after is None else audit.case_id(after)
        found = audit.records(left_out.append, after=after, since=span.since, until=span.until, **wanted)
        filters = view.Filters(since, until, reviewer, domain, decision, rule)
        if session.as_json:
            reading = view.Reading(found, most)
            print_json_list(record.model_dump(mode="json") for record in reading)
            for sentence in view.notes(reading, filters):
                note(sentence)
        else:
            page, names, jumps = view.page_of(found, most), audit.names(), _clock_jumps(audit)
            draw(lambda: chain(view.records(page, filters, names), jumps))
    _name_left_out(left_out, session)


@command(group, "show", STORE)
def show(
    session: "Session",
    case: Annotated[str | None, argument("ID", "Case id or task id.", show_default=False)] = None,
    policies: Annotated[
        bool, option(None, "Show the entries about policies and people instead.", "--policies")
    ] = False,
    ledger: Annotated[bool, option(None, "Show the changes of the key, and jumps of the clock.", "--ledger")] = False,
) -> None:
    """Show the ledger entries of one case, about policies and people, or about the ledger itself.

    With --policies these are versions, proposals, activations, canaries, shadow policies and declined changes. The
    result of a change is also shown with its case.
    """
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.cli.views.audit import record as audit_record
    from hitl_orchestrator.orchestrator import PolicyHistory

    if (policies, ledger, case is not None).count(True) != 1:
        raise InvalidInput(["audit show: give a case id or a task id, or --policies alone, or --ledger alone"])
    record, about = None, "a key or the clock" if ledger else "policies and people"
    if case is None:
        with session.audit() as audit:  # works even if the store's policy and reviewers are unusable
            events = list(audit.own_events() if ledger else audit.governance_events())
        versions = PolicyHistory()
        with suppress(TamperedPolicy):
            versions = versions.after(events)
    else:
        with session.open() as hitl:
            name = named(hitl, case)
            events, record = hitl.cases.history(**name), hitl.cases.get(**name).record
            versions = hitl.policy.status()
    entries = [event.model_dump(mode="json") for event in events]
    answer(session.as_json, entries, lambda: audit_record.entries(events, record, versions, about))


@command(group, "export", STORE)
def export(
    session: "Session",
    form: Annotated[str, option("FORM", "jsonl, csv or parquet.", "--format")] = "jsonl",
    events: Annotated[bool, option(None, "Export ledger entries instead of audit records.", "--events")] = False,
    out: Out = None,
    force: Force = False,
    bom: Annotated[bool, option(None, "Begin CSV with a byte order mark, for Excel.", "--bom")] = False,
    delimiter: Annotated[str, option("CHAR", "Between the cells of CSV: , or ;", "--delimiter")] = ",",
) -> None:
    """Export the audit records or the ledger entries.

    In CSV, cells that a spreadsheet would run as a formula start with an apostrophe. Parquet needs the extra parquet.
    """
    from hitl_orchestrator.cli.commands.audit.export_formats import Target, write

    target = Target(form, out, force, bom, delimiter)
    target.check()
    left_out: list[HitlError] = []
    with session.audit() as audit:
        number = write(audit, target, left_out.append, events=events)
    if out is not None:
        rows = count(number, "entry", "entries") if events else count(number, "audit record")
        data = {"file": out, "format": form, "rows": number}
        answer(session.as_json, data, lambda: [Line(f"{rows} written to {out}.")])
    _name_left_out(left_out, session)


@command(group, "redact", ("store", "reviewers"))
def redact(
    session: "Session",
    case: CaseId,
    reviewer: Reviewer,
    reason: Annotated[str, option("TEXT", "Reason, stored in the ledger: do not repeat erased text.")],
    yes: Yes = False,
) -> None:
    """Erase the texts of agents and people in a finished case.

    Needs the top role of the escalation chain. Texts, metadata and proposals are erased with the key of their digests,
    for good. The ledger still shows who decided what, when and by which rule, and verifies as before.
    """
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.cli.views.audit import record as audit_record

    with session.open(reviewer=reviewer) as hitl:
        name = named(hitl, case)
        shown = hitl.cases.get(**name)
        hitl.cases.check_redaction(**name)
        may_ask(session, yes=yes)
        if not (yes or shown.redacted or typer.confirm(audit_record.erasure(shown))):
            raise typer.Exit(NO)
        receipt = hitl.cases.redact(**name, reason=reason)
        data, repeated = receipt.model_dump(mode="json"), shown.redacted
        answer(session.as_json, data, lambda: audit_record.redaction(receipt, repeated=repeated))


def _clock_jumps(audit: "LedgerAudit") -> "list[Line]":
    """Return the note about jumps of the clock, if there are any; a damaged ledger is named elsewhere."""
    from hitl_orchestrator.cli.views.audit import verification

    with suppress(LedgerDamaged, InvalidKey):
        jumps = [event.seq for event in audit.own_events() if event.kind == "clock_moved_back"]
        return [verification.clock_jumps(jumps)] if jumps else []
    return []


def _name_left_out(left_out: "list[HitlError]", session: "Session") -> None:
    """Name the rows that the answer lacks, and exit with 1 if there are any."""
    if left_out:
        named = [f"left out: {exc}" for exc in left_out[:MAX_PROBLEMS]]
        more = [f"{len(left_out)} rows were left out"] if len(left_out) > MAX_PROBLEMS else []
        print_problems("LedgerDamaged", named + more, session.as_json)
        raise typer.Exit(NO)
