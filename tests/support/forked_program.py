"""Runs programs with changed copies of the package, each in a child of a process that has all foreign imports done.

Orders come as JSON lines: the folder of the copy, the current folder, the program and its arguments. The answer is one
JSON line with the exit code and what the program printed. `Programs` is the other end.
"""

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

FOREIGN = (
    "alembic.command",
    "jsonschema",
    "langchain_core.runnables",
    "langgraph.checkpoint.sqlite",
    "langgraph.graph",
)


class Ran(NamedTuple):
    """How a program ended, and what it printed."""

    code: int
    out: str
    err: str


class Programs:
    """Runs programs, one at a time. Close it."""

    def __init__(self) -> None:
        command = [sys.executable, "-B", __file__]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, text=True, **pipes)

    def run(self, package: Path, program: str, *argv: str, cwd: Path) -> Ran:
        """Run a program in a folder, with the copy of the package that lies in another one."""
        order = {"package": str(package), "program": program, "argv": argv, "cwd": str(cwd)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Ran(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate()


def _live(order: dict[str, Any]) -> int:
    """Run the program in the child."""
    os.chdir(order["cwd"])
    sys.path.insert(0, order["package"])
    sys.argv = ["-c", *order["argv"]]
    try:
        exec(compile(order["program"], "<program>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:  # noqa: BLE001 - what an interpreter prints
        traceback.print_exc()
        return 1
    return 0


def _carry_out(order: dict[str, Any]) -> Ran:
    with TemporaryFile() as out, TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            code = _live(order)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        printed = []
        for stream in (out, err):
            stream.seek(0)
            printed.append(stream.read().decode())
        return Ran(code, *printed)


if __name__ == "__main__":
    for name in FOREIGN:
        __import__(name)
    for line in sys.stdin:
        print(json.dumps(_carry_out(json.loads(line))), flush=True)  # noqa: T201 - how it speaks with the test
