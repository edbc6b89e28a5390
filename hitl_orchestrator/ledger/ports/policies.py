"""The port of policies, people and configuration in a ledger."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.ledger.events.chain import Draft


class Policies(Protocol):
    """The policies of a store, and the ledger entries about policies, people and the configuration."""

    def policy(self, policy_hash: str) -> dict[str, Any]:
        """Return the policy with this hash. Raises `KeyError` if there is none."""

    def governance_events(self, after: int = 0) -> Sequence[Event]:
        """Return the entries about policies, people and the configuration after this number, in order.

        An empty result is cheap.
        """

    def govern(self, drafts: Sequence[Draft], seen: int, until: datetime | None = None) -> bool:
        """Append such entries, unless another one was appended after the entry `seen`; return whether it did.

        Nothing is appended after the time `until` of the store's clock either.
        The policy of a `policy_recorded` or `policy_version` entry is stored under its hash.
        """

    def routings(self, after: int) -> Iterator[Event]:
        """Yield the `routed` entries after this number, as they were written."""
