"""Bounds on the time and the memory of code under test, far above its needs and far below those of runaway code."""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

MOST_SECONDS, MOST_BYTES = 10.0, 2**31
"""CPU time, which other processes of the machine do not use up, and address space beyond that in use.

The threads of polars reserve address space that they never use.
"""


class OutOfTime(BaseException):
    """Code ran for too long. It is no `Exception`, so that no error boundary reports it as a fault of its own."""


@contextmanager
def bounded(seconds: float = MOST_SECONDS, size: int = MOST_BYTES) -> Iterator[None]:
    """Bound the CPU time and, on Linux, the address space of this process while the block runs.

    Raises:
        OutOfTime: the block used more CPU time.
        MemoryError: it asked for more memory.
    """

    def stop(*_: object) -> NoReturn:
        raise OutOfTime(f"{seconds} s of CPU time were not enough")

    before = signal.signal(signal.SIGPROF, stop)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + size, limits[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGPROF, before)


def _address_space() -> int:
    """Return the bytes of the address space of this process."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - it is no file of the disk
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
