"""LangGraph lets every one of several answers through: taking one decision only is our tables' work."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command, interrupt

ANSWERS = [f"{decision} by {person}" for person in range(8) for decision in ("approve", "reject")]


def test_sixteen_conflicting_answers_at_once_are_all_carried_out(line_on, thread, tmp_path):
    together = threading.Barrier(len(ANSWERS), timeout=120)
    acted = []

    def human_review(state):
        answer = interrupt("approve?")
        together.wait()
        return {"review": answer}

    def act(state):
        acted.append(state["review"])

    def with_own_connection(step):
        database = tmp_path / "shared.db"
        with closing(sqlite3.connect(database, timeout=120, check_same_thread=False)) as connection:
            return line_on(human_review, act, checkpointer=SqliteSaver(connection)).invoke(step, thread)

    with_own_connection({"task": "refund"})
    with ThreadPoolExecutor(len(ANSWERS)) as people:
        list(people.map(with_own_connection, [Command(resume=answer) for answer in ANSWERS]))

    assert sorted(acted) == sorted(ANSWERS)
