"""The heartbeat of running executions: one thread extends the leases of all that this process carries out."""

import logging
from collections.abc import Callable
from threading import Condition, Thread
from time import monotonic

from hitl_orchestrator.errors import HitlError

__all__ = ["Heartbeat"]

_log = logging.getLogger(__name__)


class Heartbeat:
    """Extends leases until each is removed. Its thread runs while there are any. Safe to share between threads."""

    def __init__(self, extend: Callable[[str, int], bool], every: float) -> None:
        """`extend` extends the lease of a case with a fencing token, and returns False where it is lost."""
        self._extend, self._every = extend, every
        self._held: dict[str, int] = {}
        self._changed, self._thread = Condition(), Thread()

    def add(self, case_id: str, fence: int) -> None:
        """Extend the lease of this case from now on."""
        with self._changed:
            self._held[case_id] = fence
            if not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="hitl-heartbeat", daemon=True)
                self._thread.start()

    def remove(self, case_id: str) -> None:
        """Extend the lease of this case no more."""
        with self._changed:
            self._held.pop(case_id, None)
            self._changed.notify()

    def close(self) -> None:
        """Extend no lease any more."""
        with self._changed:
            self._held.clear()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            due = monotonic() + self._every
            with self._changed:
                # Waking up when the last one ends keeps a thread from outliving its work.
                while self._held and (left := due - monotonic()) > 0:
                    self._changed.wait(left)
                if not self._held:
                    self._thread = Thread()
                    return
                held = list(self._held.items())
            for case_id, fence in held:
                self._beat(case_id, fence)

    def _beat(self, case_id: str, fence: int) -> None:
        try:
            is_held = self._extend(case_id, fence)
        except HitlError as exc:
            event = {"case_id": case_id, "event": "heartbeat"}
            _log.warning("the execution of case %s could not be extended: %s", case_id, exc, extra=event)
            return
        if not is_held:
            self.remove(case_id)
