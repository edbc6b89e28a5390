"""Group commit: threads write in the order of their arrival, and those that wait share one commit.

A thread that finished its transaction hands the open database transaction to the next thread that waits, and returns
once the last of them has committed for all. A thread that writes alone commits at once.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock, get_ident
from time import monotonic
from typing import Generic, TypeVar

from hitl_orchestrator.errors import StoreUnavailable

LARGEST_GROUP = 64
"""The number of transactions that share a commit."""

LONGEST_GROUP_SECONDS = 0.05
"""The time after which a group is committed although other threads wait to join it."""

C = TypeVar("C")


class Group(Generic[C]):
    """Transactions that share a commit. Only the thread that has the turn uses it.

    `connection` is None until the transaction of the database has begun, and again once it was rolled back before
    another thread joined. `error` says why nothing of the group was committed.
    """

    __slots__ = ("_until", "connection", "error", "flush", "is_open", "members")

    def __init__(self, *, flush: bool) -> None:
        self.flush, self.is_open = flush, True
        self.connection: C | None = None
        self.error: str | None = None
        self.members: list[Lock] = []
        self._until = monotonic() + LONGEST_GROUP_SECONDS

    def takes(self, *, flush: bool) -> bool:
        """Return whether another transaction may join. One that needs a flush joins no unflushed commit."""
        has_room = len(self.members) + 1 < LARGEST_GROUP and monotonic() < self._until
        return self.is_open and has_room and (self.flush or not flush)


class _Waiting(Generic[C]):
    """A thread that waits for its turn. It has the turn once it has a group."""

    __slots__ = ("flush", "group", "lock", "thread")

    def __init__(self, *, flush: bool, thread: int) -> None:
        self.flush, self.thread, self.lock = flush, thread, _locked()
        self.group: Group[C] | None = None


class WriterQueue(Generic[C]):
    """The turn to write, which one thread has at a time."""

    def __init__(self, url: str, end: Callable[[Group[C]], None] = lambda group: None) -> None:
        """`end` commits or rolls back a group; it sets `error` if nothing was committed. `url` is for messages."""
        self._url, self._end, self._mutex = url, end, Lock()
        self._waiting: deque[_Waiting[C]] = deque()
        self._writer = 0

    def turn(self, *, flush: bool, until: float) -> Group[C]:
        """Wait for the turn, and return the group to join, or a new one. The caller ends its turn with `leave`.

        Raises:
            StoreUnavailable: other threads wrote until this time of the monotonic clock, or this thread has the turn.
        """
        with self._mutex:
            if not self._writer:
                self._writer = get_ident()
                return Group(flush=flush)
            if self._writer == get_ident():
                raise StoreUnavailable(self._url, "this thread has a transaction open that writes to it; end it first")
            mine = _Waiting[C](flush=flush, thread=get_ident())
            self._waiting.append(mine)
        try:
            mine.lock.acquire(timeout=max(0.0, until - monotonic()))
        except BaseException:
            if (group := self._given_up(mine)) is not None:
                self.leave(group)
            raise
        group = self._given_up(mine)
        if group is None:
            raise StoreUnavailable(self._url, "other threads of this process wrote to it for too long; try again")
        return group

    def leave(self, group: Group[C]) -> None:
        """Give the turn to the next thread, and return when the group was committed, or `error` says why not."""
        with self._mutex:
            joining = bool(self._waiting) and group.connection is not None and group.takes(flush=self._waiting[0].flush)
            if joining:
                ended = _locked()
                group.members.append(ended)
                self._give_turn(group)
        if joining:
            # The thread that commits releases it. Interrupted, this thread does not learn the result.
            ended.acquire()
            return
        try:
            self._end(group)
        finally:
            try:
                with self._mutex:
                    self._give_turn(None)
            finally:
                for member in group.members:
                    member.release()

    def _give_turn(self, group: Group[C] | None) -> None:
        """Give the turn to the first thread that waits, with this group or a new one."""
        if not self._waiting:
            self._writer = 0
            return
        first = self._waiting.popleft()
        self._writer = first.thread
        first.group = group or Group(flush=first.flush)
        first.lock.release()

    def _given_up(self, mine: _Waiting[C]) -> Group[C] | None:
        """Return the group of a thread that no longer waits, None if it did not get the turn."""
        with self._mutex:
            if mine.group is None:
                self._waiting.remove(mine)
            return mine.group


def _locked() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock
