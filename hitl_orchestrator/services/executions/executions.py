"""Ask whether a call may be made, and carry approved calls out: each once, by the one who claims it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, NamedTuple
from weakref import finalize

from pydantic import Field

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Case, ParentCall
from hitl_orchestrator.domain.enums import ActorKind
from hitl_orchestrator.domain.execution import CallKey, Execution, ExecutionStatus, Gated
from hitl_orchestrator.domain.input.normalization import required
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.review import Page
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.domain.value import Text, Value
from hitl_orchestrator.errors import (
    AlreadyRunning,
    CaseBusy,
    ExecutionEnded,
    ExecutionFailed,
    ExecutionUnknown,
    GrantRefused,
    InvalidInput,
    InvalidKey,
    TaskConflict,
    UnknownCase,
)
from hitl_orchestrator.execution.answers import Answer, answer_of, why_not
from hitl_orchestrator.execution.begun import Begun
from hitl_orchestrator.execution.grants import (
    SEAL,
    Claims,
    Grant,
    approved_arguments,
    check_arguments,
    check_claims,
    output_digest,
)
from hitl_orchestrator.ledger.events.execution_builders import Ending
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.ports.executions import HeldExecution
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.review.call_forms import call_form
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authorization import Filter
from hitl_orchestrator.services.case_reader import CaseReader
from hitl_orchestrator.services.cases.intake import identifier
from hitl_orchestrator.services.cases.submission import CaseSubmission, Intake
from hitl_orchestrator.services.delivery.wakeups import Wakeups
from hitl_orchestrator.services.executions.checks import ExecutionChecks
from hitl_orchestrator.services.executions.heartbeat import Heartbeat
from hitl_orchestrator.services.reviews.inbox import check_limit

__all__ = ["GRANT_SECONDS", "Call", "CaseExecutions"]

GRANT_SECONDS = 86_400.0
"""The time for which a grant may be used. Asking again gives a new one."""

_PAGE = 200

Begin = Callable[[Claims, Mapping[str, Any] | None], Begun]


class Call(NamedTuple):
    """A call about which an agent asks: its key, and the task and output to be reviewed."""

    key: CallKey | str
    task: Task
    output: AgentOutput | None = None
    audience: str = ""
    submitted_by: str | None = None
    parent: ParentCall | None = None
    arguments_schema: Mapping[str, Any] | None = None
    takes_response: bool = False
    held: str = ""


class _Held(Value):
    held: Annotated[Text, Field(max_length=2_000)]


class CaseExecutions:
    """Grants of approved cases, and their executions. Safe to share between threads."""

    def __init__(
        self,
        ledger: Ledger,
        reader: CaseReader,
        submission: CaseSubmission,
        checks: ExecutionChecks,
        heartbeat: Heartbeat,
        *,
        wakeups: Wakeups,
        grant_seconds: float = GRANT_SECONDS,
    ) -> None:
        self._ledger, self._reader, self._submission = ledger, reader, submission
        self._wakeups = wakeups
        self._checks, self._heartbeat, self._valid_for = checks, heartbeat, timedelta(seconds=grant_seconds)

    def ask(self, call: Call, acting: Acting, begin: Begin) -> Answer:
        """Submit the case of a call, or find it, and return its answer. `begin` is what its grant calls."""
        gated, intake = _intake_of(call)
        parent = None if call.parent is None else required(ParentCall, call.parent, "ask: parent")
        try:
            case = self._submission.submit(intake, acting)
        except CaseBusy as exc:
            case = self._reader.case(exc.case_id)
        except TaskConflict as exc:
            case = self._reader.case(exc.case_id)
            # Its content can no longer be compared, and it carries nothing out, whatever it was.
            if not case.redacted:
                raise
        _check_gated(case, gated)
        if parent is not None:
            case = self._wakeups.await_decision(case, parent)
        return answer_of(case, partial(self._grant, case, begin))

    def begin(self, claims: Claims, arguments: Mapping[str, Any] | None, audience: str, acting: Acting) -> Begun:
        """Claim the execution of a case under a grant, or return what is recorded of it."""
        case = self._check(claims, audience)
        output = _approved_output(case, claims)
        if arguments is not None:
            check_arguments(case.case_id, output, arguments)
        held = self._ledger.execution(case.case_id)
        if held is None:
            actor, approved = _actor_of(case, acting), output.model_dump(mode="json")
            held = self._ledger.start_execution(case.case_id, approved, audience, actor, self._reader.now())
            if held is not None:
                return self._owned(held, actor, output)
            held = self._ledger.execution(case.case_id)
        if held is None:
            raise UnknownCase(case.case_id)
        return self._found(held)

    def find(self, case_id: str) -> Execution | None:
        """Return the execution of a case; None if it was never started."""
        held = self._ledger.execution(case_id)
        return None if held is None else held.execution

    def page(
        self, status: ExecutionStatus | None, limit: int, after: str | None, mine: Filter | None
    ) -> Page[Execution]:
        """Return the first executions, of the cases that the filter reaches."""
        check_limit("executions", limit)
        after = None if after is None else identifier(after, "executions: after")
        found: list[Execution] = []
        while len(found) <= limit:
            page, after = self._ledger.executions(status, max(limit, _PAGE), after)
            found += [each for each in page if mine is None or self._reaches(mine, each)]
            if after is None:
                break
        return Page(found[:limit], more=len(found) > limit, as_of=self._ledger.now())

    def end(self, held: HeldExecution, ending: Ending, actor: Actor) -> Execution:
        """Record how an execution ended that this process has claimed. Raises `ExecutionEnded`."""
        case_id = held.execution.case_id
        try:
            done = self._ledger.end_execution(case_id, held.fence, ending, actor, self._reader.now())
        finally:
            # Also where the end could not be recorded: then a person is asked when the lease has ended.
            self._heartbeat.remove(case_id)
        execution = self.find(case_id)
        if not done or execution is None:
            raise ExecutionEnded(case_id, held.execution.status.value if execution is None else execution.status.value)
        self._checks.withdraw(execution)
        return execution

    def lost(self, held: HeldExecution) -> Execution:
        """Record that this process does not know how an execution ended that it has claimed, and ask a person."""
        self._heartbeat.remove(held.execution.case_id)
        return self._checks.lose(held, by_owner=True)

    def close(self) -> None:
        """Extend no lease any more."""
        self._heartbeat.close()

    def _reaches(self, mine: Filter, execution: Execution) -> bool:
        submission = self._reader.case(execution.case_id).submission
        return mine(submission.task.domain, submission.submitted_by)

    def _grant(self, case: Case, begin: Begin, output: Proposal) -> Grant:
        claims = Claims(
            ledger_id=self._ledger.ledger_id,
            case_id=case.case_id,
            digest=output_digest(output),
            audience=_audience_of(case),
            expires_at=self._ledger.now() + self._valid_for,
        )
        seal = self._seals().columns(SEAL, *claims.sealed)
        return Grant.of(claims.model_copy(update={"seal": seal}), begin)

    def _check(self, claims: Claims, audience: str) -> Case:
        """Return the case of a grant that this ledger has made, for this audience, and that has not expired."""
        check_claims(claims, now=self._ledger.now(), audience=audience, ledger_id=self._ledger.ledger_id)
        if not self._seals().is_of_columns(claims.seal, SEAL, *claims.sealed):
            raise GrantRefused(claims.case_id, "this ledger did not make it, or it was altered")
        case = self._reader.case(claims.case_id)
        _check_gated(case, _gated(audience))
        return case

    def _seals(self) -> Seals:
        seals = self._ledger.current_seals()
        if seals is None:
            raise InvalidKey("HITL_SEAL_KEY", "the ledger was opened without its key, and makes no grants")
        return seals

    def _owned(self, held: HeldExecution, actor: Actor, output: Proposal) -> Begun:
        """Return an execution that this process has just claimed, whose lease the heartbeat extends from now on."""
        case_id = held.execution.case_id
        begun = Begun(held.execution, _Owner(held, actor, self), approved_arguments(output))
        self._heartbeat.add(case_id, held.fence)
        # The end of an execution that was dropped is never stated: its lease ends, and a person is asked.
        finalize(begun, self._heartbeat.remove, case_id).atexit = False
        return begun

    def _found(self, held: HeldExecution) -> Begun:
        """Return an execution that was claimed before, or raise why it has no result."""
        execution = held.execution
        if execution.status is ExecutionStatus.STARTED and not held.alive:
            execution = self._checks.lose(held)
        elif execution.status is ExecutionStatus.UNKNOWN:
            execution = self._checks.settle(execution.case_id)
        return Begun(ended(execution))


def ended(execution: Execution) -> Execution:
    """Return an execution that has finished; raise why another has no result."""
    match execution.status:
        case ExecutionStatus.FINISHED:
            return execution
        case ExecutionStatus.FAILED:
            raise ExecutionFailed(execution.case_id, execution.error)
        case ExecutionStatus.STARTED:
            raise AlreadyRunning(execution.case_id, execution.holder, execution.started_at)
        case ExecutionStatus.UNKNOWN:
            raise ExecutionUnknown(execution.case_id, execution.holder, execution.started_at, execution.check_id)


class _Owner:
    """Records how an execution ended that this process has claimed."""

    def __init__(self, held: HeldExecution, actor: Actor, executions: CaseExecutions) -> None:
        self._held, self._actor, self._executions = held, actor, executions

    def finished(self, result: str | None) -> Execution:
        """Record its result."""
        return self._end(Ending(ExecutionStatus.FINISHED, result))

    def failed(self, error: str) -> Execution:
        """Record its error."""
        return self._end(Ending(ExecutionStatus.FAILED, error))

    def lost(self) -> Execution:
        """Record that its end is unknown, and ask a person."""
        return self._executions.lost(self._held)

    def _end(self, ending: Ending) -> Execution:
        return self._executions.end(self._held, ending, self._actor)


def _intake_of(call: Call) -> tuple[Gated, Intake]:
    """Return the mark and the task of a call, under the id of its key. Raises `InvalidInput`."""
    if not isinstance(call.key, CallKey | str):
        raise InvalidInput([f"ask: key: this is a {type(call.key).__name__}; give a CallKey, or the id of the task"])
    task_id = call.key.task_id if isinstance(call.key, CallKey) else identifier(call.key, "ask: key")
    task = required(Task, call.task, "ask: task").model_copy(update={"task_id": task_id})
    output = call.output
    if output is not None:
        output = required(AgentOutput, output, "ask: output").model_copy(update={"task_id": task_id})
    gated = _gated(call.audience)
    schema = call.arguments_schema
    form = None if schema is None else call_form(schema, takes_response=call.takes_response)
    held = parse(_Held, {"held": call.held}, "ask").held
    return gated, Intake(task, output, submitted_by=call.submitted_by, gated=gated, call=form, held=held)


def _gated(audience: str) -> Gated:
    return parse(Gated, {"audience": audience or None}, "ask")


def _check_gated(case: Case, gated: Gated) -> None:
    """Raise `GrantRefused` for a case that was not submitted by `ask`, or for another audience."""
    if case.submission.gated is None:
        raise GrantRefused(case.case_id, "its case was not submitted by 'ask', and expects no execution")
    if case.submission.gated != gated:
        ours = f"the audience {gated.audience!r}" if gated.audience else "no audience"
        raise GrantRefused(case.case_id, f"its case was submitted for another audience, and this call names {ours}")


def _audience_of(case: Case) -> str:
    gated = case.submission.gated
    return "" if gated is None or gated.audience is None else gated.audience


def _approved_output(case: Case, claims: Claims) -> Proposal:
    """Return what a case has approved, as its verified record states it. Raises `GrantRefused`."""
    reason, output = why_not(case), case.final_output
    if reason is not None or output is None:
        raise GrantRefused(case.case_id, f"its case carries nothing out: {reason}")
    if output_digest(output) != claims.digest:
        raise GrantRefused(case.case_id, "its case has approved another output")
    return output


def _actor_of(case: Case, acting: Acting) -> Actor:
    """Return the submitter of the case, on whose behalf it is carried out."""
    return Actor(
        kind=ActorKind.AGENT,
        id=case.submission.submitted_by,
        channel=acting.channel,
        os_user=acting.os_user,
    )
