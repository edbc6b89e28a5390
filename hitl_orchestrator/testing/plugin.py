"""The pytest plugin: the fixtures `hitl`, `reviewer` and `clock`, and the collection of policy test tables.

It imports nothing until a test uses a fixture, a table is collected, or a reviewers file is configured.
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

# As in `policies.testing`, which is imported only for these files.
_TABLES = (".policy-test.yaml", ".policy-test.yml", ".policy-test.csv")
_OPTION, _INI = "--hitl-reviewers", "hitl_reviewers"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting for the reviewers file."""
    what = "the reviewers file whose role chain applies to policy test tables"
    parser.getgroup("hitl").addoption(_OPTION, metavar="FILE", default=None, help=f"{what}; overrides the ini option.")
    parser.addini(_INI, f"{what}, relative to the ini file. Default: HITL_REVIEWERS, else one reviewer per role.")


def pytest_configure(config: pytest.Config) -> None:
    """Read the configured reviewers file, so that an invalid file fails before any test runs."""
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
    """Return a clock that moves only when the test advances it: `clock.advance(hours=2)`."""
    from hitl_orchestrator.testing.clock import Clock  # noqa: PLC0415 - most runs of pytest use none of this

    return Clock()


@pytest.fixture
def hitl(clock: "Clock") -> "Iterator[Orchestrator]":
    """Yield an orchestrator in memory on the clock, with the bundled policy and one reviewer per role."""
    from hitl_orchestrator.orchestrator import Orchestrator  # noqa: PLC0415

    with Orchestrator.open("memory://", clock=clock) as opened:
        yield opened


@pytest.fixture
def reviewer(hitl: "Orchestrator") -> "Callable[..., SimulatedReviewer]":
    """Return a factory of simulated reviewers by reviewer id: `reviewer("senior_manager", accuracy=0.8)`."""
    from hitl_orchestrator.testing.reviewers import Habits, SimulatedReviewer  # noqa: PLC0415

    def simulated(reviewer_id: str = "domain_reviewer", *, seed: int = 0, **habits: Any) -> SimulatedReviewer:
        return SimulatedReviewer(hitl.reviews.person(reviewer_id), Habits(**habits), seed)

    return simulated
