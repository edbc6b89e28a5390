"""The part of the port of the ledger that keeps the executions of approved cases."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.execution import Execution, ExecutionStatus
from hitl_orchestrator.ledger.events.execution_builders import Ending


class HeldExecution(NamedTuple):
    """An execution as its row holds it. `alive` is whether its owner may still run it, by the store's clock."""

    execution: Execution
    fence: int
    alive: bool


class Executions(Protocol):
    """Executions: each case has at most one, however many callers start it."""

    def execution(self, case_id: str) -> HeldExecution | None:
        """Return the execution of a case as its verified entries record it; None if it was never started.

        Raises:
            LedgerDamaged: its row and its entries differ, or this ledger did not write them.
        """

    def executions(
        self, status: ExecutionStatus | None, limit: int, after: str | None = None
    ) -> tuple[Sequence[Execution], str | None]:
        """Return the first executions in the order in which they started, and the case after which others follow.

        `after` is such a case, of the page before. Rows that cannot be read are left out, which is logged.
        """

    def start_execution(
        self, case_id: str, output: Mapping[str, Any], audience: str, actor: Actor, at: datetime
    ) -> HeldExecution | None:
        """Claim the execution of a finished case for the caller, once; None if it was started before.

        The claim and its entry are one transaction, which survives a power failure as soon as this returns. The owner
        extends its lease with `extend_execution`.

        Raises:
            GrantRefused: the case was redacted, or a newer attempt at its task exists.
            CaseUnfinished: the case is not finished.
        """

    def extend_execution(self, case_id: str, fence: int) -> bool:
        """Extend the lease of a running execution; False if it is no longer that of the caller."""

    def end_execution(self, case_id: str, fence: int, ending: Ending, actor: Actor, at: datetime) -> bool:
        """Record the end of an execution by its owner, or by the person who was asked; False if it has ended before.

        The owner of an execution that was called unknown states the truth, as long as no person has answered.
        """

    def lose_execution(
        self, case_id: str, fence: int, check_id: str, actor: Actor, at: datetime, *, by_owner: bool = False
    ) -> bool:
        """Record that the end of a running execution is unknown; False if it has moved on, or its owner is alive.

        With `by_owner` the owner itself states it.
        """

    def open_executions(self) -> Sequence[str]:
        """Return the cases whose execution has no recorded end, in the order in which they started."""
