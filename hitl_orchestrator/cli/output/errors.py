"""Error boundary: one sentence per problem on stderr, and the exit code."""

import json
import re
import sqlite3
import sys
import traceback
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import typer

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.errors import MOST_IN_A_MESSAGE, HitlError, InvalidInput, RequestRejected, without_middle

NO, INVALID, WAITS, INTERRUPTED = 1, 2, 3, 130

# Recent typer versions vendor click, older ones import it; these are the base classes in both.
UsageError, ClickError = typer.BadParameter.__mro__[1:3]


_OPTIONS = {
    "after": "--after",
    "confidence_assessment": "--assessment",
    "human_decision": "DECISION",
    "human_feedback": "--feedback",
    "idempotency_key": "--key",
    "reason": "--reason",
    "reason_code": "--reason-code",
    "review_id": "--review-id",
    "risk_level": "--risk",
    "shown_digest": "--digest",
    "strategy": "--strategy",
}
"""The option or argument of a command for the field of a value that is made from them."""
_FIELD = re.compile(rf"(?:assign|decide|inbox): ({'|'.join(_OPTIONS)}): ")


class Interrupted(Exception):
    """The user interrupted a command, which says what is done and how to go on."""


def print_problems(error: str, problems: Iterable[str], as_json: bool) -> None:
    """Write problems to stderr: a line each, or with `--json` one object with `error` and `problems`."""
    sentences = [without_middle(problem, MOST_IN_A_MESSAGE) for problem in problems]
    lines = [f"hitl: {escape_invisible(problem)}" for problem in sentences]
    if as_json:
        lines = [json.dumps({"error": error, "problems": sentences}, indent=2)]
    with suppress(OSError):  # stderr may be a full disk: the exit code remains
        for line in lines:
            print(line, file=sys.stderr)  # noqa: T201


def explain_fault(exc: BaseException, *, as_json: bool) -> int:
    """Report an exception, and return its exit code."""
    if isinstance(exc, HitlError):
        print_problems(type(exc).__name__, map(_with_option, problems_of(exc)), as_json)
        return code_of(exc)
    if isinstance(exc, ClickError):
        print_problems("UsageError", [_usage_sentence(exc)], as_json)
        return INVALID
    if isinstance(exc, (typer.Abort, KeyboardInterrupt, Interrupted)):
        state = str(exc) if isinstance(exc, Interrupted) else "'hitl recover' resumes unfinished cases"
        print_problems("Interrupted", [f"interrupted; {state}"], as_json)
        return INTERRUPTED
    if isinstance(exc, (OSError, sqlite3.Error)):
        print_problems(
            type(exc).__name__, [f"reading or writing failed: {getattr(exc, 'strerror', None) or exc}"], as_json
        )
        return INVALID
    return _report(exc, as_json)


def _with_option(problem: str) -> str:
    """Name the option that a problem is about, in place of its field."""
    return _FIELD.sub(lambda found: f"{_OPTIONS[found[1]]}: ", problem, count=1) if _FIELD.match(problem) else problem


def _report(exc: BaseException, as_json: bool) -> int:
    """Report an unexpected error, with its traceback only if HITL_DEBUG is set."""
    from hitl_orchestrator.settings import read_settings  # noqa: PLC0415 - it imports pydantic, which is slow

    sentence = f"this is a bug in hitl-orchestrator, please report it ({type(exc).__name__}: {exc})"
    debug = read_settings().debug
    print_problems("InternalError", [sentence if debug else f"{sentence}; HITL_DEBUG=1 shows the traceback"], as_json)
    if debug:
        traceback.print_exception(exc, file=sys.stderr)
    return INVALID


def problems_of(exc: HitlError) -> Sequence[str]:
    """Return the sentences of an error."""
    return exc.problems if isinstance(exc, InvalidInput) else (str(exc),)


def code_of(exc: HitlError) -> int:
    """Return 1 if the request was rejected, 2 if an input or resource is unusable."""
    return NO if isinstance(exc, RequestRejected) else INVALID


def _usage_sentence(exc: Any) -> str:
    """Return the problem of a command line, and the help that explains it."""
    context = getattr(exc, "ctx", None)
    path = context.command_path if context else "hitl"
    message = " ".join(str(exc.format_message()).split()).rstrip(".")
    return f"{message[:1].lower()}{message[1:]} ('{path} --help' explains it)"
