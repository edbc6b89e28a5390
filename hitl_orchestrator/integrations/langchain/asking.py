"""Asks the orchestrator about a call, and puts a client's answer through it, with the authority of a reviewer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from pydantic import ValidationError

from hitl_orchestrator import AgentOutput, Go, No, Orchestrator, Principal, Task, Waiting
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.input.json_patch import same
from hitl_orchestrator.errors import InvalidInput, RequestRejected, UnknownCase
from hitl_orchestrator.integrations.checks import Facade, opened_facade, synchronous
from hitl_orchestrator.integrations.langchain.ai_review import AIReviewer, Judged
from hitl_orchestrator.integrations.langchain.answers import Answer, UnfitAnswer, read_answers
from hitl_orchestrator.integrations.langchain.calls import GatedCall, Place, messages_of
from hitl_orchestrator.integrations.langchain.schemas import json_schema
from hitl_orchestrator.integrations.langgraph.overlap import hearing
from hitl_orchestrator.integrations.langgraph.place import authenticated_user

Name: TypeAlias = str | Callable[[RunnableConfig], str | None] | None
"""A name, or a function of the configuration of the run that returns it; None for no person."""

Person: TypeAlias = str | Principal | Callable[[RunnableConfig], str | Principal | None] | None
"""A reviewer, whom the application has authenticated, or a function that returns it; None for no person."""

CHANNEL = "langchain"
_WAKE_UP = "wake_up"
"""The field of the value with which a resumer wakes a paused graph."""

_MOST_MESSAGES = 30


class Unreviewable(ValueError):
    """A call that cannot be put before a reviewer, with the reason for the model."""


class _Asked(NamedTuple):
    """What is asked about a call."""

    task: Task
    output: AgentOutput | None
    submitted_by: str | None
    held: str = ""


class Asking:
    """The orchestrator as the middleware uses it."""

    def __init__(
        self,
        hitl: Facade | Callable[[], Facade],
        *,
        reviewer: Person,
        submitted_by: Name,
        ai_reviewer: AIReviewer | None,
        graph: str | None,
    ) -> None:
        """Keep the orchestrator; a function that opens it is called when it is first needed."""
        self._source, self._graph, self._ai_reviewer = hitl, graph, ai_reviewer
        self._reviewer, self._submitted_by = reviewer, submitted_by

    @property
    def _hitl(self) -> Orchestrator:
        return synchronous(opened_facade(self._source))

    def ask(self, call: GatedCall, state: Any) -> Waiting | Go | No:
        """Submit or find the case of a call.

        Raises:
            Unreviewable: its arguments cannot be stored.
            TaskConflict: another call had its key.
        """
        if call.is_repeated:
            raise Unreviewable(
                f"two calls of one message have the id {call.call['id']!r}; each needs an id of its own."
            )
        earlier = self._earlier(call)
        if earlier is not None and earlier.output is not None:
            asked = _Asked(earlier.task, earlier.output, earlier.submitted_by)
        else:
            asked = self._fresh(call, state)
        return self._hitl.ask(
            call.key,
            asked.task,
            asked.output,
            submitted_by=asked.submitted_by,
            parent=Place.here().parent(self._graph),
            arguments_schema=json_schema(call.tool, call.rule.args_schema),
            takes_response="respond" in call.rule.allowed,
            held=asked.held,
        )

    def person(self) -> str | Principal | None:
        """Return the reviewer whose decision an answer of this run is; None if answers are wake-ups alone."""
        return self._reviewer(get_config()) if callable(self._reviewer) else self._reviewer

    def _submitter(self) -> str | None:
        """Return who asks: by default the user of the run that makes the call, who may be a reviewer in other runs."""
        name = self._submitted_by(get_config()) if callable(self._submitted_by) else self._submitted_by
        if name is None and self._submitted_by is authenticated_user and callable(self._reviewer):
            person = self._reviewer(get_config())
            return person.name if isinstance(person, Principal) else person
        return name

    def decide(self, calls: Sequence[tuple[GatedCall, Waiting]], raw: object, reviewer: str | Principal) -> str:
        """Put a client's answer about these calls through `decide`; return why it was not taken, empty if it was.

        All of it is read before the first decision is recorded. Our own wake-up decides nothing.
        """
        if isinstance(raw, Mapping) and _WAKE_UP in raw:
            return ""
        try:
            answers = read_answers(raw, [call for call, _ in calls])
            for (call, waiting), answer in zip(calls, answers, strict=True):
                self._decide(call, waiting, answer, reviewer)
        except (UnfitAnswer, InvalidInput, RequestRejected) as exc:
            return str(exc)
        return ""

    def _decide(self, call: GatedCall, waiting: Waiting, answer: Answer, reviewer: str | Principal) -> None:
        # The run that takes the decision goes on by itself: no resumer of this process may run the thread meanwhile.
        with hearing(waiting.case_id):
            self._acting_as(reviewer).decide(waiting.case_id, **answer.as_decision(call))

    def _acting_as(self, reviewer: str | Principal) -> Orchestrator:
        if isinstance(reviewer, str):
            return self._hitl.acting_as(reviewer, channel=CHANNEL)
        named = reviewer.person if reviewer.is_local else None
        return self._hitl.acting_as(named, channel=CHANNEL, principal=reviewer)

    def _earlier(self, call: GatedCall) -> Submission | None:
        """Return the submission of an earlier run, so that no function or model is asked again about the same call.

        The submitter is the one of the first run: who resumes the agent did not ask. None if there is no submission,
        if its call is another one, or if nothing but the call itself makes the task.
        """
        if self._ai_reviewer is None and call.rule.is_fixed and not callable(self._submitted_by):
            return None
        try:
            submission = self._hitl.cases.get(task_id=call.key.task_id).submission
        except UnknownCase:
            return None
        return submission if _is_same(call, submission.output) else None

    def _fresh(self, call: GatedCall, state: Any) -> _Asked:
        opinion = None
        if self._ai_reviewer is not None:
            described = "" if call.tool is None else call.tool.description
            shown = {"id": call.call["id"], "name": call.name, "args": call.arguments}
            last = list(messages_of(state)[-_MOST_MESSAGES:])
            opinion = self._ai_reviewer.judge(Judged(tool_call=shown, tool_description=described, messages=last))
        try:
            held = "" if opinion is None else opinion.why_held
            return _Asked(call.task(), call.output(opinion), self._submitter(), held)
        except (ValidationError, InvalidInput) as exc:
            raise Unreviewable(str(exc)) from exc


def _is_same(call: GatedCall, output: AgentOutput | None) -> bool:
    if output is None:
        return False
    stored = output.agent_output.model_dump(mode="json")
    return all(same(stored.get(name), value) for name, value in call.proposal().items())
