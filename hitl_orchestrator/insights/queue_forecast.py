"""The expected time until a reviewer begins a case, from arrivals and capacity.

The model is M/M/c: cases arrive at random, each of c reviewers takes a random time per case, and all share one queue.
Erlang, A. K. (1917): Solution of some problems in the theory of probabilities of significance in automatic telephone
exchanges. Elektroteknikeren 13, 5-13; Kleinrock, L. (1975): Queueing Systems, volume 1, section 3.5. It ignores
nights, weekends and deadlines, so the result applies to an even flow.
"""

from typing import NamedTuple

from hitl_orchestrator.errors import InvalidInput


class Capacity(NamedTuple):
    """The number of people in a role, and the cases that each decides per day."""

    people: int
    each: float

    @property
    def a_day(self) -> float:
        """The cases that all of them decide per day."""
        return self.people * self.each


def capacity_of(text: str) -> tuple[str, Capacity]:
    """Read `ROLE=N`, or `ROLE=PEOPLExN`.

    Raises:
        InvalidInput: the text has neither form.
    """
    role, _, value = text.rpartition("=")
    people, times, each = value.rpartition("x")
    try:
        capacity = Capacity(int(people) if times else 1, float(each))
    except ValueError:
        capacity = Capacity(0, 0)
    if not role or capacity.people < 1 or not 0 < capacity.each <= 1e9 or capacity.people > 100_000:  # noqa: PLR2004
        raise InvalidInput(
            [f"--capacity {text}: write cases per day, such as domain_reviewer=40, or 3x40 for three people"]
        )
    return role, capacity


def expected_wait(a_day: float, capacity: Capacity) -> float | None:
    """Return the average days until a reviewer begins a case; None where the queue grows without bound.

    With the load a = λ/μ on c people it is C(c, a) / (cμ - λ), where C is the probability that all are busy (Erlang's
    C).
    """
    if a_day >= capacity.a_day:
        return None
    load = a_day / capacity.each
    free = 1.0
    # Erlang's B by its recursion, which stays within [0, 1]; C follows from it.
    for people in range(1, capacity.people + 1):
        free = load * free / (people + load * free)
    busy = capacity.people * free / (capacity.people - load * (1 - free))
    return busy / (capacity.a_day - a_day)
