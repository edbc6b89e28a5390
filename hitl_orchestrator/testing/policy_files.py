"""Tables of policy tests as pytest sees them: a file, and in it a test for each line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.compiled import CompiledPolicy, compile_policy
from hitl_orchestrator.policies.testing.test_tables import PolicyTest, format_answer
from hitl_orchestrator.services.config_files import load_people, load_policy_tests
from hitl_orchestrator.settings import read_settings

_CHAIN = pytest.StashKey[RoleChain]()


def use_chain_of(config: pytest.Config, name: str, file: Path) -> None:
    """Run all tables with the chain of roles of a file of reviewers, which the setting `name` names.

    Raises:
        pytest.UsageError: there is no such file, or it does not fit, with every problem in it.
    """
    try:
        config.stash[_CHAIN] = load_people(file).chain
    except InvalidInput as exc:
        raise pytest.UsageError("\n".join(f"{name}: {problem}" for problem in exc.problems)) from None


class PolicyFile(pytest.File):
    """A table of tests beside a policy."""

    def collect(self) -> Iterator["PolicyItem"]:
        """Yield its tests. A file that does not fit is an error of the collection, with every problem in it."""
        try:
            chain = self._chain()
            table = load_policy_tests(self.path, chain)
        except InvalidInput as exc:
            raise self.CollectError("\n".join(exc.problems)) from None
        compiled = compile_policy(table.policy, chain)
        for test in table.tests:
            yield PolicyItem.from_parent(self, name=test.name, test=test, compiled=compiled)

    def _chain(self) -> RoleChain:
        """Return the chain of the reviewers that pytest's settings name, else of those that a command would take."""
        if _CHAIN not in self.config.stash:
            self.config.stash[_CHAIN] = load_people(read_settings().reviewers).chain
        return self.config.stash[_CHAIN]


class PolicyItem(pytest.Item):
    """One test of a policy."""

    def __init__(self, *, test: PolicyTest, compiled: CompiledPolicy, **given: Any) -> None:
        super().__init__(**given)
        self._test, self._compiled = test, compiled

    def runtest(self) -> None:
        """Decide, and compare."""
        decision = self._compiled.decide(self._test.facts.facts)
        found = self._test.mismatches(decision)
        if found:
            told = [
                f"{one.field}: expected {format_answer(one.expected)}, found {format_answer(one.actual)}"
                for one in found
            ]
            tried = [f"  {one.rule_id} does not hold: {one.why}" for one in decision.trace if not one.held]
            pytest.fail("\n".join([*told, f"why: {decision.reason}", *tried]), pytrace=False)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Name the file and the test."""
        return self.path, None, f"{self.path.name}: {self.name}"
