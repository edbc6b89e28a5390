"""Tables of policy tests as pytest sees them: a file, and in it a test for each line."""

from collections.abc import Iterator
from typing import Any

import pytest

from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.errors import UnfitInput
from hitl_orchestrator.loading import load_policy_tests
from hitl_orchestrator.policies.engine import CompiledPolicy, compile_policy
from hitl_orchestrator.policies.tables import PolicyTest, shown


class PolicyFile(pytest.File):
    """A table of tests beside a policy."""

    def collect(self) -> Iterator["PolicyItem"]:
        """Yield its tests. A file that does not fit is an error of the collection, with every problem in it."""
        try:
            table = load_policy_tests(self.path, DEFAULT_CHAIN)
        except UnfitInput as exc:
            raise self.CollectError("\n".join(exc.problems)) from None
        compiled = compile_policy(table.policy)
        for test in table.tests:
            yield PolicyItem.from_parent(self, name=test.name, test=test, compiled=compiled)


class PolicyItem(pytest.Item):
    """One test of a policy."""

    def __init__(self, *, test: PolicyTest, compiled: CompiledPolicy, **given: Any) -> None:
        super().__init__(**given)
        self._test, self._compiled = test, compiled

    def runtest(self) -> None:
        """Decide, and compare."""
        decision = self._compiled.decide(self._test.facts.facts)
        found = self._test.differences(decision)
        if found:
            told = [f"{one.what}: expected {shown(one.expected)}, found {shown(one.found)}" for one in found]
            tried = [f"  {one.rule_id} does not hold: {one.why}" for one in decision.trace if not one.held]
            pytest.fail("\n".join([*told, f"why: {decision.reason}", *tried]), pytrace=False)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Name the file and the test."""
        return self.path, None, f"{self.path.name}: {self.name}"
