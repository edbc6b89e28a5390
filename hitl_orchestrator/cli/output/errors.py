"""What a person reads when a command does not end well: one sentence for each problem, on stderr."""

import json
import sqlite3
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from hitl_orchestrator.domain.invisible_characters import visible
from hitl_orchestrator.errors import HitlError, InvalidInput, RequestRejected

NO, UNFIT, INTERRUPTED = 1, 2, 130

# Recent versions of typer carry their own copy of click, older ones import it: these are the bases that both have.
UsageError, ClickError = typer.BadParameter.__mro__[1:3]


def tell(error: str, problems: Iterable[str], as_json: bool) -> None:
    """Write problems to stderr: a line each, or with `--json` one object with `error` and `problems`."""
    found = list(problems)
    if as_json:
        print(json.dumps({"error": error, "problems": found}, indent=2), file=sys.stderr)  # noqa: T201
        return
    for problem in found:
        print(f"hitl: {visible(problem)}", file=sys.stderr)  # noqa: T201


def explain_fault(exc: BaseException, *, as_json: bool) -> int:
    """Say what an exception means, and return the exit code that goes with it."""
    if isinstance(exc, HitlError):
        tell(type(exc).__name__, problems_of(exc), as_json)
        return code_of(exc)
    if isinstance(exc, ClickError):
        tell("UsageError", [_usage_sentence(exc)], as_json)
        return UNFIT
    if isinstance(exc, (typer.Abort, KeyboardInterrupt)):
        tell("Interrupted", ["interrupted; 'hitl recover' drives on what is unfinished"], as_json)
        return INTERRUPTED
    if isinstance(exc, (OSError, sqlite3.Error)):
        tell(type(exc).__name__, [f"reading or writing failed: {getattr(exc, 'strerror', None) or exc}"], as_json)
        return UNFIT
    return _report(exc, as_json)


def _report(exc: BaseException, as_json: bool) -> int:
    """Own up to what nobody foresaw, with the traceback only where HITL_DEBUG asks for it."""
    # Imported here, for it brings pydantic: a command that fails on its arguments does not need it.
    from hitl_orchestrator.settings import read_settings  # noqa: PLC0415

    sentence = f"this is a fault of hitl-orchestrator, please report it ({type(exc).__name__}: {exc})"
    debug = read_settings().debug
    tell("Fault", [sentence if debug else f"{sentence}; HITL_DEBUG=1 shows where"], as_json)
    if debug:
        traceback.print_exception(exc, file=sys.stderr)
    return UNFIT


def problems_of(exc: HitlError) -> Sequence[str]:
    """Return the sentences of an error."""
    return exc.problems if isinstance(exc, InvalidInput) else (str(exc),)


def code_of(exc: HitlError) -> int:
    """Return 1 where the answer is no, 2 where something could not be used."""
    return NO if isinstance(exc, RequestRejected) else UNFIT


def _usage_sentence(exc: Any) -> str:
    """Return the sentence of a command line that cannot be understood, and where to read on."""
    context = getattr(exc, "ctx", None)
    path = context.command_path if context else "hitl"
    message = " ".join(str(exc.format_message()).split()).rstrip(".")
    return f"{message[:1].lower()}{message[1:]} ('{path} --help' tells how)"
