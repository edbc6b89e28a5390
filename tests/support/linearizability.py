"""Check concurrent histories for linearizability, with the search of Wing, Gong and Lowe.

An operation takes one to three steps, each at one instant between its call and its return, as the manual tells them:
`decide` reads the case, then decides the review that it read, then resumes the case. Steps that no caller starts, such
as a case going on, happen at any time. A history is sound if some order of steps explains every result.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

CHAIN = ("domain_reviewer", "senior_manager", "compliance_officer")
FINAL = {
    "approve": "approved",
    "reject": "rejected",
    "modify": "modified_and_approved",
    "override": "override_approved",
}
NEW, DONE = "new", "done"


class Operation(NamedTuple):
    """A call of a client, its times of call and return, and its result."""

    call: int
    back: int
    name: str
    given: tuple[Any, ...]
    reported: tuple[Any, ...]


class Asked(NamedTuple):
    """One review: the level of the chain, and the answer."""

    level: int
    answer: tuple[str, str] | None = None


class State(NamedTuple):
    """One task: its content, the level that its rule requires, its reviews, and its status."""

    content: str
    asks: int | None
    status: str = "received"
    reviews: tuple[Asked, ...] = ()


def goes_on(state: State | None) -> Iterator[State]:
    """Yield the states that a case reaches without a call."""
    if state is not None and state.status == "received":
        if state.asks is None:
            yield state._replace(status="approved")
        else:
            yield state._replace(status="waiting", reviews=(Asked(state.asks),))
    if state is not None and state.status == "decided":
        yield state._replace(status=FINAL[state.reviews[-1].answer[1]])


def steps(state: State | None, asked: Operation, progress: Any) -> Iterator[tuple[State | None, Any]]:
    """Yield the possible results of one step of an operation: the state after it, and its progress."""
    yield from STEPS[asked.name](state, asked, progress)


def _submit(state: State | None, asked: Operation, progress: Any) -> Iterator[tuple[State | None, Any]]:
    content, asks = asked.given
    if progress == NEW and state is None:
        yield State(content, asks), "taken in"
    elif progress == NEW and state.content != content:
        yield from _if(asked, ("TaskConflict",), state)
    elif progress == NEW:
        yield state, "taken in"
    elif state.status != "received":
        yield from _if(asked, ("status", state.status), state)


def _show(state: State | None, asked: Operation, progress: Any) -> Iterator[tuple[State | None, Any]]:
    yield from _if(asked, ("UnknownCase",) if state is None else ("status", state.status), state)


def _decide(state: State | None, asked: Operation, progress: Any) -> Iterator[tuple[State | None, Any]]:
    if state is None:
        yield from _if(asked, ("UnknownCase",), state)
    elif progress == NEW and not state.reviews:
        yield from _if(asked, ("CaseNotWaiting",), state)
    elif progress == NEW:
        answers = [review.answer for review in state.reviews]
        given_before = asked.given in answers
        yield state, ("saw", answers.index(asked.given) if given_before else len(answers) - 1)
    elif progress[0] == "saw":
        yield from _answer(state, asked, progress[1])
    elif progress[1] == "escalate" or state.status in FINAL.values():
        yield from _if(asked, ("status", state.status), state)


def _answer(state: State, asked: Operation, seen: int) -> Iterator[tuple[State | None, Any]]:
    """Answer the review that was seen."""
    reviewer, stated = asked.given
    place, review = CHAIN.index(reviewer), state.reviews[seen]
    if place < review.level:
        yield from _if(asked, ("NotAuthorized",), state)
    elif stated == "escalate" and place == len(CHAIN) - 1:
        yield from _if(asked, ("TopOfChain",), state)
    elif review.answer == asked.given:
        yield state, ("ran on", stated)
    elif review.answer is not None:
        yield from _if(asked, ("ReviewAlreadyDecided", *review.answer), state)
    else:
        reviews = (*state.reviews[:-1], Asked(review.level, asked.given))
        if stated == "escalate":
            yield state._replace(reviews=(*reviews, Asked(place + 1))), ("ran on", stated)
        else:
            yield state._replace(reviews=reviews, status="decided"), ("ran on", stated)


STEPS = {"submit": _submit, "show": _show, "decide": _decide}


def _if(asked: Operation, reported: tuple[Any, ...], state: State | None) -> Iterator[tuple[State | None, Any]]:
    if asked.reported == reported:
        yield state, DONE


def is_linearizable(history: Iterable[Operation], state: State | None = None) -> bool:
    """Whether some order of the steps explains the result of every operation on one task."""
    operations = sorted(history)
    pending = [(state, (NEW,) * len(operations))]
    seen = set(pending)
    while pending:
        state, progress = pending.pop()
        open_ones = [number for number, how_far in enumerate(progress) if how_far != DONE]
        if not open_ones:
            return True
        first_back = min(operations[number].back for number in open_ones)
        reached = [(behind, progress) for behind in goes_on(state)]
        for number in open_ones:
            if operations[number].call < first_back:
                for behind, how_far in steps(state, operations[number], progress[number]):
                    reached.append((behind, (*progress[:number], how_far, *progress[number + 1 :])))
        fresh = [each for each in reached if each not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return False
