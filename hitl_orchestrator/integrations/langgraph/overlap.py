"""Runs of one thread in this process: a resumer waits for another one, and for a run that takes the decision."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from time import monotonic

from hitl_orchestrator.errors import RequestRejected

__all__ = ["alone", "hearing"]

_GOES_ON = 2.0
"""The seconds after a decision in which the run that took it stores that it went on."""

_changed = Condition()
_resumed: set[str] = set()
_heard: dict[str, float] = {}


@contextmanager
def hearing(case_id: str) -> Iterator[None]:
    """Mark a case that is decided by a run of the graph that waits for it: that run goes on by itself."""
    with _changed:
        _heard[case_id] = float("inf")
    try:
        yield
    finally:
        with _changed:
            now = monotonic()
            for each in [each for each, until in _heard.items() if until < now]:
                del _heard[each]
            _heard[case_id] = now + _GOES_ON
            _changed.notify_all()


@contextmanager
def alone(thread: str, case_id: str, seconds: float) -> Iterator[None]:
    """Resume a thread alone in this process, and not while a run of it takes the decision on the case.

    Raises:
        RequestRejected: it is at work, for this long.
    """
    end = monotonic() + seconds
    with _changed:
        while thread in _resumed or _heard.get(case_id, 0.0) > monotonic():
            until = end if thread in _resumed else min(end, _heard[case_id])
            if monotonic() >= end:
                raise RequestRejected(f"thread {thread!r} is at work in this process; resume it later")
            _changed.wait(max(0.0, until - monotonic()))
        _resumed.add(thread)
    try:
        yield
    finally:
        with _changed:
            _resumed.discard(thread)
            _changed.notify_all()
