"""The command line: parse, call, render. Exit codes: 0 done, 1 the answer is no, 2 unfit input."""

import gc
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

INTERRUPTED, PIPE_CLOSED = 130, 141
_FEW_COLLECTIONS = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Whatever happens, a person reads sentences, never a traceback.

    Without arguments it is a process of its own, which works on those of the process.
    """
    if arguments is not None:
        return _run(list(arguments))
    # Importing makes no garbage: looking for it would be a fifth of the time that a short command takes.
    gc.set_threshold(_FEW_COLLECTIONS)
    try:
        return _run(sys.argv[1:])
    finally:
        gc.freeze()


def _run(given: list[str]) -> int:
    from hitl_orchestrator.cli.app import run_command  # noqa: PLC0415 - the collector is held back first
    from hitl_orchestrator.cli.problems import explain_fault, tell  # noqa: PLC0415

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
