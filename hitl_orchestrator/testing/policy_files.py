"""Collect policy test tables in pytest: a file with one test per row."""

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
    """Apply the role chain of a reviewers file to all tables; `name` is the setting that names the file.

    Raises:
        pytest.UsageError: the file is missing or invalid; the message lists every problem.
    """
    try:
        config.stash[_CHAIN] = load_people(file).chain
    except InvalidInput as exc:
        raise pytest.UsageError("\n".join(f"{name}: {problem}" for problem in exc.problems)) from None


class PolicyFile(pytest.File):
    """A policy test table."""

    def collect(self) -> Iterator["PolicyItem"]:
        """Yield the tests. An invalid file is a collection error that lists every problem."""
        try:
            chain = self._chain()
            table = load_policy_tests(self.path, chain)
        except InvalidInput as exc:
            raise self.CollectError("\n".join(exc.problems)) from None
        compiled = compile_policy(table.policy, chain)
        for test in table.tests:
            yield PolicyItem.from_parent(self, name=test.name, test=test, compiled=compiled)

    def _chain(self) -> RoleChain:
        """Return the role chain of the configured reviewers file, or else of the one that the CLI would use."""
        if _CHAIN not in self.config.stash:
            self.config.stash[_CHAIN] = load_people(read_settings().reviewers).chain
        return self.config.stash[_CHAIN]


class PolicyItem(pytest.Item):
    """One test of a policy."""

    def __init__(self, *, test: PolicyTest, compiled: CompiledPolicy, **given: Any) -> None:
        super().__init__(**given)
        self._test, self._compiled = test, compiled

    def runtest(self) -> None:
        """Compare the decision with the expected one."""
        decision = self._compiled.decide(self._test.facts.facts)
        mismatches = self._test.mismatches(decision)
        if mismatches:
            lines = [
                f"{each.field}: expected {format_answer(each.expected)}, actual {format_answer(each.actual)}"
                for each in mismatches
            ]
            tried = [f"  {each.rule_id} does not match: {each.why}" for each in decision.trace if not each.held]
            pytest.fail("\n".join([*lines, f"why: {decision.reason}", *tried]), pytrace=False)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Return the file and the name of the test."""
        return self.path, None, f"{self.path.name}: {self.name}"
