"""`hitl report`: what the records say, for leadership and auditors, in the terminal or as a file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_orchestrator.cli.context import STORE, Force, Out, command, option
from hitl_orchestrator.cli.output.blocks import Line
from hitl_orchestrator.cli.output.data import check_new_file, print_json, standard_output, write_file
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.orchestrator import FullReport, LedgerAudit

group = typer.Typer()
_DAMAGED = ("malformed", "it holds no ledger")
"""The words of SQLite about a damaged file, and those about one that was emptied beside its key."""

TEXT, JSON, PDF = "text", "json", "pdf"
FORMATS = (TEXT, "html", "md", JSON, PDF)


@command(group, "report", STORE, panel="Report")
def report(
    session: "Session",
    since: Annotated[str | None, option("TIME", "Begin: a day, a time, or 30d, 4w, 12h ago.")] = None,
    until: Annotated[str | None, option("TIME", "End; a day is included.")] = None,
    form: Annotated[
        str | None, option("FORM", "text, html, md, json or pdf. Default: by --out, else text.", "--format")
    ] = None,
    out: Out = None,
    force: Force = False,
    controls: Annotated[
        list[str] | None, option("NAME", "Add the controls of aisvs, eu-ai-act or nist-rmf.", "--controls")
    ] = None,
    stake: Annotated[
        str | None, option("FIELD[:UNIT]", "Sum this amount of the tasks' metadata, such as amount:EUR.", "--stake")
    ] = None,
    past: Annotated[str | None, option("FILE", "Report on a file from 'hitl audit export'.", "--on")] = None,
    no_verify: Annotated[bool, option(None, "Do not verify the ledger, which takes longest.", "--no-verify")] = False,
) -> None:
    """Report what the records say: signal line, governance verdict, health, findings, next steps and their evidence.

    The period is compared with the equally long one before it; without --since, the seven days up to the last
    decision with the seven before them. Exit code 1 if the governance verdict is bad: the ledger is unsound, or a
    decision had less oversight than its policy demands. Needs the extra lab, html with pictures and pdf the extra
    report.
    """
    chosen = _format(form, session.as_json, out)
    check_new_file(out, force=force)
    full = _made(session, since, until, controls or [], stake=stake, past=past, verify=not no_verify)
    _write(full, chosen, session, out, force=force)
    if full.report.verdict.severity == "bad":
        raise typer.Exit(NO)


def _format(form: str | None, as_json: bool, out: str | None) -> str:
    if form is not None and form not in FORMATS:
        raise InvalidInput([f"--format: {form!r} is not one of {', '.join(FORMATS)}{did_you_mean(form, FORMATS)}"])
    if as_json and form not in (None, JSON):
        raise InvalidInput([f"--json and --format {form}: choose one of them"])
    ending = None if out is None else Path(out).suffix.removeprefix(".").lower()
    chosen = form or (JSON if as_json else ending if ending in FORMATS[1:] else TEXT)
    if chosen == PDF and out is None:
        raise InvalidInput(["--format pdf: a PDF file is not text; name a file with --out"])
    if chosen == TEXT and out is not None:
        raise InvalidInput(
            [f"--out {out}: the text is for a terminal; end the name in .html, .md, .json or .pdf, or add --format"]
        )
    return chosen


def _made(
    session: "Session",
    since: str | None,
    until: str | None,
    controls: list[str],
    *,
    stake: str | None,
    past: str | None,
    verify: bool,
) -> "FullReport":
    from hitl_orchestrator.cli.output.progress import counted
    from hitl_orchestrator.errors import LedgerDamaged, StoreUnavailable, TamperedPeople, TamperedPolicy
    from hitl_orchestrator.orchestrator import report_on_damaged, report_on_file

    wanted: dict[str, Any] = {"since": since, "until": until, "controls": controls, "stake": stake}
    if past is not None:
        if session.typed.store is not None:
            raise InvalidInput([f"--on {past} and --store: choose one of them"])
        return report_on_file(past, **wanted)
    try:
        with session.audit() as audit, counted(_work(audit, verify=verify), "reporting") as on_progress:
            return audit.full_report(verify=verify, on_progress=on_progress, **wanted)
    except (LedgerDamaged, StoreUnavailable, TamperedPeople, TamperedPolicy) as exc:
        # A server that is away says nothing about the store; a damaged file does.
        if isinstance(exc, StoreUnavailable) and not any(words in exc.cause for words in _DAMAGED):
            raise
        return report_on_damaged(session.store, exc, **wanted)


def _work(audit: "LedgerAudit", *, verify: bool) -> int:
    """Return the numbers of entries and cases that a report processes: it reads cases, and derives them again."""
    from hitl_orchestrator.errors import HitlError

    entries = 2 * audit.size() if verify else 0
    try:
        return entries + 2 * audit.cases()
    except HitlError:  # the report says so
        return entries


def _write(full: "FullReport", form: str, session: "Session", out: str | None, *, force: bool) -> None:
    from hitl_orchestrator.cli.views.reporting import report as view
    from hitl_orchestrator.orchestrator import rendered

    if form == TEXT:
        answer(False, None, lambda: view.report(full.report))
        return
    content = rendered(full, form)
    if out is not None:
        write_file(out, content, force=force)
        data = {"file": out, "format": form, "verdict": full.report.verdict.word}
        answer(session.as_json, data, lambda: [*view.summary(full.report), Line(f"Written to {out}.")])
    elif form == JSON:
        print_json(json.dumps(json.loads(content), indent=2))
    else:
        with standard_output() as stream:
            stream.write(content if isinstance(content, str) else content.decode())
