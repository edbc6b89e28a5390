"""The command line: parse, call, render. Exit codes: 0 done, 1 the answer is no, 2 unfit input."""

import gc
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

PIPE_CLOSED, STANDARD_OUTPUT = 141, 1
_FEW_COLLECTIONS = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Whatever happens, a person reads sentences, never a traceback.

    Without arguments it is a process of its own, which works on those of the process.
    """
    if arguments is not None:
        return _run(list(arguments))
    # Importing makes no garbage: looking for it would be a fifth of the time that a short command takes.
    gc.set_threshold(_FEW_COLLECTIONS)
    _replace_closed_streams()
    try:
        return _run(sys.argv[1:])
    finally:
        gc.freeze()


def _run(given: list[str]) -> int:
    from hitl_orchestrator.cli.app import run_command  # noqa: PLC0415 - the collector is held back first
    from hitl_orchestrator.cli.output.errors import explain_fault  # noqa: PLC0415

    _print_anything()
    try:
        code = run_command(given)
        sys.stdout.flush()
    except SystemExit as exc:
        # What typer makes of a closed pipe.
        if not isinstance(exc.__context__, BrokenPipeError):
            raise
        return _let_go_of_the_pipe()
    except BrokenPipeError:
        return _let_go_of_the_pipe()
    except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001 - the outermost line
        return explain_fault(exc, as_json="--json" in given)
    return code


def _print_anything() -> None:
    """A character that the terminal's encoding lacks is written out, instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _replace_closed_streams() -> None:
    """Write into the void where a stream was closed by whoever started us."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - it stays open as long as the process does
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123


def _let_go_of_the_pipe() -> int:
    """Whoever read our output has enough: the interpreter must not try to flush the rest at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), STANDARD_OUTPUT)
    return PIPE_CLOSED
