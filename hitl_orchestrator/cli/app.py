"""The `hitl` application: global options, command groups, and the entry point that runs one command."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from hitl_orchestrator.cli.commands.audit import records, report, stats, verify
from hitl_orchestrator.cli.commands.cases import demo, executions, generate, import_table, init, run, simulate
from hitl_orchestrator.cli.commands.people import people
from hitl_orchestrator.cli.commands.policy import backtest, check, lifecycle, test
from hitl_orchestrator.cli.commands.reviews import claims, decide, feedback, inbox, review_desk, thread_calls
from hitl_orchestrator.cli.context import AsJson, Group, Policy, Reviewers, Store, option, show_help
from hitl_orchestrator.cli.global_options import GlobalOptions
from hitl_orchestrator.cli.output.errors import INTERRUPTED
from hitl_orchestrator.errors import InvalidInput

PANELS = ("Submit", "Review", "Report", "Policy", "People", "Audit", "Try out")


class _InPanelOrder(Group):
    """Lists the commands in the order of the panels of `hitl --help`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands. Typer would list groups after all commands."""
        panels = {name: getattr(each, "rich_help_panel", None) for name, each in self.commands.items()}
        return sorted(panels, key=lambda name: PANELS.index(panels[name]) if panels[name] in PANELS else len(PANELS))


app = typer.Typer(
    name="hitl",
    cls=_InPanelOrder,
    help="Decide whether agent outputs are approved, need a review, or must be escalated.",
    epilog="Exit codes: 0 done, 1 the answer is no, 2 invalid input. Errors go to stderr, one sentence each; with "
    '--json as one object {"error": ..., "problems": [...]}.',
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - no other command needs it

        typer.echo(f"hitl-orchestrator {version('hitl-orchestrator')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _hitl(
    context: typer.Context,
    *,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
    version: Annotated[
        bool,
        option(None, "Print the version.", "--version", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    context.obj = GlobalOptions(store, policy, reviewers, as_json)
    show_help(context)


policy_app, people_app, audit_app = typer.Typer(cls=Group), typer.Typer(cls=Group), typer.Typer(cls=Group)


@policy_app.callback(invoke_without_command=True)
def _policy(context: typer.Context) -> None:
    """Check, test and compare policies; activate one."""
    show_help(context)


@people_app.callback(invoke_without_command=True)
def _people(context: typer.Context) -> None:
    """Show and change the people of a store."""
    show_help(context)


@audit_app.callback(invoke_without_command=True)
def _audit(context: typer.Context) -> None:
    """Read, verify, prove and export the ledger."""
    show_help(context)


for module in (
    init,
    run,
    import_table,
    inbox,
    decide,
    claims,
    review_desk,
    thread_calls,
    stats,
    feedback,
    report,
    executions,
    demo,
    generate,
    simulate,
):
    app.add_typer(module.group)
app.add_typer(policy_app, name="policy", rich_help_panel="Policy")
app.add_typer(people_app, name="people", rich_help_panel="People")
app.add_typer(audit_app, name="audit", rich_help_panel="Audit")
for part in (check, test, backtest, lifecycle):
    policy_app.add_typer(part.group)
people_app.add_typer(people.group)
for piece in (records, verify):
    audit_app.add_typer(piece.group)


def run_command(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name, and return its exit code.

    Raises:
        InvalidInput: an argument is not UTF-8 text.
    """
    invalid = [index for index, word in enumerate(arguments, start=1) if not _is_text(word)]
    if invalid:
        raise InvalidInput([f"argument {index} is not UTF-8 text: {arguments[index - 1]!r}" for index in invalid])
    code: Any = typer.main.get_command(app).main(list(arguments), prog_name="hitl", standalone_mode=False)
    if code == INTERRUPTED:
        raise KeyboardInterrupt  # typer turns an interrupt into this code
    return code if isinstance(code, int) else 0


def _is_text(word: str) -> bool:
    return word.isascii() or not any("\ud800" <= character <= "\udfff" for character in word)
