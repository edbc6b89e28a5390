"""The `hitl` application: global options, command groups, and the entry point that runs one command."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from hitl_orchestrator.cli.commands import audit, cases, policy, reviews
from hitl_orchestrator.cli.context import AsJson, Policy, Reviewers, Store, show_help
from hitl_orchestrator.cli.given import GlobalOptions
from hitl_orchestrator.cli.output.errors import INTERRUPTED
from hitl_orchestrator.errors import InvalidInput

app = typer.Typer(
    name="hitl",
    help="Decide whether agent outputs may go ahead, need a review, or must be escalated.",
    epilog="Exit codes: 0 done, 1 the answer is no, 2 invalid input. Errors go to stderr, one sentence each; with "
    '--json as one object {"error": ..., "problems": [...]}.',
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


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
        typer.Option(
            "--version", callback=lambda asked: _print_version(asked), is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    context.obj = GlobalOptions(store, policy, reviewers, as_json)
    show_help(context)


cases.register(app)
reviews.register(app)
policy.register(app)
audit.register(app)


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


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - no other command needs it

        typer.echo(f"hitl-orchestrator {version('hitl-orchestrator')}")
        raise typer.Exit
