"""What is asked of a ledger about policies. The docstrings are promises, as those of `ports`."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.ledger.events.chain import Draft


class Policies(Protocol):
    """The policies that a store knows, and what the ledger tells of their life."""

    def record_policy(self, policy_id: str, policy_hash: str, body: dict[str, Any], at: datetime) -> None:
        """Make a policy the current one, and keep it for ever under its hash. The current one again changes nothing."""

    def current_policy(self) -> dict[str, Any] | None:
        """Return the policy that was made the current one last, None in a new store."""

    def policy(self, policy_hash: str) -> dict[str, Any]:
        """Return the policy that was recorded under this hash. Raises `KeyError` where there is none."""

    def policy_events(self, behind: int = 0) -> Sequence[Event]:
        """Return the entries about the life of policies behind this one, in order. Finding none is cheap."""

    def change_policy(self, drafts: Sequence[Draft], seen: int) -> bool:
        """Write entries about policies, if nothing was written of any behind the entry `seen`; say whether it was.

        What a `policy_version` brings is kept under its hash. The current policy stays what it was.
        """

    def watched(self, behind: int) -> Iterator[Event]:
        """Yield the routings behind this entry, as they were written."""
