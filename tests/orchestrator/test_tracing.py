"""Callbacks and tracers of the host application see nothing of a case, unless they are asked for."""

from contextvars import ContextVar

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.context import register_configure_hook
from langsmith.utils import get_env_var, tracing_is_enabled
from support.builders import a_task, an_output

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli.global_options import NO_OPTIONS
from hitl_orchestrator.cli.session import start

HOOKED = ContextVar("HOOKED", default=None)
register_configure_hook(HOOKED, inheritable=True)


@pytest.fixture(autouse=True)
def fresh_settings():
    """LangSmith reads environment variables once."""
    get_env_var.cache_clear()
    yield
    get_env_var.cache_clear()
    HOOKED.set(None)


class Listener(BaseCallbackHandler):
    """Collects the runs that it sees."""

    def __init__(self):
        self.runs, self.texts = [], ""

    def on_chain_start(self, serialized, inputs, **kwargs):
        self.runs.append(kwargs["name"])
        self.texts += repr(inputs)


def decided_within_a_host(hitl, listener):
    """Submit and decide a case within a chain of the host, and return the names of the runs that the host saw."""

    def host(name):
        hitl.submit(a_task(name, task_description="a secret", risk_level="medium"), an_output(name, confidence=0.7))
        hitl.decide(task_id=name, decision="approve", reviewer="domain_reviewer")
        return name

    RunnableLambda(host, name="host").invoke("task-1", {"callbacks": [listener]})
    return listener.runs


def test_callbacks_of_the_host_see_its_own_run_only():
    listener = Listener()
    with Orchestrator.open("memory://") as hitl:
        assert decided_within_a_host(hitl, listener) == ["host"]
    assert "a secret" not in listener.texts


def test_callbacks_of_the_host_see_the_graph_if_asked():
    with Orchestrator.open("memory://", tracing=True) as hitl:
        runs = decided_within_a_host(hitl, Listener())
    assert {"host", "route", "human_review", "finalize"} <= set(runs)


@pytest.mark.parametrize("asked", [False, True])
def test_a_hook_of_the_host_sees_the_classifier_only_if_asked(asked):
    listener = Listener()
    chain = RunnableLambda(lambda task: an_output(task.task_id), name="classifier")

    with Orchestrator.open("memory://", classifier=chain, tracing=asked) as hitl:
        HOOKED.set(listener)
        hitl.submit(a_task("task-1"))

    assert ("classifier" in listener.runs) is asked


@pytest.mark.parametrize("asked", [False, True])
def test_a_tracer_of_the_environment_is_off_in_the_classifier_unless_asked(monkeypatch, asked):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    seen = []

    def classifier(task):
        seen.append(bool(tracing_is_enabled()))
        return an_output(task.task_id)

    with Orchestrator.open("memory://", classifier=classifier, tracing=asked) as hitl:
        hitl.submit(a_task("task-1"))

    assert seen == [asked]


def test_the_command_line_asks_for_tracing_by_its_own_setting_alone(monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    assert not start(NO_OPTIONS).settings.tracing
    monkeypatch.setenv("HITL_TRACING", "1")
    assert start(NO_OPTIONS).settings.tracing
