"""Time: of contenders that take turns in one process, and of whole processes."""

import gc
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]


class Spent(NamedTuple):
    """Seconds by the clock, and seconds of the processor in this process with all its threads."""

    wall: float
    cpu: float

    @property
    def ms(self) -> float:
        """Milliseconds by the clock."""
        return 1000 * self.wall

    def over(self, other: "Spent") -> tuple[float, float]:
        """Return how many times as much as another, by the clock and of the processor."""
        return self.wall / other.wall, self.cpu / max(other.cpu, 1e-9)


def spent(work: Callable[[], object]) -> Spent:
    """Run once, and return the time."""
    began, cpu = perf_counter(), process_time()
    work()
    return Spent(perf_counter() - began, process_time() - cpu)


def in_turns(contenders: Mapping[str, Callable[[int], object]], rounds: int, warm: int = 10) -> dict[str, Spent]:
    """Return the medians of contenders that run once in each round, each round in another order.

    A busy machine slows all of them, so that their ratio is what counts. A contender gets the number of the round.
    """
    order, taken, dice = list(contenders), {name: list[Spent]() for name in contenders}, random.Random(0)
    gc.collect()
    gc.freeze()  # what was prepared costs no contender a collection
    try:
        for number in range(rounds + warm):
            dice.shuffle(order)
            for name in order:
                took = spent(lambda: contenders[name](number))  # noqa: B023 - called at once
                if number >= warm:
                    taken[name].append(took)
    finally:
        gc.unfreeze()
    return {name: medians(each) for name, each in taken.items()}


def medians(taken: Sequence[Spent]) -> Spent:
    """Return the median of each column."""
    return Spent(median(one.wall for one in taken), median(one.cpu for one in taken))


class Child(NamedTuple):
    """What a whole process took."""

    s: float
    cpu_s: float
    peak_mb: float


# On Linux the peak of a process includes that of the process that started it, which is therefore a small one.
_STARTER = """
import json, os, sys, time
began, pid = time.perf_counter(), os.fork()
if not pid:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
unit = 1024 * (1024 if sys.platform == "darwin" else 1)
times = time.perf_counter() - began, usage.ru_utime + usage.ru_stime
print(json.dumps([*times, usage.ru_maxrss / unit, os.waitstatus_to_exitcode(status)]))
"""


def child(arguments: Sequence[str]) -> Child:
    """Run Python with these arguments in a process of its own, and return its time and its peak memory.

    It keeps compiled modules, as an installed package has them, whatever the environment says.
    """
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    starter = [sys.executable, "-S", "-c", _STARTER, sys.executable, *arguments]
    done = subprocess.run(starter, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, env=compiled)
    *figures, ended = json.loads(done.stdout)
    if ended:
        raise subprocess.CalledProcessError(ended, list(arguments))
    return Child(*figures)


class Worker:
    """A process that is ready to work, and works for a time when it is asked to."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)

    def wait(self) -> Any:
        """Return the next line that the process writes, as JSON."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(map(str, self._process.args))} ended")  # type: ignore[arg-type]
        return json.loads(line)

    def go(self, seconds: float) -> None:
        """Let it work for this number of seconds; `wait` returns what it did."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def serve(work: Callable[[int], object]) -> None:
    """Be a `Worker`: work as often as possible in the seconds that are asked for, and write how often and how long."""
    number = 0

    def once() -> None:
        nonlocal number
        work(number)
        number += 1

    for _ in range(5):
        once()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        first, began, cpu = number, perf_counter(), process_time()
        while perf_counter() - began < float(line):
            once()
        took = perf_counter() - began, process_time() - cpu
        print(json.dumps([number - first, *took]), flush=True)


def together(workers: Sequence[Worker], seconds: float) -> tuple[float, float]:
    """Let workers work at the same time; return what they did a second, and a second of their processors."""
    for worker in workers:
        worker.go(seconds)
    done = [worker.wait() for worker in workers]
    return sum(count / wall for count, wall, _ in done), sum(each[0] for each in done) / sum(each[2] for each in done)
