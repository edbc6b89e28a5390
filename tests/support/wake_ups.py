"""Processes that wake up at once for one approved call, each with several threads.

Run as a script: STORE KEY PROCESSES THREADS EFFECTS. It imports once and forks, and prints the result of each wake-up.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import Any

from hitl_orchestrator import Orchestrator, RequestRejected
from support.calls import ask


def wake_up(hitl: Orchestrator, key: str, call: Callable[[dict[str, Any]], Any]) -> str:
    """Make an approved call unless it was made, and return its result or the refusal."""
    try:
        return str(ask(hitl, key).run(call))
    except RequestRejected as exc:
        return type(exc).__name__


def race(hitl: Orchestrator, key: str, threads: int, call: Callable[[dict[str, Any]], Any]) -> list[str]:
    """Wake up in so many threads at once."""
    together = Barrier(threads)

    def one(_: int) -> str:
        together.wait()
        return wake_up(hitl, key, call)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(threads)))


def take_part(arguments: tuple[str, str, int, str], wait: Callable[[], object]) -> None:
    """Open the store in this process, wait for the others, and race."""
    store, key, threads, effects = arguments

    def call(given: dict[str, Any]) -> str:
        with Path(effects).open("a") as file:
            file.write(f"{given['amount']}\n")
        return "made"

    with Orchestrator.open(store) as hitl:
        wait()
        for line in race(hitl, key, threads, call):
            os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    store, key, processes, threads, effects = sys.argv[1:]
    context = get_context("fork")
    barrier = context.Barrier(int(processes))
    arguments = (store, key, int(threads), effects)
    children = [context.Process(target=take_part, args=(arguments, barrier.wait)) for _ in range(int(processes))]
    for child in children:
        child.start()
    for child in children:
        child.join()
    sys.exit(max(child.exitcode or 0 for child in children))
