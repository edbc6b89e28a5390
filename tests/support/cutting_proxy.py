"""A proxy between a test and its PostgreSQL server, which causes a failure at a chosen point of the protocol."""

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from select import select
from threading import Event, Lock, Thread
from time import monotonic

WRITING = b"pg_advisory_xact_lock"
COMMIT = b"COMMIT\0"
BEFORE, SENT, ANSWERED = "before it arrives", "after it was sent", "after it was answered"
MOMENTS = (BEFORE, SENT, ANSWERED)


class Proxy:
    """Forwards everything until a writing transaction sends the expected words.

    Then it causes the failure and cuts the connection: before the words arrive, after they were sent, or after they
    were answered, in which case the client does not receive the answer.

    `round_trips` counts how often clients asked and waited for an answer.
    """

    def __init__(self, server: Path) -> None:
        self._server = str(server / ".s.PGSQL.5432")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = Lock()
        self._words: bytes | None = None
        self.done = Event()
        self.round_trips = 0
        self._connections: list[Connection] = []
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self, store: str) -> str:
        """Return the address of a store behind this proxy."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{store.rpartition('/')[2]}?sslmode=disable"

    def harm(self, moment: str, words: bytes = COMMIT, do: Callable[[], object] = lambda: None, after: int = 0) -> None:
        """Wait for these words, forward them `after` times, and cause the failure once."""
        self.done.clear()
        self._moment, self._do, self._left = moment, do, after
        self._words = words

    def has_struck(self) -> bool:
        """Whether the failure was triggered; if so, it is complete when this returns, and if not, none will follow."""
        with self._lock:
            is_armed, self._words = self._words is not None, None
        return not is_armed and self.done.wait(30)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self._server)
                except OSError:
                    client.close()
                    server.close()
                    continue
                self._connections.append(Connection(self, client, server))

    def is_it(self, data: bytes) -> bool:
        """Whether these are the expected words. Only one connection gets True."""
        with self._lock:
            if self._words is None or self._words not in data:
                return False
            self._left -= 1
            if self._left >= 0:
                return False
            self._words = None
            return True

    def do_harm(self, connection: "Connection", data: bytes) -> None:
        connection.muted = self._moment == ANSWERED
        if self._moment != BEFORE:
            connection.server.sendall(data)
        if self._moment == ANSWERED:
            connection.pass_on_until_answered()
        self._do()
        connection.cut()
        self.done.set()


class Connection:
    """One connection through the proxy, in two threads."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.muted, self.answered, self._writes = False, Event(), False
        self._was_answered = True
        self._threads = [Thread(target=self._guarded, args=(work,), daemon=True) for work in (self._ask, self._answer)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self.cut()
        for thread in self._threads:
            thread.join()
        self.client.close()
        self.server.close()

    def pass_on_until_answered(self) -> None:
        """Forward until the server answers: the message that requests the answer may follow the expected words."""
        until = monotonic() + 2
        while not self.answered.wait(0.01) and monotonic() < until:
            if select([self.client], [], [], 0)[0] and (data := self.client.recv(1 << 20)):
                self.server.sendall(data)

    def cut(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _guarded(self, work: Callable[[], None]) -> None:
        with suppress(OSError):
            work()
        self.cut()

    def _ask(self) -> None:
        while data := self.client.recv(1 << 20):
            # Asking again after an answer: the client has waited for it.
            self.proxy.round_trips += self._was_answered
            self._was_answered = False
            self._writes = self._writes or WRITING in data or b"checkpoint" in data
            if self._writes and self.proxy.is_it(data):
                self.proxy.do_harm(self, data)
                return
            if COMMIT in data:
                self._writes = False
            self.server.sendall(data)

    def _answer(self) -> None:
        unheard = b""
        while data := self.server.recv(1 << 20):
            self._was_answered = True
            if not self.muted:
                self.client.sendall(data)
                continue
            unheard += data
            if COMMIT in unheard:
                self.answered.set()
