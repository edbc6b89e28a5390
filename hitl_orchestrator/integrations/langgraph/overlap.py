"""Runs of one thread in this process: a resumer waits for another one, and never resumes a run that is at work."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from hitl_orchestrator.errors import RequestRejected

__all__ = ["alone", "hearing"]

_changed = Condition()
_resumed: set[str] = set()
_heard: Counter[str] = Counter()


@contextmanager
def hearing(thread: str) -> Iterator[None]:
    """Mark a thread whose node takes a decision: it goes on by itself, and resuming it would run it twice."""
    with _changed:
        _heard[thread] += 1
    try:
        yield
    finally:
        with _changed:
            _heard[thread] -= 1


@contextmanager
def alone(thread: str, seconds: float) -> Iterator[None]:
    """Resume a thread alone in this process.

    Raises:
        RequestRejected: it is at work, for this long.
    """
    with _changed:
        if _heard[thread] or not _changed.wait_for(lambda: thread not in _resumed, seconds):
            raise RequestRejected(f"thread {thread!r} is at work in this process; resume it later")
        _resumed.add(thread)
    try:
        yield
    finally:
        with _changed:
            _resumed.discard(thread)
            _changed.notify_all()
