"""What this process itself wrote in the runs under way, so that a state which comes from elsewhere is known as such."""

from collections import OrderedDict
from threading import Lock
from typing import Any

from hitl_orchestrator.graph.topology import GIVEN, OUTCOME
from hitl_orchestrator.nodes.state import Submitted

_MOST_AT_ONCE = 4096


class Runs:
    """Remembers the pieces of state that the nodes of this process wrote, by the run in which they did.

    A run is known by the very object that it was given as its submission. A state that was read back from a stored
    place, or that a caller handed in, is made of other objects. Forgetting a run is safe: its state then counts as
    foreign, and no case goes ahead by itself on a foreign state.
    """

    def __init__(self) -> None:
        self._runs: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._lock = Lock()

    def made(self, reads: type[Submitted], state: dict[str, Any]) -> bool:
        """Whether all that a node reads was written in this run. The node that reads nothing else begins it."""
        needed = [key for key, field in reads.model_fields.items() if field.is_required()]
        with self._lock:
            if needed == [GIVEN]:
                self._begin(state[GIVEN])
            pieces = self._runs.get(id(state[GIVEN]), {})
            return all(state[key] is pieces.get(key) for key in needed)

    def note(self, state: dict[str, Any], key: str, written: Any, *, own: bool) -> None:
        """Remember what a node wrote, if all that it read was written in this run; the outcome ends the run."""
        with self._lock:
            pieces = self._runs.get(id(state[GIVEN]))
            if pieces is not None and own and key != OUTCOME:
                pieces[key] = written
            else:
                self._runs.pop(id(state[GIVEN]), None)

    def forget(self, state: dict[str, Any]) -> None:
        """Forget a run that has failed, or waits."""
        with self._lock:
            self._runs.pop(id(state[GIVEN]), None)

    def _begin(self, submission: Any) -> None:
        self._runs[id(submission)] = {GIVEN: submission}
        while len(self._runs) > _MOST_AT_ONCE:
            self._runs.popitem(last=False)
