"""`hitl policy status`, `versions`, `activate`, `rollback`, `undo`, `shadow` and `canary`: govern a store."""

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE_AND_PEOPLE, Reason, Reviewer, argument, command, option
from hitl_orchestrator.cli.output.blocks import Line
from hitl_orchestrator.cli.output.errors import NO, WAITS
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.domain.shown.numbers import plain_number
from hitl_orchestrator.errors import InvalidInput, PolicyMissing

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.insights import CanaryReport
    from hitl_orchestrator.orchestrator import Governed, Orchestrator, PolicyHistory

group = typer.Typer()
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%")

File = Annotated[str, argument("FILE", "The policy: JSON or YAML.")]
OptionalFile = Annotated[str | None, argument("[FILE]", "The policy: JSON or YAML.")]


@command(group, "versions", STORE_AND_PEOPLE)
def versions(session: "Session") -> None:
    """List all policy versions of a store and their states.

    A version is active, canary, shadow, proposed, or none of these.
    """
    from hitl_orchestrator.cli.views.policies import versions as view

    with _open(session) as hitl:
        status, history = hitl.policy.status(), hitl.policy.history()
    rows = [view.plain(status, version, history) for version in status.versions.values()]
    rows.sort(key=lambda row: (row["version"] is None, row["version"] or 0))
    answer(session.as_json, rows, lambda: view.versions(status, rows))


@command(group, "status", STORE_AND_PEOPLE)
def status(session: "Session") -> None:
    """Show what is in force, on trial, or waits for a second person.

    With the extra lab, a running canary is compared with the other cases of its time.
    """
    from hitl_orchestrator.cli.views.policies.in_force import status as view

    with _open(session) as hitl:
        now = hitl.policy.status()
        found = view.Status(now, hitl.policy.history(), hitl.policy.shadow_report(), _canary_report(hitl, now))
    answer(session.as_json, view.plain(found), lambda: view.status(session, found))


def _canary_report(hitl: "Orchestrator", now: "PolicyHistory") -> "CanaryReport | None":
    """Return the report of the running canary; None without one, or without the extra."""
    if now.canary is not None:
        with suppress(InvalidInput):
            return hitl.policy.canary_report(now.canary.policy_hash)
    return None


@command(group, "activate", STORE_AND_PEOPLE)
def activate(session: "Session", file: File, reviewer: Reviewer, reason: Reason) -> None:
    """Activate a policy for new cases.

    A policy whose check reports an error is rejected. One that is looser than the active policy anywhere waits in the
    inbox until another reviewer approves it. The store is created if it is missing.

    Exit code 0: it is in force. 1: a right is missing. 2: the policy has an error. 3: it is filed, and waits for the
    second person.
    """
    is_new = session.is_new()
    with _open_or_create(replace(session, policy=None), file) as hitl:
        result = hitl.policy.activate(file, reviewer=reviewer, reason=reason)
        _report(session, hitl, result._replace(changed=result.changed or is_new))


@command(group, "rollback", STORE_AND_PEOPLE)
def rollback(
    session: "Session",
    reviewer: Reviewer,
    reason: Reason,
    version: Annotated[
        str | None, argument("[VERSION]", "Its number, as v3, or the begin of its hash. Default: the previous one.")
    ] = None,
) -> None:
    """Activate the previous policy version, or another one.

    The rules and exit codes of `activate` apply.
    """
    with _open(session) as hitl:
        _report(session, hitl, hitl.policy.rollback(version, reviewer=reviewer, reason=reason))


@command(group, "undo", STORE_AND_PEOPLE)
def undo(session: "Session", reviewer: Reviewer, reason: Reason) -> None:
    """Take back your own last activation, within an hour.

    It must be the latest change, and one that you made alone, because it was looser nowhere. What was in force before
    is in force again. Anything else takes `rollback`, with a second person where that is looser.

    Exit code 0: the previous policy is in force again. 1: it was rejected.
    """
    with _open(session) as hitl:
        _report(session, hitl, hitl.policy.undo(reviewer=reviewer, reason=reason))


