"""For pytest: the fixtures `hitl`, `reviewer` and `clock`, and the tables of policy tests that stand among the tests.

Both are found by themselves. Nothing is imported until a test asks for a fixture, or a table is there, or reviewers
are named, with whose chain of roles tables are run.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hitl_orchestrator.orchestrator import Orchestrator
    from hitl_orchestrator.testing.clock import Clock
    from hitl_orchestrator.testing.policy_files import PolicyFile
    from hitl_orchestrator.testing.reviewers import SimulatedReviewer

# Those of `policies.tables`, which is not imported for files that are none.
_TABLES = (".policy-test.yaml", ".policy-test.yml", ".policy-test.csv")
_OPTION, _INI = "--hitl-reviewers", "hitl_reviewers"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what names the reviewers, on the command line and in the file of settings."""
    told = "the reviewers whose chain of roles the tables of policy tests are run with"
    parser.getgroup("hitl").addoption(_OPTION, metavar="FILE", default=None, help=f"{told}; before the ini-option.")
    parser.addini(_INI, f"{told}, a file beside this one. Default: HITL_REVIEWERS, else a seat per role.")


def pytest_configure(config: pytest.Config) -> None:
    """Read the reviewers that are named, so that a file that does not fit is refused before any test runs."""
    typed, written = config.getoption(_OPTION), config.getini(_INI)
    if typed or written:
        from hitl_orchestrator.testing.policy_files import use_chain_of  # noqa: PLC0415 - most runs name none

        beside = config.rootpath if config.inipath is None else config.inipath.parent
        name, folder = (_OPTION, config.invocation_params.dir) if typed else (_INI, beside)
        use_chain_of(config, name, folder / (typed or written))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "PolicyFile | None":
    """Collect the tests of a policy, `*.policy-test.yaml` and `*.policy-test.csv`."""
    if not file_path.name.endswith(_TABLES):
        return None
    from hitl_orchestrator.testing.policy_files import PolicyFile  # noqa: PLC0415

    return PolicyFile.from_parent(parent, path=file_path)


@pytest.fixture
def clock() -> "Clock":
    """A clock that stands still until the test moves it: `clock.advance(hours=2)`."""
    from hitl_orchestrator.testing.clock import Clock  # noqa: PLC0415 - most runs of pytest use none of this

    return Clock()


@pytest.fixture
def hitl(clock: "Clock") -> "Iterator[Orchestrator]":
    """An orchestrator in memory on the clock, with the canonical policy and a seat for each role."""
    from hitl_orchestrator.orchestrator import Orchestrator  # noqa: PLC0415

    with Orchestrator.open("memory://", clock=clock) as opened:
        yield opened


@pytest.fixture
def reviewer(hitl: "Orchestrator") -> "Callable[..., SimulatedReviewer]":
    """Return a simulated reviewer by the id of a reviewer of `hitl`: `reviewer("senior_manager", accuracy=0.8)`."""
    from hitl_orchestrator.testing.reviewers import Habits, SimulatedReviewer  # noqa: PLC0415

    def simulated(reviewer_id: str = "domain_reviewer", *, seed: int = 0, **habits: Any) -> SimulatedReviewer:
        return SimulatedReviewer(hitl.services.people.named(reviewer_id), Habits(**habits), seed)

    return simulated
