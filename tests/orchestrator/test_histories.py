"""Concurrent histories of eight clients are linearizable."""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import pytest
from support.builders import a_review, a_task, an_output
from support.linearizability import CHAIN, FINAL, Operation, is_linearizable
from support.sizes import sized

from hitl_orchestrator.errors import RequestRejected, ReviewAlreadyDecided

CLIENTS, TASKS = 8, 3
# Content, risk, confidence, and the level of the chain that the canonical policy requires; None is approved.
ROUTES = [
    ("doubtful", "low", 0.5, 0),
    ("doubtful", "low", 0.5, 0),
    ("risky", "high", 0.9, 1),
    ("sure", "low", 0.9, None),
]


class Client:
    """Calls operations at random, and records the times of calls and results."""

    def __init__(self, hitl, clock, names, chance):
        self._hitl, self._clock, self._names, self._chance = hitl, clock, names, chance
        self.history = []

    def ask(self):
        name = self._chance.choice(self._names)
        kind = self._chance.choices(["submit", "decide", "show"], [2, 4, 2])[0]
        if kind == "submit":
            content, risk, confidence, asks = self._chance.choice(ROUTES)
            task, output = a_task(name, risk_level=risk), an_output(name, confidence=confidence, label=content)
            self._note(name, kind, (content, asks), lambda: self._hitl.submit(task, output))
        elif kind == "show":
            self._note(name, kind, (), lambda: self._hitl.cases.get(task_id=name))
        else:
            stated = self._chance.choice([*FINAL, "escalate", "escalate"])
            reviewer = self._chance.choice(CHAIN)
            answer = a_review(stated, reviewer)
            self._note(name, kind, (reviewer, stated), lambda: self._hitl.decide(task_id=name, decision=answer))

    def _note(self, name, kind, given, act):
        call = next(self._clock)
        try:
            reported = ("status", act().status)
        except ReviewAlreadyDecided as refusal:
            reported = ("ReviewAlreadyDecided", refusal.reviewer, refusal.decision)
        except RequestRejected as refusal:
            reported = (type(refusal).__name__,)
        self.history.append((name, Operation(call, next(self._clock), kind, given, reported)))


def histories_of(hitl, number, operations):
    """Run eight concurrent clients; return the calls and results by task."""
    clock, together = count(), Barrier(CLIENTS)
    names = [f"task-{number}-{task}" for task in range(TASKS)]
    clients = [Client(hitl, clock, names, random.Random(f"{number} {client}")) for client in range(CLIENTS)]

    def work(client):
        together.wait()
        for _ in range(operations // CLIENTS):
            client.ask()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, clients))
    reported = [each for client in clients for each in client.history]
    return {name: [operation for about, operation in reported if about == name] for name in names}


@sized(("histories", "operations"), ci=(50, 32), soak=(2000, 64))
def test_concurrent_histories_are_linearizable(opened, durable_store, histories, operations):
    hitl, kinds = opened(durable_store, reviewers=None), set()

    for number in range(histories):
        for name, history in histories_of(hitl, number, operations).items():
            assert is_linearizable(history), (name, *sorted(history))
            kinds |= {operation.reported[0] for operation in history}

    assert kinds >= {"status", "UnknownCase", "TaskConflict", "CaseNotWaiting", "ReviewAlreadyDecided", "NotAuthorized"}
    assert hitl.recover() == []
    assert hitl.audit.verify().sound


# The checker itself.

ANA, MAX, ZOE = CHAIN
SUBMITTED = Operation(0, 1, "submit", ("doubtful", 0), ("status", "waiting"))


def decide(call, back, reviewer, stated, *reported):
    return Operation(call, back, "decide", (reviewer, stated), reported)


def show(call, back, *reported):
    return Operation(call, back, "show", (), reported)


SOUND = {
    "nothing": [],
    "one answer": [SUBMITTED, decide(2, 3, ANA, "approve", "status", "approved")],
    "two answers at once": [
        SUBMITTED,
        decide(2, 5, ANA, "approve", "ReviewAlreadyDecided", MAX, "reject"),
        decide(3, 4, MAX, "reject", "status", "rejected"),
    ],
    "the same answer twice": [
        SUBMITTED,
        decide(2, 3, ANA, "approve", "status", "approved"),
        decide(4, 5, ANA, "approve", "status", "approved"),
    ],
    "seen on its way": [
        Operation(0, 9, "submit", ("doubtful", 0), ("status", "waiting")),
        show(1, 2, "UnknownCase"),
        show(3, 4, "status", "received"),
        decide(5, 6, ANA, "approve", "CaseNotWaiting"),
        show(7, 8, "status", "waiting"),
    ],
    "answered what has just gone up": [
        SUBMITTED,
        decide(2, 6, MAX, "approve", "ReviewAlreadyDecided", ANA, "escalate"),
        decide(3, 4, ANA, "escalate", "status", "waiting"),
    ],
}
UNSOUND = {
    "two winners": [
        SUBMITTED,
        decide(2, 5, ANA, "approve", "status", "approved"),
        decide(3, 4, MAX, "reject", "status", "rejected"),
    ],
    "a decision that was lost": [
        SUBMITTED,
        decide(2, 3, ANA, "approve", "status", "approved"),
        show(4, 5, "status", "waiting"),
    ],
    "a decision that changed": [
        SUBMITTED,
        decide(2, 3, ANA, "approve", "status", "approved"),
        show(4, 5, "status", "rejected"),
    ],
    "time runs backwards": [
        SUBMITTED,
        decide(2, 9, ANA, "approve", "status", "approved"),
        show(3, 4, "status", "decided"),
        show(5, 6, "status", "waiting"),
    ],
    "another winner is reported": [
        SUBMITTED,
        decide(2, 3, ANA, "approve", "status", "approved"),
        decide(4, 5, MAX, "reject", "ReviewAlreadyDecided", ZOE, "approve"),
    ],
    "refused without a winner": [SUBMITTED, decide(2, 3, ANA, "approve", "ReviewAlreadyDecided", MAX, "reject")],
    "two contents": [SUBMITTED, Operation(2, 3, "submit", ("sure", None), ("status", "approved"))],
    "decided before it came": [decide(0, 1, ANA, "approve", "status", "approved"), SUBMITTED._replace(call=2, back=3)],
    "unknown after it came": [SUBMITTED, show(2, 3, "UnknownCase")],
    "went ahead without a person": [SUBMITTED._replace(reported=("status", "approved"))],
    "decided from below": [
        SUBMITTED,
        decide(2, 3, ANA, "escalate", "status", "waiting"),
        decide(4, 5, ANA, "approve", "status", "approved"),
    ],
    "passed up past the top": [SUBMITTED, decide(2, 3, ZOE, "escalate", "status", "waiting")],
    "acknowledged before it ran": [
        Operation(0, 1, "submit", ("doubtful", 0), ("status", "received")),
        show(2, 3, "status", "received"),
    ],
}


@pytest.mark.parametrize("history", SOUND.values(), ids=SOUND)
def test_the_checker_accepts_linearizable_histories(history):
    assert is_linearizable(history)


@pytest.mark.parametrize("history", UNSOUND.values(), ids=UNSOUND)
def test_the_checker_rejects_other_histories(history):
    assert not is_linearizable(history)
