"""Runs of one thread in this process: a resumer waits for another one, and leaves a run alone that took a decision."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from time import monotonic

from hitl_orchestrator.errors import RequestRejected

__all__ = ["alone", "hearing"]

_GOES_ON = 5.0
"""The seconds after a decision in which the run that took it stores that it went on."""

_changed = Condition()
_resumed: set[str] = set()
_heard: dict[str, float] = {}


@contextmanager
def hearing(thread: str) -> Iterator[None]:
    """Mark a thread whose run takes a decision: it goes on by itself, and resuming it would run it twice."""
    with _changed:
        _heard[thread] = float("inf")
    try:
        yield
    finally:
        with _changed:
            now = monotonic()
            for each in [each for each, until in _heard.items() if until < now]:
                del _heard[each]
            _heard[thread] = now + _GOES_ON


@contextmanager
def alone(thread: str, seconds: float) -> Iterator[None]:
    """Resume a thread alone in this process.

    Raises:
        RequestRejected: it has just taken a decision, or another resumer has run it for this long.
    """
    with _changed:
        is_free = _changed.wait_for(lambda: thread not in _resumed, seconds)
        if not is_free or _heard.get(thread, 0.0) > monotonic():
            raise RequestRejected(f"thread {thread!r} is at work in this process; resume it later")
        _resumed.add(thread)
    try:
        yield
    finally:
        with _changed:
            _resumed.discard(thread)
            _changed.notify_all()
