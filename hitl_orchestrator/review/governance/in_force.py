"""The people in force, which every request uses, and their earlier versions."""

from threading import Lock

from hitl_orchestrator.review.governance.history import PeopleHistory
from hitl_orchestrator.review.people import People


class PeopleRegistry:
    """The people in force and their history. Threads may share it.

    `people` stays the same object: it takes over each version that comes into force.
    """

    def __init__(self, history: PeopleHistory) -> None:
        self._history, self._changing = history, Lock()
        self._versions: dict[str, People] = {}
        self.people = self.version(str(history.current)).snapshot()

    @property
    def history(self) -> PeopleHistory:
        """The recorded history of people."""
        return self._history

    def put_in_force(self, history: PeopleHistory) -> bool:
        """Apply a history from the ledger, and return whether other people came into force.

        An older history than the current one changes nothing. Raises `TamperedPeople`; nothing changes.
        """
        people = history.people(str(history.current))
        with self._changing:
            if history.seen <= self._history.seen:
                return False
            self._history = history
            if history.current == self.people.hash:
                return False
            self.people.take_over(people)
            return True

    def version(self, people_hash: str) -> People:
        """Return the people of a version. Raises `TamperedPeople`."""
        if people_hash not in self._versions:
            self._versions[people_hash] = self._history.people(people_hash)
        return self._versions[people_hash]
