"""What every test stands on: an environment without settings, ours or foreign, and how hard hypothesis tries."""

import os
import tempfile

pytest_plugins = ["support.postgres_fixtures"]

OURS_AND_THEIRS = ("HITL_", "LANGSMITH_", "LANGCHAIN_", "LANGGRAPH_")

# Before any other import: some of these are read once, when their library is imported.
for name in [name for name in os.environ if name.startswith(OURS_AND_THEIRS)]:
    del os.environ[name]

# A store in PostgreSQL keeps its key in the home directory of its user; tests must not use the developer's.
_home = tempfile.TemporaryDirectory(prefix="hitl-home-")
os.environ["HOME"] = _home.name

from hypothesis import Phase, settings  # noqa: E402

# CI shows a failure as it was found: to shrink a long one would end in the time limit of the test, which hides it.
as_found = (Phase.explicit, Phase.generate)
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100, print_blob=True, phases=as_found)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

import pytest  # noqa: E402


@pytest.fixture(autouse=True)
def environment_as_it_was():
    """Take back what a test, or a command that it ran in this process, put into the environment."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() | before.keys():
        if name.startswith(OURS_AND_THEIRS) and os.environ.get(name) != before.get(name):
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]
