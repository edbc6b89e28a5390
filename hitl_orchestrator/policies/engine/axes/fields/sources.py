"""Where the values of fields come from, and how sentences name them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hitl_orchestrator.domain.counting.field_path import value_at, with_value_at
from hitl_orchestrator.domain.decision import Facts


@dataclass(frozen=True, eq=False)
class Source:
    """A source of fields: an attribute of facts, of conditions and of policies, and a column of a data frame.

    `owner` has the fields in a sentence, and `words` the nouns of some of them: `the proposal's label`. Without an
    owner a field is named as in the policy. No change of a field in `never_suggested` is suggested to a submitter.
    The values of a source that is `of_output` are missing where there is no proposal; those of one that is
    `calculated` follow from other facts, and no change of them is suggested.
    """

    name: str
    owner: str = field(default="", repr=False)
    words: Mapping[str, str] = field(default_factory=dict, repr=False)
    never_suggested: frozenset[str] = field(default=frozenset(), repr=False)
    of_output: bool = field(default=False, repr=False)
    calculated: bool = field(default=False, repr=False)

    def subject(self, name: str) -> str:
        """Return a field as sentences name it."""
        noun = self.words.get(name, name)
        return f"{self.owner}'s {noun}" if self.owner else noun

    def values(self, facts: Facts) -> Mapping[str, Any]:
        """Return the values of all fields."""
        if self.of_output and not facts.has_proposal:
            return {}
        found: Mapping[str, Any] | None = getattr(facts, self.name)
        # What is not calculated yet is unknown; anything else that is no object is reported.
        return {} if found is None and self.calculated else found  # type: ignore[return-value]

    def value(self, facts: Facts, name: str) -> Any:
        """Return the value of a field; None where it is missing."""
        return value_at(self.values(facts), name)

    def with_value(self, facts: Facts, name: str, value: Any) -> Facts:
        """Return the facts with another value of a field; without the field for None."""
        changes: dict[str, Any] = {self.name: with_value_at(getattr(facts, self.name) or {}, name, value)}
        return replace(facts, **changes)


METADATA = Source("metadata")
PROPOSAL = Source(
    "proposal",
    owner="the proposal",
    words={"predicted_label": "label"},
    # Another label is another proposal, of another confidence.
    never_suggested=frozenset({"predicted_label", "explanation"}),
    of_output=True,
)
AGENT = Source("agent", owner="the agent", never_suggested=frozenset({"id", "model", "version"}), of_output=True)

HISTORY, DERIVED = (Source(name, calculated=True) for name in ("history", "derived"))

SOURCES = {source.name: source for source in (METADATA, PROPOSAL, AGENT, HISTORY, DERIVED)}
"""All sources of fields by name, in the order in which the conditions of a rule are evaluated."""
