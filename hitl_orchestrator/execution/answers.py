"""The answer to an agent that asks whether its call may be made: wait, no, or go with the approved arguments."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from threading import Lock
from typing import Any, TypeVar, cast

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import CaseStage, FinalDecision
from hitl_orchestrator.domain.execution import ARGUMENTS, RESPONSE
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import public
from hitl_orchestrator.errors import ExecutionEnded
from hitl_orchestrator.execution.begun import Begun
from hitl_orchestrator.execution.calls import check_callable, ended_call
from hitl_orchestrator.execution.grants import Grant, approved_arguments
from hitl_orchestrator.telemetry import NO_SPANS, Span, Spans

__all__ = ["Answer", "Go", "No", "Waiting", "answer_of", "why_not"]

T = TypeVar("T")
Encode = Callable[[Any], Any] | None
_log = logging.getLogger(__name__)


@public
@dataclass(frozen=True)
class Waiting:
    """The call waits for a person, or another process runs its case: ask again later. No answer was given yet."""

    case: Case

    @property
    def case_id(self) -> str:
        """The case of the call."""
        return self.case.case_id


@public
@dataclass(frozen=True)
class No:
    """The call must not be made. `reason` says why, in words for the agent; `reviewer` decided it, if a person did."""

    case: Case
    decision: FinalDecision | None
    reason: str
    reviewer: str | None = None

    @property
    def case_id(self) -> str:
        """The case of the call."""
        return self.case.case_id


@public
@dataclass(frozen=True)
class Go:
    """The call may be made once, as it was approved: the function `name` with `arguments`, in `output` with the rest.

    `run` makes it. A reviewer may have changed the arguments, and the name.
    """

    case: Case
    name: str
    arguments: dict[str, Any] = field(repr=False)
    output: Proposal = field(repr=False)
    grant: Grant = field(repr=False)
    spans: Spans = field(default=NO_SPANS, repr=False, compare=False)

    @property
    def case_id(self) -> str:
        """The case of the call."""
        return self.case.case_id

    def run(self, call: Callable[[dict[str, Any]], T], *, encode: Encode = None, decode: Encode = None) -> T:
        """Make the call with the approved arguments, unless it was made before, and return its result.

        `call` gets the arguments as they are recorded, in an object of its own. `encode` turns the result into a JSON
        value that is stored, `decode` turns it back for a caller who asks again. A call that raises has failed, and is
        not repeated; one that is interrupted (`KeyboardInterrupt`, a canceled task) is put before a person. A result
        whose end cannot be recorded is returned all the same, which is logged: a person is asked.

        Raises:
            InvalidInput: `call` is no function of one mapping, is asynchronous or a generator; nothing is claimed.
            AlreadyRunning, ExecutionFailed, ExecutionUnknown, GrantRefused: as `Grant.begin`; the call is not made.
            InvalidInput: it returned an awaitable or a generator, so that the call has failed.
        """
        check_callable(call, is_async=False)
        begun = self.grant.begin(self.arguments)
        if not begun.is_new:
            return cast("T", _recorded(begun, decode))
        try:
            with self._span() as span:
                result = ended_call(call(begun.arguments))
                span.content(gen_ai_tool_call_result=result)
        except Exception as exc:
            _record(begun.failed, exc)
            raise
        except BaseException:
            _record(begun.abandon)
            raise
        _record(begun.done, _encoded(result, encode))
        return result

    async def arun(
        self, call: Callable[[dict[str, Any]], Awaitable[T]], *, encode: Encode = None, decode: Encode = None
    ) -> T:
        """Make an asynchronous call as `run` does. The store is used in a thread, so that the loop goes on."""
        import asyncio  # noqa: PLC0415 - slow to import, and for asynchronous callers alone

        check_callable(call, is_async=True)
        begun = await _begun_later(self.grant, self.arguments)
        if not begun.is_new:
            return cast("T", _recorded(begun, decode))
        try:
            with self._span() as span:
                called: Any = call(begun.arguments)
                # A function that is not asynchronous has run already, whatever it returns.
                result: T = ended_call(await called if isawaitable(called) else called)
                span.content(gen_ai_tool_call_result=result)
        except Exception as exc:
            await asyncio.to_thread(_record, begun.failed, exc)
            raise
        except BaseException:
            # In this thread: a loop that is being stopped starts no other one.
            _record(begun.abandon)
            raise
        await asyncio.shield(asyncio.to_thread(_record, begun.done, _encoded(result, encode)))
        return result

    @contextmanager
    def _span(self) -> Iterator[Span]:
        """Open the span of a tool call, under the names that OpenTelemetry has for one."""
        named = {"gen_ai_operation_name": "execute_tool", "gen_ai_tool_name": self.name, "hitl_case_id": self.case_id}
        with self.spans.span(f"execute_tool {self.name}", **named) as span:
            span.content(gen_ai_tool_call_arguments=self.arguments)
            yield span


Answer = Waiting | No | Go


def answer_of(case: Case, grant: Callable[[Proposal], Grant]) -> Answer:
    """Return the answer that a case gives; `grant` makes the grant of an approved output."""
    if case.stage is not CaseStage.FINISHED or case.record is None:
        return Waiting(case)
    reason, output = why_not(case), case.final_output
    if reason is not None or output is None:
        return No(case, case.record.final_decision, str(reason), case.record.reviewer_id)
    return Go(case, output.predicted_label, approved_arguments(output) or {}, output, grant(output))


def why_not(case: Case) -> str | None:
    """Return why a finished case carries nothing out, in words for the agent; None for an approved one."""
    record, submission = case.record, case.submission
    if record is None:
        return "it is not decided yet"
    output, why = record.final_output, record.human_reason or record.human_feedback
    what = _ENDED.get(record.final_decision, "it was approved without an output that could be carried out")
    what = f"{what}: {why}" if why else what
    reasons = {
        "it repeats a record of the past, which carries nothing out": submission.replayed,
        "it measures reviewers, and carries nothing out": submission.quality_check is not None,
        "its texts were erased, so that what was approved is not known any more": case.redacted,
        what: output is None,
        "the approved output names no arguments": output is not None and _lacks_arguments(case, output, record),
        "the arguments in the approved output are no object": output and approved_arguments(output) is None,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _lacks_arguments(case: Case, output: Proposal, record: AuditRecord) -> bool:
    """Whether the proposed call had arguments, and the approved one names none: what it would do is not known.

    An own answer in the place of the call needs none, where the caller takes one.
    """
    proposed, fields, form = record.proposed_output, output.model_extra or {}, case.submission.call
    if form is not None and form.takes_response and isinstance(fields.get(RESPONSE), str):
        return False
    return proposed is not None and ARGUMENTS in (proposed.model_extra or {}) and ARGUMENTS not in fields


_ENDED: Mapping[FinalDecision, str] = {
    FinalDecision.REJECTED: "it was rejected",
    FinalDecision.CANCELED: "its submitter canceled it",
    FinalDecision.SUPERSEDED: "a newer attempt at the same task took its place",
}


async def _begun_later(grant: Grant, arguments: Mapping[str, Any]) -> Begun:
    """Claim the execution in a thread. If the caller is canceled meanwhile, the claim ends: the call is never made."""
    import asyncio  # noqa: PLC0415 - see `arun`

    lock, claimed, left = Lock(), list[Begun](), list[bool]()

    def drop(begun: Begun) -> None:
        if begun.is_new:
            _record(begun.failed, "its caller was canceled before the call was made")

    def claim() -> Begun:
        begun = grant.begin(arguments)
        with lock:
            claimed.append(begun)
            if left:
                drop(begun)
        return begun

    try:
        return await asyncio.to_thread(claim)
    except asyncio.CancelledError:
        with lock:
            left.append(True)
            for begun in claimed:
                drop(begun)
        raise


def _recorded(begun: Begun, decode: Encode) -> Any:
    """Return the recorded result of a call that was made before."""
    result = begun.execution.result
    return result if decode is None else decode(result)


def _encoded(result: Any, encode: Encode) -> Any:
    """Return a result as it is stored. One that cannot be encoded is refused by `Begun.done`, which says so."""
    try:
        return result if encode is None else encode(result)
    except Exception as exc:  # noqa: BLE001 - the call was made, whatever its encoder does
        return exc


def _record(record: Callable[..., object], *value: Any) -> None:
    """Record how a call ended. Whatever prevents that, the caller has the result of the call.

    That a person has stated the end before changes nothing either: the caller knows better.
    """
    try:
        record(*value)
    except ExecutionEnded as exc:
        _log.warning("%s", exc, extra={"case_id": exc.case_id, "event": "late_end"})
    except Exception as exc:  # noqa: BLE001 - the call was made, whatever the store does
        begun = getattr(record, "__self__", None)
        case_id = None if begun is None else begun.execution.case_id
        _log.error(
            "case %s was carried out, and its end could not be recorded (%s); a person is asked whether it happened",
            case_id,
            type(exc).__name__,
            extra={"case_id": case_id, "event": "end_not_recorded"},
        )
