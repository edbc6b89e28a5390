"""The `hitl` application: global options, command groups, and the entry point that runs one command."""

from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import islice
from typing import Annotated, Any

import typer

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


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - no other command needs it

        typer.echo(f"hitl-orchestrator {version('hitl-orchestrator')}")
        raise typer.Exit


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


def _policy(context: typer.Context) -> None:
    """Check, test and compare policies; activate one."""
    show_help(context)


def _people(context: typer.Context) -> None:
    """Show and change the people of a store."""
    show_help(context)


def _learn(context: typer.Context) -> None:
    """Say where agents have earned autonomy."""
    show_help(context)


def _audit(context: typer.Context) -> None:
    """Read, verify, prove and export the ledger."""
    show_help(context)


_GROUPS: dict[str, tuple[Callable[..., None], str]] = {
    "policy": (_policy, "Policy"),
    "learn": (_learn, "Report"),
    "people": (_people, "People"),
    "audit": (_audit, "Audit"),
}
_COMMANDS = {
    "": {
        "cases.init": "init",
        "cases.run": "run recover sweep",
        "cases.import_table": "import",
        "reviews.inbox": "inbox show",
        "reviews.decide": "decide resume escalate label bulk",
        "reviews.claims": "next claim release delegate assign cancel",
        "reviews.review_desk": "desk review",
        "reviews.thread_calls": "calls",
        "audit.stats": "stats",
        "reviews.feedback": "feedback",
        "audit.report": "report",
        "cases.executions": "executions",
        "cases.demo": "demo",
        "cases.generate": "generate",
        "cases.simulate": "simulate",
    },
    "policy": {
        "policy.check": "check diff schema explain",
        "policy.show": "show",
        "policy.lists": "lists",
        "policy.drafting.new": "new",
        "policy.review": "review",
        "policy.test": "test",
        "policy.backtest": "backtest",
        "policy.lifecycle": "status versions activate rollback undo shadow canary",
    },
    "learn": {"audit.learn": "certify"},
    "people": {"people.people": "show propose diff history"},
    "audit": {"audit.records": "list show export redact", "audit.verify": "verify head key rotate prove check"},
}
"""The commands of each group by module: a process imports the module of the command that it runs."""

_WITH_A_VALUE = ("--store", "--policy", "--reviewers")


def application(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return the application with the command that the arguments name, or with all where they name none."""
    wanted = (*_named(arguments), "", "")
    groups = [wanted[0]] if wanted[0] in _GROUPS else [""] if _modules("", wanted[0]) else [*_COMMANDS]
    app = typer.Typer(
        name="hitl",
        cls=_InPanelOrder,
        help="Decide whether agent outputs are approved, need a review, or must be escalated.",
        epilog="Exit codes: 0 done, 1 the answer is no, 2 invalid input, 3 filed, waits for a second person. Errors "
        'go to stderr, one sentence each; with --json as one object {"error": ..., "problems": [...]}.',
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_hitl)
    for group in groups:
        part = app
        if group:
            callback, panel = _GROUPS[group]
            part = typer.Typer(cls=Group)
            part.callback(invoke_without_command=True)(callback)
            app.add_typer(part, name=group, rich_help_panel=panel)
        for module in _modules(group, wanted[1] if group else wanted[0]) or _COMMANDS[group]:
            part.add_typer(import_module(f"hitl_orchestrator.cli.commands.{module}").group)
    return app


def _named(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the words of the arguments up to the first two that are no options and no values of global options."""
    before = ("", *arguments)
    words = (word for last, word in zip(before, arguments, strict=False) if last not in _WITH_A_VALUE)
    return tuple(islice((word for word in words if not word.startswith("-")), 2))


def _modules(group: str, command: str) -> list[str]:
    """Return the module of a command; none for a word that is no command of the group."""
    return [module for module, names in _COMMANDS[group].items() if command in names.split()]


def __getattr__(name: str) -> typer.Typer:
    """Return the application with all commands as `app`."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return application()


def run_command(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name, and return its exit code.

    Raises:
        InvalidInput: an argument is not UTF-8 text.
    """
    invalid = [index for index, word in enumerate(arguments, start=1) if not _is_text(word)]
    if invalid:
        raise InvalidInput([f"argument {index} is not UTF-8 text: {arguments[index - 1]!r}" for index in invalid])
    code: Any = typer.main.get_command(application(arguments)).main(
        list(arguments), prog_name="hitl", standalone_mode=False
    )
    if code == INTERRUPTED:
        raise KeyboardInterrupt  # typer turns an interrupt into this code
    return code if isinstance(code, int) else 0


def _is_text(word: str) -> bool:
    return word.isascii() or not any("\ud800" <= character <= "\udfff" for character in word)
