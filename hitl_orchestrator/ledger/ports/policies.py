"""The port of policies in a ledger."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.ledger.events.chain import Draft


class Policies(Protocol):
    """The policies of a store and the ledger entries about them."""

    def record_policy(self, policy_id: str, policy_hash: str, body: dict[str, Any], at: datetime) -> None:
        """Make a policy the current one and keep it permanently under its hash. Idempotent for the current policy."""

    def current_policy(self) -> dict[str, Any] | None:
        """Return the current policy, None in a new store."""

    def policy(self, policy_hash: str) -> dict[str, Any]:
        """Return the policy with this hash. Raises `KeyError` if there is none."""

    def policy_events(self, after: int = 0) -> Sequence[Event]:
        """Return the entries about policies after this number, in order. An empty result is cheap."""

    def change_policy(self, drafts: Sequence[Draft], seen: int) -> bool:
        """Append entries about policies, unless another one was appended after the entry `seen`; return whether it did.

        The policy of a `policy_version` is stored under its hash. The current policy does not change.
        """

    def routings(self, after: int) -> Iterator[Event]:
        """Yield the `routed` entries after this number, as they were written."""
