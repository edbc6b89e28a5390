"""`hitl.cases`: read, enqueue, cancel, replay and redact cases."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case, UnfinishedCase, Wakeup
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput, shortened
from hitl_orchestrator.ledger.events.redaction import Redaction
from hitl_orchestrator.orchestrator.arguments import checked_arguments, output_of, task_of
from hitl_orchestrator.orchestrator.gate import Gate
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authority import Verb
from hitl_orchestrator.services.cases.submission import Intake

if TYPE_CHECKING:
    from hitl_orchestrator.graph.runner import Runner
    from hitl_orchestrator.wiring.build import Services

__all__ = ["Cases"]

_SHORT_ID, _MOST_NAMED = re.compile("[0-9a-f]{8}[0-9a-f-]{0,28}"), 5


@checked_arguments
class Cases:
    """Operations on single cases. `case_id` names one case; `task_id=` the latest attempt at a task."""

    def __init__(self, services: "Services", acting: Acting) -> None:
        self._gate = Gate(services, acting)

    def get(self, case_id: str | None = None, *, task_id: str | None = None) -> Case:
        """Return one case.

        Raises:
            UnknownCase: there is no such case.
            GraphVersionMismatch: it was stored under an incompatible graph version.
        """
        services, _, key = self._gate.to_case(Verb.READ_CASE, case_id, task_id)
        return self._gate.shown(services.reader.get(key))

    def history(self, case_id: str | None = None, *, task_id: str | None = None) -> list[Event]:
        """Return the ledger entries of one case, in order; for a policy change also the resulting policy entries.

        Raises:
            UnknownCase: there is no such case.
        """
        services, _, key = self._gate.to_case(Verb.READ_CASE, case_id, task_id)
        case = services.reader.get(key)
        return services.masking.history(case, services.audit.history(case), self._gate.acting)

    def enqueue(
        self,
        task: Task | Mapping[str, Any],
        output: AgentOutput | Mapping[str, Any] | None = None,
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
        services, acting = self._gate.to(Verb.REPLAY if replay else Verb.SUBMIT)
        submitter = acting.submitter(submitted_by)
        given = task_of(task)
        proposed = output_of(output, given)
        intake = Intake(given, proposed, replay=replay, submitted_by=submitter, classify=classify)
        return self._gate.shown(services.submission.enqueue(intake, acting, resubmit=resubmit))

    def named(self, short_id: str) -> str | None:
        """Return the id of the only case whose id begins with these 8 or more characters; None if there is none.

        Raises:
            InvalidInput: it is no beginning of an id, or that of several cases.
            NotAuthorized: the principal is not local.
        """
        services = self._gate.to(Verb.RUN_GRAPH).services
        if _SHORT_ID.fullmatch(short_id) is None:
            problem = "it is no beginning of a case id: give 8 or more of its digits and hyphens"
            raise InvalidInput([f"case {shortened(short_id)!r}: {problem}"])
        found = services.ledger.named(short_id, _MOST_NAMED + 1)
        if len(found) > 1:
            more = " and more" if len(found) > _MOST_NAMED else ""
            several = f"several cases begin with it, {', '.join(found[:_MOST_NAMED])}{more}; give more of the id"
            raise InvalidInput([f"case {short_id!r}: {several}"])
        return found[0] if found else None

    def unfinished(self) -> Sequence[UnfinishedCase]:
        """Return the cases that neither wait for a reviewer nor are finished, in the order of submission.

        A live worker runs each that is `running`; `recover` finishes the others or raises why it cannot.
        """
        return self._gate.to(Verb.UNFINISHED).services.ledger.unfinished()

    def wakeups(self) -> Sequence[Wakeup]:
        """Return the callers that are still to be resumed with the decision on a finished case, the longest due first.

        Each states the graph of the caller, the attempts to resume it, and the last error.
        """
        return self._gate.to(Verb.UNFINISHED).services.wakeups.pending()

    def prepare(self) -> None:
        """Import LangGraph and build the graph, so that the first case does not wait for it."""
        _ = self._gate.to(Verb.SUBMIT).services.runner

    def runner(self) -> "Runner":
        """Return the runner with the compiled graph, to step through a case that was enqueued.

        It shows all of a case, and runs past this gate: it is for the local application alone.

        Raises:
            NotAuthorized: the principal is not local.
        """
        return self._gate.to(Verb.RUN_GRAPH).services.runner

    def cancel(
        self,
        case_id: str | None = None,
        *,
        task_id: str | None = None,
        submitted_by: str | None = None,
        reason: str,
    ) -> Case:
        """Withdraw a case before a reviewer has decided it. Its final decision is `canceled`.

        A principal that is not local cancels its own cases; `submitted_by` is then left out.

        Raises:
            NotAuthorized: `submitted_by` did not submit the case, or the submitter is unknown.
            CaseNotWaiting, ReviewAlreadyDecided, ReviewExpired, ReviewWithdrawn, GraphVersionMismatch: too late.
            InvalidInput: the reason is empty, or no submitter is named.
        """
        services, acting, key = self._gate.to_case(Verb.CANCEL, case_id, task_id, submitter=submitted_by)
        submitter = acting.submitter(submitted_by)
        if submitter is None:
            raise InvalidInput([f"cancel {key.text!r}: submitted_by: missing; name the submitter of the case"])
        return self._gate.shown(services.decisions.cancel(key, submitter, reason=reason, acting=acting))

    def replay(
        self, review: Review, case_id: str | None = None, *, task_id: str | None = None, reviewer: str | None = None
    ) -> Case:
        """Apply a recorded review to a case that was submitted with `replay=True`, at the time of the record.

        `reviewer`, or the reviewer of `acting_as`, must hold the second role of the escalation chain or a higher one.

        Raises:
            NotAuthorized: the reviewer is unknown or lacks the role.
            InvalidInput: the case was submitted live, the record does not fit it, or no reviewer is named.
        """
        services, _, key = self._gate.to_case(Verb.REPLAY, case_id, task_id, reviewer=reviewer)
        return self._gate.shown(services.decisions.replay(key, review))

    def check_redaction(
        self, case_id: str | None = None, *, task_id: str | None = None, reviewer: str | None = None
    ) -> None:
        """Return if this reviewer may redact a case, for a face that asks them before it is done.

        Raises:
            InvalidInput, UnknownCase, NotAuthorized: as `redact`.
        """
        self._gate.to_case(Verb.REDACT, case_id, task_id, reviewer=reviewer)

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
        services, acting, key = self._gate.to_case(Verb.REDACT, case_id, task_id, reviewer=reviewer)
        return services.redaction.redact(key, reason=reason, acting=acting)
