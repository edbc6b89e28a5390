"""The oversight of one call in a graph: ask, pause while it waits, and take decisions that come by the graph."""

import asyncio
import inspect
import re
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar, cast

from langchain_core.runnables import RunnableConfig

from hitl_orchestrator import (
    Case,
    InvalidInput,
    ParentCall,
    Principal,
    RequestRejected,
    Waiting,
)
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.principal import PrincipalKind
from hitl_orchestrator.domain.value import ID_PATTERN
from hitl_orchestrator.errors import (
    AlreadyRunning,
    CaseBusy,
    CaseNotWaiting,
    ExecutionUnknown,
    NotAuthorized,
    TaskConflict,
    UnknownCase,
)
from hitl_orchestrator.integrations.checks import Facade, opened_facade
from hitl_orchestrator.integrations.langgraph.answers import answer_in
from hitl_orchestrator.integrations.langgraph.calls import Asked
from hitl_orchestrator.integrations.langgraph.overlap import hearing
from hitl_orchestrator.integrations.langgraph.payload import pause_of
from hitl_orchestrator.integrations.langgraph.place import Pauses, Place, UnfitRun
from hitl_orchestrator.orchestrator import CaseView

__all__ = ["CHANNEL", "Facade", "Oversight", "ReviewerOf", "Steps", "SubmitterOf", "ask", "drive", "drive_async"]

CHANNEL = "langgraph"
"""The channel that the ledger records for a decision that came through a graph."""


Result = TypeVar("Result")
Steps = Generator[Callable[[], Any], Any, Result]
"""Yields each call of the facade, and gets its result: one text for synchronous and asynchronous graphs."""

ReviewerOf = Callable[[RunnableConfig], "str | Principal | None"]
SubmitterOf = Callable[[RunnableConfig], str | None]

_NO_REVIEWER = (
    "the answer was not accepted, because no reviewer is authenticated for this run: answer by a run that a LangGraph "
    "server has authenticated, name the reviewer by reviewer_of=, or decide in the inbox of the store"
)

_OTHER_CALL = (
    "A call is named by its thread, its node and its id. If the model uses an id again for another call, pass key= to "
    "the node: a function of the state, such as the id of the model's message with that of the call."
)


def ask(hitl: Any, asked: Asked, **named: Any) -> Any:
    """Ask whether a call may be made; awaitable if the facade is asynchronous."""
    return hitl.ask(asked.key, asked.task, asked.output, **named)


class Oversight(NamedTuple):
    """How the calls of one node are overseen. `hitl` may be a function that opens the store when it is first needed.

    `ask` submits a call, or finds it: it returns `Waiting` until it is decided.
    """

    hitl: Facade | Callable[[], Facade]
    graph: str | None
    audience: str
    reviewer_of: ReviewerOf
    submitter_of: SubmitterOf | None
    ask: Callable[..., Any] = ask

    def settle(self, place: Place, pauses: Pauses, asked: Asked) -> Steps[Any]:
        """Ask for a call, and pause the graph until it is decided. Returns what `ask` returns then."""
        hitl: Any = yield self._opened
        ask = yield from self._question(hitl, place, asked)
        try:
            answer: Any = yield ask
        except TaskConflict as exc:
            exc.add_note(_OTHER_CALL)
            raise
        refused = ""
        while isinstance(answer, Waiting):
            view = yield from _view(hitl, answer.case_id)
            value = self._next_fresh(pauses, pause_of(answer.case, view, refused=refused))
            refused = yield from self._heard(hitl, place, view, value)
            answer = yield ask
        return answer

    def stand_by(self, place: Place, pauses: Pauses, case: Case, why: AlreadyRunning | ExecutionUnknown) -> Steps[None]:
        """Pause the graph while another process carries the call out, or a person is asked whether it happened."""
        hitl: Any = yield self._opened
        checked = why.check_id if isinstance(why, ExecutionUnknown) else None
        view = None if checked is None else (yield from _view(hitl, checked))
        value, is_fresh = pauses.wait(pause_of(case, view, refused=str(why)))
        if is_fresh and view is not None:
            yield from self._heard(hitl, place, view, value)

    def _opened(self) -> Facade:
        return opened_facade(self.hitl)

    def _question(self, hitl: Any, place: Place, asked: Asked) -> Steps[Callable[[], Any]]:
        """Return the call of `ask`, which is repeated until it has an answer.

        The submitter is the one of the first run: a reviewer who resumes the graph did not ask.
        """
        named: dict[str, Any] = {"audience": self.audience}
        if self.submitter_of is not None:
            try:
                earlier = yield lambda: hitl.cases.get(task_id=asked.key.task_id)
                named["submitted_by"] = earlier.submission.submitted_by
            except UnknownCase:
                named["submitted_by"] = _submitter(self.submitter_of(place.config))
        if self.graph is not None:
            named["parent"] = ParentCall(graph=self.graph, thread_id=place.thread, namespace=place.namespace)
        return lambda: self.ask(hitl, asked, **named)

    @staticmethod
    def _next_fresh(pauses: Pauses, pause: dict[str, Any]) -> Any:
        """Return the next answer that this run has brought; those of earlier runs were heard then."""
        while True:
            value, is_fresh = pauses.wait(pause)
            if is_fresh:
                return value

    def _heard(self, hitl: Any, place: Place, view: CaseView | None, value: Any) -> Steps[str]:
        """Put a decision in an answer through `decide`. Returns why it was refused; empty for a wake-up as well."""
        if view is None:
            return ""
        try:
            proposal = None if view.proposal is None else view.proposal.model_dump(mode="json")
            review = answer_in(value, proposal)
            if review is None:
                return ""
            who = self.reviewer_of(place.config)
            if who is None:
                return _NO_REVIEWER
            bound = hitl.acting_as(**_acting(who))
            with hearing(view.case_id):
                yield lambda: bound.decide(view.case_id, review)
        except CaseBusy:
            return ""
        except (RequestRejected, InvalidInput) as refusal:
            return str(refusal)
        return ""


