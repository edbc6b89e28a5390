"""Imports everything once and forks a child for each order, whose threads write to a store until it is killed.

An order is a line with the address of a store and a name. The child prints its process id, then each case that was
acknowledged; `ended` follows once it is gone.
"""

import os
import sys
from contextlib import closing, suppress
from importlib import import_module
from itertools import count
from threading import Thread

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.wiring.stores import open_ledger
from support.builders import AGENT, a_submission, a_task

THREADS = 16


def say(line: str) -> None:
    """Print a line at once: a short write to a pipe is never mixed with another."""
    os.write(1, f"{line}\n".encode())


def write(ledger: Ledger, name: str) -> None:
    with suppress(StoreUnavailable):
        for number in count():
            say(ledger.receive(a_submission(case := f"{name}-{number}", a_task(case)), AGENT).case_id)


def be_killed(store: str, name: str) -> None:
    with closing(open_ledger(store)) as ledger:
        threads = [Thread(target=write, args=(ledger, f"{name}-{number}")) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main() -> None:
    for module in ("sqlite", "migrate", *sys.argv[1:]):
        import_module(f"hitl_orchestrator.ledger.database.{module}")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            say(f"{os.getpid()}")
            be_killed(*line.split())
            os._exit(0)
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main()
