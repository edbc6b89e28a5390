"""The graphs in which oversight may run: those that hold the pause, and find their case again after a crash."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from langgraph._internal import _constants
from langgraph.checkpoint.memory import InMemorySaver
from support.embedded_agent import agent_on, place

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.integrations.langgraph import LangGraphResumer, check_parent
from hitl_orchestrator.integrations.langgraph import place as keys

CALL = {"calls": [{"id": "call_0", "arguments": {"to": "ann"}}]}


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


def test_a_parent_that_would_lose_the_pause_is_refused_with_the_remedy(hitl):
    without, exits = agent_on(None, hitl), agent_on(InMemorySaver(), hitl)
    cases = len(hitl.inbox())

    with pytest.raises(InvalidInput, match=r"no checkpointer.*compile it with one"):
        check_parent(without)
    with pytest.raises(InvalidInput, match=r"no checkpointer.*compile it with one"):
        LangGraphResumer(without)
    with pytest.raises(InvalidInput, match=r"no checkpointer.*compile it with one"):
        without.invoke(CALL)
    with pytest.raises(InvalidInput, match="run the graph with durability='sync'"):
        exits.invoke(CALL, place("t"), durability="exit")
    assert len(hitl.inbox()) == cases


class SlowSaver(InMemorySaver):
    """Stores no checkpoint before it is released."""

    def __init__(self):
        super().__init__()
        self.released = Event()

    def put(self, *checkpoint):
        self.released.wait(30)
        return super().put(*checkpoint)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_case_is_stored_after_the_checkpoint_whatever_the_durability(hitl, asynchronous):
    saver, asked = SlowSaver(), Event()

    class Watched:
        """The orchestrator, which reports when it is asked."""

        def __getattr__(self, name):
            return getattr(hitl, name)

        def ask(self, *key, **named):
            asked.set()
            return hitl.ask(*key, **named)

    agent, given = agent_on(saver, Watched), (CALL, place("t"))
    run_it = (lambda: asyncio.run(agent.ainvoke(*given))) if asynchronous else (lambda: agent.invoke(*given))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_it)
        assert not asked.wait(0.2)
        saver.released.set()
        running.result()

    assert asked.is_set()


def test_the_keys_of_the_configuration_are_those_of_the_installed_langgraph():
    assert keys.CHECKPOINTER == _constants.CONFIG_KEY_CHECKPOINTER
    assert keys.DURABILITY == _constants.CONFIG_KEY_DURABILITY
    assert keys.RESUME_MAP == _constants.CONFIG_KEY_RESUME_MAP
    assert keys.SCRATCHPAD == _constants.CONFIG_KEY_SCRATCHPAD
    assert (keys.RESUME, keys.NO_TASK) == (_constants.RESUME, _constants.NULL_TASK_ID)
    assert (keys.PULL, keys.PUSH) == (_constants.PULL, _constants.PUSH)
