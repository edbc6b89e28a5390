"""Commands in environments that lack something, each in a child that is forked from a process with all imports done.

A new interpreter for each of hundreds of commands would take minutes. `python -m support.warm_commands` reads orders as
JSON lines and writes the exit code of each; `WarmCommands` is the other end.
"""

import ctypes
import gc
import io
import json
import os
import pwd
import subprocess
import sys
import tempfile
import zoneinfo
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

FLUSH_FAILED = 120
UNREAD = "a pipe whose reader is gone"
_CAPABILITIES_VERSION_3 = 0x20080522
_STREAMS = (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w"))


class Ran(NamedTuple):
    """The exit code of a command, and what it wrote."""

    code: int
    out: bytes
    err: bytes


class WarmCommands:
    """Runs commands in children of one process. Close it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = [sys.executable, "-m", "support.warm_commands"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, text=True, env=environment, **pipes)

    def run(
        self,
        *argv: str,
        cwd: Path,
        environment: Mapping[str, str | None] = {},
        stdin: bytes = b"",
        to: Mapping[str, str] = {},
        encoding: str = "utf-8",
        closed: Sequence[int] = (),
        home: bool = True,
        powerless: bool = False,
        zones: bool = True,
    ) -> Ran:
        """Run a command in a folder.

        `to` names other files for stdout or stderr, or `UNREAD`; `closed` are file descriptors; `encoding` is that of
        the locale.
        Without `home` the user has no home directory and no entry in the list of users. A `powerless` root may write
        no more than the modes of files allow. Without `zones` there is no time zone database.
        """
        paths = {name: str(self._folder / name) for name in ("stdin", "stdout", "stderr")}
        Path(paths["stdin"]).write_bytes(stdin)
        for name in ("stdout", "stderr"):
            Path(paths[name]).write_bytes(b"")
        order = {
            "argv": argv,
            "cwd": str(cwd),
            "environment": dict(environment),
            "files": {**paths, **to},
            "encoding": encoding,
            "closed": list(closed),
            "home": home,
            "powerless": powerless,
            "zones": zones,
        }
        print(json.dumps(order), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        return Ran(code, Path(paths["stdout"]).read_bytes(), Path(paths["stderr"]).read_bytes())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _give_up_capabilities() -> None:
    """Let root of this process be bound by the modes of files, as everyone else is."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION_3, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")


def _without_zones() -> None:
    """Let this process be one on a machine without a time zone database."""
    sys.modules["tzdata"] = None
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()


def _without_home() -> None:
    """Let this process be one of a user id without an entry, as containers have."""

    def unknown(user: int) -> NoReturn:
        raise KeyError(f"getpwuid(): uid not found: {user}")

    os.environ.pop("HOME", None)
    pwd.getpwuid = unknown


def _unread_pipe() -> int:
    """Return the end for writing of a pipe that its reader has closed."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    return write_end


def _redirect(order: dict[str, Any]) -> None:
    """Open the standard streams as an interpreter does that starts with these files and this locale."""
    for name, number, mode in _STREAMS:
        if number in order["closed"]:
            os.close(number)
            setattr(sys, name, None)
            continue
        flags = os.O_RDONLY if mode == "r" else os.O_WRONLY | os.O_APPEND
        file = _unread_pipe() if order["files"][name] == UNREAD else os.open(order["files"][name], flags)
        os.dup2(file, number)
        os.close(file)
        raw = io.FileIO(number, mode, closefd=False)
        buffer = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
        errors = "backslashreplace" if name == "stderr" else "strict"
        setattr(sys, name, io.TextIOWrapper(buffer, order["encoding"], errors, line_buffering=name == "stderr"))


def _prepare(order: dict[str, Any]) -> None:
    os.chdir(order["cwd"])
    for name, value in order["environment"].items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    if not order["zones"]:
        _without_zones()
    if not order["home"]:
        _without_home()
    if order["powerless"]:
        _give_up_capabilities()


def _live(order: dict[str, Any]) -> int:
    """Run the command as the program `hitl` does, and end as the interpreter does."""
    from hitl_orchestrator.cli import main  # noqa: PLC0415 - imported by the parent

    sys.argv = ["hitl", *order["argv"]]
    try:
        code = main()
    except SystemExit as end:
        code = int(end.code or 0)
    for stream in (sys.stdout, sys.stderr):
        try:
            if not stream.closed:
                stream.flush()
        except OSError:
            return FLUSH_FAILED
    return code


def _carry_out(order: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        _redirect(order)
        _prepare(order)
        code = _live(order)
    except BaseException:  # noqa: BLE001 - what an interpreter prints
        import traceback  # noqa: PLC0415

        if sys.stderr is not None:
            traceback.print_exc()
            sys.stderr.flush()
    finally:
        os._exit(code)


def _warm_up() -> None:
    """Import everything that commands import on first use, and fill the caches of parsers and statements."""
    import hitl_orchestrator.backtest  # noqa: PLC0415
    import hitl_orchestrator.cli.desk.app  # noqa: PLC0415
    import hitl_orchestrator.graph.postgres_checkpoints  # noqa: PLC0415
    import hitl_orchestrator.ledger.database.postgres  # noqa: PLC0415, F401
    from hitl_orchestrator.cli import main  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        store = ("--store", f"sqlite:///{folder}/hitl.db")
        main(["demo", "--data-into", f"{folder}/d"])
        main(["run", f"{folder}/d/tasks.json", "--outputs", f"{folder}/d/agent_outputs.json", *store])
        for words in (["inbox"], ["show", "task_001"], ["show", "task_002"], ["audit", "list"], ["audit", "verify"]):
            main([*words, *store])
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _warm_up()
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in orders:
        print(_carry_out(json.loads(line)), file=answers, flush=True)