def _submitter(user: str | None) -> str | None:
    """Return the user who asks, whose name the case has as an id.

    Raises:
        UnfitRun: it is none.
    """
    if user is None or (isinstance(user, str) and re.fullmatch(ID_PATTERN, user)):
        return user
    problem = f"submitter_of: the user {user!r} of this run has no id: letters, digits and . _ : - only, 200 at most"
    raise UnfitRun([f"{problem}; return the id of this person by submitter_of=, as in the reviewers file"])


def _acting(who: str | Principal) -> dict[str, Any]:
    """Return what binds the facade to a reviewer, who is authenticated unless the principal says otherwise."""
    if isinstance(who, str):
        fields = {"subject": who, "kind": PrincipalKind.HUMAN, "person": who, "authenticated_by": CHANNEL}
        who = parse(Principal, fields, f"the user {who!r} of this run, who is no reviewer")
    named = {"reviewer": who.person} if who.is_local else {}
    return {**named, "channel": CHANNEL, "principal": who}


def _view(hitl: Any, case_id: str) -> Steps[CaseView | None]:
    """Return the open review of a case without what a blind review hides; None if none is open, or shown to `hitl`."""
    try:
        view: CaseView = yield lambda: hitl.reviews.view(case_id)
    except (CaseNotWaiting, NotAuthorized):
        return None
    return view if view.choices else None


def drive(steps: Steps[Result]) -> Result:
    """Make the calls of the steps in this thread."""
    try:
        call = next(steps)
        while True:
            try:
                result = _synchronous(call())
            except Exception as exc:  # noqa: BLE001 - the steps decide what they catch
                call = steps.throw(exc)
            else:
                call = steps.send(result)
    except StopIteration as end:
        return cast(Result, end.value)


async def drive_async(steps: Steps[Result]) -> Result:
    """Make the calls of the steps in threads, or await them where the facade is asynchronous."""
    try:
        call = next(steps)
        while True:
            try:
                result = await asyncio.to_thread(call)
                if inspect.isawaitable(result):
                    result = await result
            except Exception as exc:  # noqa: BLE001 - the steps decide what they catch
                call = steps.throw(exc)
            else:
                call = steps.send(result)
    except StopIteration as end:
        return cast(Result, end.value)


def _synchronous(result: Any) -> Any:
    if inspect.iscoroutine(result):
        result.close()
        raise InvalidInput(["hitl: an AsyncOrchestrator serves 'ainvoke' and 'astream'; pass an Orchestrator"])
    return result
