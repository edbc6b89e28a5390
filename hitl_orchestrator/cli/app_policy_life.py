"""The commands of `hitl policy` that change which policy rules a store, as they are typed."""

from typing import Annotated

import typer

from hitl_orchestrator.cli.context import AsJson, Reviewers, Store, session_of

Reviewer = Annotated[str, typer.Option(metavar="ID", help="Who changes it: an id of the reviewers file.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why. The ledger keeps it.")]
Off = Annotated[bool, typer.Option("--off", help="End it.")]


def register(policy: typer.Typer) -> None:
    """Add these commands to those about policies."""
    policy.command("versions")(versions)
    policy.command("activate")(activate)
    policy.command("rollback")(rollback)
    policy.command("shadow")(shadow)
    policy.command("canary")(canary)


def versions(context: typer.Context, store: Store = None, reviewers: Reviewers = None, as_json: AsJson = False) -> None:
    """List every version of the policy that the store keeps, and what each is now: active, canary, shadow, proposed."""
    from hitl_orchestrator.cli.commands.policy import lifecycle as doing  # noqa: PLC0415

    doing.versions(session_of(context, store, None, reviewers, as_json))


def activate(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The policy, JSON or YAML.")],
    *,
    reviewer: Reviewer,
    reason: Reason,
    store: Store = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Let a policy rule this store from now on.

    One whose check finds an error is refused. One that asks for less anywhere than the active one waits in the inbox
    until another person approves it.
    """
    from hitl_orchestrator.cli.commands.policy import lifecycle as doing  # noqa: PLC0415

    doing.activate(session_of(context, store, None, reviewers, as_json), file, reviewer, reason)


def rollback(
    context: typer.Context,
    version: Annotated[
        str | None, typer.Argument(metavar="[HASH]", help="A version, or how its hash begins. Default: the one before.")
    ] = None,
    *,
    reviewer: Reviewer,
    reason: Reason,
    store: Store = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Go back to the version of the policy before, or to another one, as `activate` does."""
    from hitl_orchestrator.cli.commands.policy import lifecycle as doing  # noqa: PLC0415

    doing.rollback(session_of(context, store, None, reviewers, as_json), version, reviewer, reason)


def shadow(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="The policy to watch, JSON or YAML.")] = None,
    *,
    off: Off = False,
    reviewer: Annotated[str | None, typer.Option(metavar="ID", help="Who wants it.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why. The ledger keeps it.")] = None,
    store: Store = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a policy beside the active one on each new case: it is recorded, and changes nothing.

    Without a file and without --off it tells how often the watched policy would have said something else so far.
    """
    from hitl_orchestrator.cli.commands.policy import lifecycle as doing  # noqa: PLC0415

    doing.shadow(session_of(context, store, None, reviewers, as_json), file, reviewer, reason, off=off)


def canary(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="The policy to try, JSON or YAML.")] = None,
    *,
    share: Annotated[float | None, typer.Option(metavar="SHARE", help="Which share of new cases, such as 0.1.")] = None,
    off: Off = False,
    reviewer: Reviewer,
    reason: Reason,
    store: Store = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Let a policy decide a share of the new cases, drawn by a stable hash of the task's id.

    One that asks for less anywhere than the active one waits for another person first, as with `activate`. Once it
    ends, the stricter of the two decides what came in under it.
    """
    from hitl_orchestrator.cli.commands.policy import lifecycle as doing  # noqa: PLC0415

    doing.canary(session_of(context, store, None, reviewers, as_json), file, share, (reviewer, reason), off=off)
