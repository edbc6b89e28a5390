"""What a policy calculates from other facts: the counters by their names, and the values of its arithmetic."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES
from hitl_orchestrator.policies.language.calculated.arithmetic import names_in, parsed, value_of
from hitl_orchestrator.policies.language.calculated.counting import CONFIDENCE, INPUTS
from hitl_orchestrator.policies.language.model import Policy


class Calculation:
    """The counters and the arithmetic of one policy, without its layers."""

    def __init__(self, policy: Policy) -> None:
        self._counters = {name: declared.counter.key for name, declared in policy.history.items()}
        self._derived = {name: parsed(text) for name, text in policy.derived.items()}
        used = {name for part in self._derived.values() for name in names_in(part)}
        declared = {source: policy.declared(source) for source in INPUTS}
        self._sources = {name: source for source in INPUTS for name in declared[source] if name in used}
        self._declared = {name: declared[source][name] for name, source in self._sources.items()}

    @property
    def inputs(self) -> frozenset[str]:
        """The sources that the arithmetic reads."""
        return frozenset(self._sources.values())

    def of(self, facts: Facts) -> Facts:
        """Return facts with the values of this policy; those that are derived already stay.

        A counter that is unknown is missing, and so is arithmetic of which any part is.
        """
        if not self._counters and not self._derived:
            return facts
        given = facts.history
        found = {name: given.get(key, given.get(name)) for name, key in self._counters.items()}
        named = replace(facts, history={name: value for name, value in found.items() if value is not None})
        return named if facts.derived is not None else replace(named, derived=self._values(named))

    def _values(self, facts: Facts) -> dict[str, float]:
        values = {name: value_of(part, lambda used: self._value(facts, used)) for name, part in self._derived.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _value(self, facts: Facts, name: str) -> Any:
        """Return the value of a name in arithmetic; None if it is missing, or not as declared."""
        if name == CONFIDENCE:
            return facts.confidence if facts.has_proposal else None
        source = SOURCES[self._sources[name]]
        value = source.value(facts, name) if isinstance(source.values(facts), Mapping) else None
        return value if self._declared[name].fits(value) else None