@command(group, "shadow", STORE_AND_PEOPLE)
def shadow(
    session: "Session",
    file: OptionalFile = None,
    off: Annotated[bool, option(None, "Stop the shadow evaluation.", "--off")] = False,
    reviewer: Annotated[str | None, option("ID", "Your id as a reviewer.")] = None,
    reason: Annotated[str | None, option("TEXT", "Reason, stored in the ledger.")] = None,
) -> None:
    """Evaluate a shadow policy.

    Its decisions on new cases are recorded and change nothing. Without a file and without --off the command reports how
    often the shadow policy differed so far.
    """
    from hitl_orchestrator.cli.views.policies import versions as view

    if off and file is not None:
        raise InvalidInput(["shadow: give a policy to evaluate, or --off to stop"])
    if (off or file is not None) and (reviewer is None or reason is None):
        raise InvalidInput(["shadow: --reviewer and --reason are required"])
    with _open(session) as hitl:
        if off:
            _report_ended(session, "shadow", ended=hitl.policy.stop_shadow(reviewer=reviewer, reason=str(reason)))
            return
        if file is not None:
            hitl.policy.start_shadow(file, reviewer=reviewer, reason=str(reason))
        report = hitl.policy.shadow_report()
        plain = None if report is None else report.model_dump(mode="json")
        status = hitl.policy.status()
        answer(session.as_json, plain, lambda: view.shadow_report(report, status))


@command(group, "canary", STORE_AND_PEOPLE)
def canary(
    session: "Session",
    file: OptionalFile = None,
    share: Annotated[str | None, option("SHARE", "Share of new cases, such as 0.1.")] = None,
    off: Annotated[bool, option(None, "Stop the canary.", "--off")] = False,
    report: Annotated[bool, option(None, "Report how its cases ended, beside all others.", "--report")] = False,
    reviewer: Annotated[str | None, option("ID", "Your id as a reviewer.")] = None,
    reason: Annotated[str | None, option("TEXT", "Reason, stored in the ledger.")] = None,
) -> None:
    """Route a share of new cases with another policy.

    Tasks are drawn by their ids under the key of the ledger. A looser policy waits for another reviewer first, as with
    `activate`. After the canary, the stricter of both policies decides its waiting cases.

    --report compares the cases of the latest canary with all others of its time, and needs the extra lab.
    """
    if (off, report, file is not None).count(True) != 1 or (share is None) != (file is None):
        raise InvalidInput(
            ["canary: give a policy and --share, such as --share 0.1, or --off alone, or --report alone"]
        )
    size = None if share is None else _share(share)
    if not report and (reviewer is None or reason is None):
        raise InvalidInput(["canary: --reviewer and --reason are required"])
    with _open(session) as hitl:
        if report:
            _report_on_canary(session, hitl)
        elif file is None or size is None:
            _report_ended(session, "canary", ended=hitl.policy.stop_canary(reviewer=reviewer, reason=str(reason)))
        else:
            done = hitl.policy.start_canary(file, size, reviewer=reviewer, reason=str(reason))
            _report(session, hitl, done)


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        percent = _PERCENT.fullmatch(text)
        meant = plain_number(float(percent[1]) / 100) if percent else "a number such as 0.1"
        raise InvalidInput([f"--share: {text!r} is no number; write {meant}"]) from None


def _report_on_canary(session: "Session", hitl: "Orchestrator") -> None:
    from hitl_orchestrator.cli.views.policies.in_force import canary as view

    status, found = hitl.policy.status(), hitl.policy.canary_report()
    plain = None if found is None else {"version": status.number(found.policy_hash), **found.model_dump(mode="json")}
    answer(session.as_json, plain, lambda: view.report(found, status))
    if found is None:
        raise typer.Exit(NO)


def _open_or_create(session: "Session", file: str) -> "Orchestrator":
    """Open the store with its own policy. Only a store that never had one is opened with the new policy."""
    try:
        return session.open_or_create(None, session.reviewers)
    except PolicyMissing:
        return session.open_or_create(file, session.reviewers)


def _open(session: "Session") -> "Orchestrator":
    """Open the store with its own policy."""
    return replace(session, policy=None).open()


def _report(session: "Session", hitl: "Orchestrator", result: "Governed") -> None:
    from hitl_orchestrator.cli.views.policies import versions as view

    status = hitl.policy.status()
    data = {
        "change": result.change,
        "policy_hash": result.policy_hash,
        "version": status.number(result.policy_hash),
        "in_force": result.in_force,
        "changed": result.changed,
        "case_id": result.case and result.case.case_id,
        "looser": list(result.looser),
    }
    answer(session.as_json, data, lambda: view.change(session, status, result))
    if not result.in_force:
        raise typer.Exit(WAITS)


def _report_ended(session: "Session", name: str, *, ended: bool) -> None:
    sentence = f"The {name} ended." if ended else f"There is no {name}."
    answer(session.as_json, {"ended": ended}, lambda: [Line(sentence)])
    if not ended:
        raise typer.Exit(NO)
