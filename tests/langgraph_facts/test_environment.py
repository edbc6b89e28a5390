"""Settings that the libraries read from the environment."""

import pytest
from langsmith import tracing_context
from langsmith.utils import get_env_var, tracing_is_enabled


@pytest.fixture
def fresh_environment(monkeypatch):
    """Clear the cached settings before and after a test, and the variables that a command of ours has set."""
    for prefix in ("LANGSMITH", "LANGCHAIN"):
        for end in ("TRACING", "TRACING_V2"):
            monkeypatch.delenv(f"{prefix}_{end}", raising=False)
    get_env_var.cache_clear()
    yield
    get_env_var.cache_clear()


@pytest.mark.usefixtures("fresh_environment")
@pytest.mark.parametrize("name", ["LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"])
def test_tracing_to_an_outside_service_is_inherited_from_the_environment(monkeypatch, name):
    monkeypatch.setenv(name, "true")

    assert tracing_is_enabled() is True


@pytest.mark.usefixtures("fresh_environment")
def test_a_tracing_context_overrules_the_environment(monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")

    with tracing_context(enabled=False):
        assert tracing_is_enabled() is False
