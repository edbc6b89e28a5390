"""Identity of workers, and the fencing tokens of the leases that they hold.

A case that is received or decided is work, leased by the worker that recorded it. A lease that has ended, or whose
holder no longer exists, can be acquired by any worker, under a new fencing token. The token travels in the
context of the run: writes of an overtaken run are rejected.
"""

import os
import secrets
import socket
import threading
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

LEASE_SECONDS = 60.0
"""The duration of a lease. A run may take longer; then another worker may take over, and one of them is fenced off."""

NO_FENCE = -1
_MOST_FENCES = 2**31 - 1
_PARTS = 4
_ANY_THREAD = "any"
_ENDED = ("Z", "X")
_open: "WeakValueDictionary[str, Holder]" = WeakValueDictionary()


class _Lease(NamedTuple):
    """The lease of a run: the name of its holder, the case and the fencing token."""

    name: str
    case_id: str
    fence: int


_lease: ContextVar[_Lease | None] = ContextVar("hitl_lease", default=None)


class Holder:
    """An opened ledger as the holder of leases."""

    def __init__(self, seconds: float = LEASE_SECONDS) -> None:
        self.seconds = seconds
        self._nonce = secrets.token_hex(8)
        _open[self._nonce] = self

    @property
    def name(self) -> str:
        """The stored name of the holder: machine, process, its start, ledger object and thread."""
        return f"{self._ledger}/{threading.get_ident()}"

    @property
    def process(self) -> str:
        """The stored name of a holder that is no thread: what one thread has begun, another may end."""
        return f"{self._ledger}/{_ANY_THREAD}"

    @property
    def _ledger(self) -> str:
        return f"{_machine()}/{os.getpid()}/{_start_of(os.getpid())}/{self._nonce}"

    def hold(self, case_id: str, fence: int) -> None:
        """Remember, in the current context, the fencing token of a case."""
        _lease.set(_Lease(self.name, case_id, fence))

    def fence(self, case_id: str) -> int:
        """Return the fencing token of a case in the current context; `NO_FENCE` if it holds none."""
        lease = _lease.get()
        return lease.fence if lease is not None and lease[:2] == (self.name, case_id) else NO_FENCE

    def forget(self, case_id: str) -> None:
        """Forget, in the current context, the fencing token of a case."""
        if self.fence(case_id) != NO_FENCE:
            _lease.set(None)

    def retire(self) -> None:
        """Give up all leases; other workers may take them at once."""
        _open.pop(self._nonce, None)


def new_fence() -> int:
    """Return a random fencing token, which no earlier lease of a case had but by an accident of one in two billion."""
    return 1 + secrets.randbelow(_MOST_FENCES)


def is_gone(name: str) -> bool:
    """Whether a holder no longer exists: its process on this machine, or its ledger or thread in this process, ended.

    Returns False when that cannot be determined; then its lease has to end first.
    """
    machine, *rest = name.split("/")
    if machine != _machine() or len(rest) != _PARTS or not rest[0].isdecimal():
        return False
    process, start, nonce, thread = rest
    if int(process) == os.getpid():
        threads = (_ANY_THREAD, *(str(each.ident) for each in threading.enumerate()))
        return nonce not in _open or thread not in threads
    return _has_ended(int(process), start)


def shown_holder(name: str) -> str:
    """Return a holder for messages: its process and machine."""
    machine, _, rest = name.partition("/")
    return f"process {rest.partition('/')[0]} on {machine.partition('-[')[0]!r}"


class _Process(NamedTuple):
    """The state of a process, and its start in ticks since the boot."""

    state: str
    threads: int
    start: str


def _has_ended(process: int, start: str) -> bool:
    """Whether a process ended. A zombie ended, though its parent has not noticed; its number may be in use again."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    status = _process(process)
    if status is None:
        return False
    # The first thread of a process can end before the others.
    return (status.state in _ENDED and status.threads <= 1) or start not in ("", status.start)


def _process(process: int) -> _Process | None:
    """Return the status of a process of this machine; None where the system does not offer it."""
    try:
        # The name of the program, in parentheses, may contain anything.
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return _Process(fields[0], int(fields[17]), fields[19])
    except (OSError, IndexError, ValueError):
        return None


@cache
def _start_of(process: int) -> str:
    """Return the start of a process, which distinguishes it from a later one with the same number; "" if unknown."""
    status = _process(process)
    return "" if status is None else status.start


@cache
def _machine() -> str:
    """Return a name for the scope of process ids: host, pid namespace and boot.

    Without the namespace a container could take the process 1 of another for its own; without the boot id a process
    that started after a reboot could pass for one from before it.
    """
    name = socket.gethostname()[:100].replace("/", "-")
    with suppress(OSError):
        name += "-" + str(Path("/proc/self/ns/pid").readlink()).removeprefix("pid:")
    with suppress(OSError):
        name += "-" + Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    return name
