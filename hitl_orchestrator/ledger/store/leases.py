"""Who drives a case, for how long, and with which fence.

Work that is under way is leased. A case that was taken in or decided is work; whoever did that holds its lease. A lease
that has ended, or whose holder is known to be gone, may be taken by anybody, with the next fence. The fence that a run
was given goes with it in its context: what an overtaken run still wants to write is refused.
"""

import os
import secrets
import socket
import threading
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

LEASE_SECONDS = 60.0
"""How long a run may take before others may think that it is dead. Nothing breaks where it takes longer."""

NO_FENCE = -1
_PARTS = 3
_living: "WeakValueDictionary[str, Holder]" = WeakValueDictionary()


class Lease(NamedTuple):
    """Who holds a case, until when, and the fence with which it was taken last."""

    fence: int
    holder: str = ""
    until: datetime | None = None


class _Held(NamedTuple):
    """What a run holds: as whom, which case, and with which fence."""

    name: str
    case_id: str
    fence: int


_held: ContextVar[_Held | None] = ContextVar("hitl_lease", default=None)


class Holder:
    """One opened ledger, as the holder of leases."""

    def __init__(self, seconds: float = LEASE_SECONDS) -> None:
        self.seconds = seconds
        self._nonce = secrets.token_hex(8)
        _living[self._nonce] = self

    @property
    def name(self) -> str:
        """How it is known to others: the machine, the process, this very ledger in it, and the thread that asks."""
        return f"{_machine()}/{os.getpid()}/{self._nonce}/{threading.get_ident()}"

    def hold(self, case_id: str, fence: int) -> None:
        """Remember, in this run, the fence with which a case was taken."""
        _held.set(_Held(self.name, case_id, fence))

    def fence(self, case_id: str) -> int:
        """Return the fence with which this run took a case; `NO_FENCE` where it did not."""
        held = _held.get()
        return held.fence if held is not None and held[:2] == (self.name, case_id) else NO_FENCE

    def let_go(self, case_id: str) -> None:
        """Forget, in this run, that a case was taken."""
        if self.fence(case_id) != NO_FENCE:
            _held.set(None)

    def retire(self) -> None:
        """Hold nothing from now on: whatever is left may be taken by others at once."""
        _living.pop(self._nonce, None)


def is_gone(name: str) -> bool:
    """Whether a holder is certainly gone: its process has ended, on this machine, or in this one its ledger or thread.

    False where that cannot be known: then its lease has to end first.
    """
    machine, *rest = name.split("/")
    if machine != _machine() or len(rest) != _PARTS or not rest[0].isdecimal():
        return False
    process, nonce, thread = rest
    if int(process) == os.getpid():
        return nonce not in _living or thread not in {str(each.ident) for each in threading.enumerate()}
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


@cache
def _machine() -> str:
    """Name where a process id means this process: the machine, as far as one can see from in here."""
    where = socket.gethostname()[:100].replace("/", "-")
    with suppress(OSError):
        where += "-" + str(Path("/proc/self/ns/pid").readlink()).removeprefix("pid:")
    with suppress(OSError):
        where += "-" + Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    return where
