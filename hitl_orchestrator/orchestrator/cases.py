"""`hitl.cases`: read, enqueue, cancel, replay and redact cases."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case, UnfinishedCase
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.ledger.events.redaction import Redaction
from hitl_orchestrator.orchestrator.open_services import OpenServices
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.cases.submission import Intake

if TYPE_CHECKING:
    from hitl_orchestrator.wiring.build import Services

__all__ = ["Cases"]


class Cases:
    """Operations on single cases. `case_id` names one case; `task_id=` the latest attempt at a task."""

    _services = OpenServices()

    def __init__(self, services: "Services", acting: Acting) -> None:
        self._services, self._acting = services, acting

    def get(self, case_id: str | None = None, *, task_id: str | None = None) -> Case:
        """Return one case.

        Raises:
            UnknownCase: there is no such case.
            GraphVersionMismatch: it was stored under an incompatible graph version.
        """
        return self._services.reader.get(CaseKey.of(case_id, task_id))

    def history(self, case_id: str | None = None, *, task_id: str | None = None) -> list[Event]:
        """Return the ledger entries of one case, in order; for a policy change also the resulting policy entries.

        Raises:
            UnknownCase: there is no such case.
        """
        return self._services.audit.history(CaseKey.of(case_id, task_id))

    def enqueue(
        self,
        task: Task,
        output: AgentOutput | None = None,
        *,
        resubmit: bool = False,
        replay: bool = False,
        submitted_by: str | None = None,
        classify: bool | None = None,
    ) -> Case:
        """Store a task durably without running it. `recover`, a worker, or a graph that you stream runs it later.

        With `classify` only a process with a classifier runs it if it has no output; by default, if this one has one.

        Raises:
            InvalidInput, TaskConflict: as `submit`.
        """
        intake = Intake(task, output, replay=replay, submitted_by=submitted_by, classify=classify)
        return self._services.submission.enqueue(intake, self._acting, resubmit=resubmit)

    def unfinished(self) -> Sequence[UnfinishedCase]:
        """Return the cases that neither wait for a reviewer nor are finished, in the order of submission.

        A live worker runs each that is `running`; `recover` finishes the others or raises why it cannot.
        """
        return self._services.ledger.unfinished()

    def prepare(self) -> None:
        """Import LangGraph and build the graph, so that the first case does not wait for it."""
        _ = self._services.runner

    def cancel(self, case_id: str | None = None, *, task_id: str | None = None, submitted_by: str, reason: str) -> Case:
        """Withdraw a case before a reviewer has decided it. Its final decision is `canceled`.

        Raises:
            NotAuthorized: `submitted_by` did not submit the case, or the submitter is unknown.
            CaseNotWaiting, ReviewAlreadyDecided, ReviewExpired, ReviewWithdrawn, GraphVersionMismatch: too late.
            InvalidInput: the reason is empty.
        """
        key = CaseKey.of(case_id, task_id, submitted_by)
        return self._services.decisions.cancel(key, submitted_by, reason=reason, acting=self._acting)

    def replay(self, review: Review, case_id: str | None = None, *, task_id: str | None = None) -> Case:
        """Apply a recorded review to a case that was submitted with `replay=True`, at the time of the record.

        Raises:
            InvalidInput: the case was submitted live, or the record does not fit it.
        """
        return self._services.decisions.replay(CaseKey.of(case_id, task_id), review)

    def redact(
        self, case_id: str | None = None, *, task_id: str | None = None, reason: str, reviewer: str | None = None
    ) -> Redaction:
        """Erase the texts, metadata and proposals of a finished case, with the key of their digests.

        The ledger still shows each decision, its author, time and rule, and verifies as before. It keeps the reason,
        which must not repeat erased text, and the reviewer. Repeating the call returns the same receipt.
        `reviewer`, or the reviewer of `acting_as`, must hold the top role of the escalation chain.

        Raises:
            UnknownCase: there is no such case.
            CaseUnfinished: the case is not finished.
            NotAuthorized: the reviewer is unknown, lacks the top role, or does not decide in the domain of the case.
            InvalidInput: no reviewer is named; the reason is empty, longer than 2,000 characters, or unstorable.
            StoreUnavailable: the content is erased, but the database may still hold a trace of it; call again.
        """
        acting = self._acting.named(reviewer)
        return self._services.redaction.redact(CaseKey.of(case_id, task_id), reason=reason, acting=acting)
