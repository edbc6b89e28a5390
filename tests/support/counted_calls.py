"""Count the calls of a function, as a measure of work that does not depend on the machine."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls_of(name: str, work: Callable[[], object], *, in_python: bool = False) -> int:
    """Return how often `work` calls functions of this name in this thread: those written in C, or else in Python."""
    count = 0

    def note(frame: FrameType, event: str, called: Any) -> None:
        nonlocal count
        if in_python:
            count += event == "call" and frame.f_code.co_name == name
        else:
            count += event == "c_call" and called.__name__ == name

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
