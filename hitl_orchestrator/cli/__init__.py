"""The command line: parse, call, render. Exit codes: 0 done, 1 the answer is no, 2 unfit input."""

import os
import sys
from collections.abc import Sequence

from hitl_orchestrator.cli.app import run_command
from hitl_orchestrator.cli.problems import explain_fault, tell

__all__ = ["main"]

INTERRUPTED, PIPE_CLOSED = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Whatever happens, a person reads sentences, never a traceback."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in given
    _print_anything()
    try:
        code = run_command(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        tell("Interrupted", ["interrupted; 'hitl recover' drives on what is unfinished"], as_json)
        return INTERRUPTED
    except BrokenPipeError:
        _let_go_of_the_pipe()
        return PIPE_CLOSED
    except Exception as exc:  # noqa: BLE001 - the outermost line
        return explain_fault(exc, as_json)
    return code


def _print_anything() -> None:
    """A character that the terminal's encoding lacks is written out, instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_the_pipe() -> None:
    """Whoever read our output has enough: the interpreter must not try to flush the rest at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
