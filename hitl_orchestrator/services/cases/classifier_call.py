"""Call the classifier of the application: foreign code, whose failures lead to a reviewer instead of a lost case."""

import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import asdict, dataclass, field, is_dataclass
from enum import Enum
from itertools import count
from queue import Empty, SimpleQueue
from random import random
from threading import Thread, current_thread, main_thread
from time import monotonic, sleep
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.errors import GraphBubbleUp
from langgraph.types import RetryPolicy
from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.decision import MAX_ERROR
from hitl_orchestrator.domain.enums import OnClassifierError
from hitl_orchestrator.domain.input.normalization import normalized
from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.errors import ClassifierFailed, InvalidInput, in_log, shortened
from hitl_orchestrator.nodes.ports import Answer, AsynchronousClassifier, Classifier
from hitl_orchestrator.services.cases.event_loop import Ended, EventLoop, Overrun, Stopped

_PAUSED = "it paused for an answer; give the agent a checkpointer of its own, or no approval step"
_STOPPED = "the application ended its event loop before it answered; 'hitl recover' asks again"
_STREAMS = "answers piece by piece; give a function that returns the output itself"
# What LangChain and LangGraph raise where a coroutine function is to be called.
_ASYNCHRONOUS = ("Cannot invoke a coroutine function", "No synchronous function provided")
# What LangGraph raises where `interrupt` is called outside of a graph: it finds no run, or no state of one.
_NO_RUN = ("outside of a runnable context", "__pregel_scratchpad")
__all__ = ["ClassifierCall", "output_of", "sentence_of"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClassifierCall:
    """Calls a classifier, synchronous or asynchronous, each time for at most `seconds`; None is no limit.

    `attempts` is the number of calls, or LangGraph's policy of which errors are worth another call, and when. A pause
    and an overrun limit are not tried again: the next call would end the same way.
    """

    classifier: Classifier | AsynchronousClassifier
    on_error: OnClassifierError = OnClassifierError.HUMAN_REVIEW
    attempts: int | RetryPolicy = 2
    seconds: float | None = None
    loop: EventLoop = field(default_factory=EventLoop, repr=False, compare=False)

    def answer(self, task: Task) -> Answer:
        """Return the output for a task, or the error for the reviewer.

        Raises:
            KeyboardInterrupt: the user interrupted the main thread; the case stays `received`.
            ClassifierFailed: the application ended the event loop of its classifier; the case stays `received` too.
            Exception: the error of the last attempt, if errors are to be raised; `ClassifierFailed` for one that is no
                `Exception`, such as `SystemExit`, or has no text.
        """
        for attempt in count(1):
            try:
                return Answer(output_of(task, self._call(task)))
            except BaseException as exc:
                if isinstance(exc, KeyboardInterrupt) and current_thread() is main_thread():
                    raise
                if isinstance(exc, Stopped):
                    raise ClassifierFailed(task.task_id, _STOPPED) from exc
                error = sentence_of(exc, task)
                about = {"case_id": None, "task_id": task.task_id, "event": "classifier_failed"}
                in_log.log_foreign(_log, f"the classifier failed on task {task.task_id}", exc, about)
                pause = self._pause_after(attempt, exc)
                if pause is None:
                    if self.on_error is not OnClassifierError.RAISE:
                        break
                    if isinstance(exc, Exception) and _text_of(exc) is not None:
                        raise
                    raise ClassifierFailed(task.task_id, error) from exc
            sleep(pause)
        return Answer(None, error)

    def _pause_after(self, attempt: int, exc: BaseException) -> float | None:
        """Return the seconds before the next call, None if there is none."""
        if isinstance(exc, ClassifierFailed):
            return None
        if not isinstance(self.attempts, RetryPolicy):
            return 0 if attempt < self.attempts else None
        policy = self.attempts
        if attempt >= policy.max_attempts or not isinstance(exc, Exception) or not _is_retried(policy, exc):
            return None
        pause = min(policy.max_interval, policy.initial_interval * policy.backoff_factor ** (attempt - 1))
        return pause + (random() if policy.jitter else 0)  # noqa: S311 - spreads the calls of many workers

    def _call(self, task: Task) -> Any:
        """Call the classifier outside of our graph, so that an agent in it is a graph of its own."""
        try:
            answer = self._answer(task)
        except GraphBubbleUp as exc:
            raise ClassifierFailed(task.task_id, _PAUSED) from exc
        except Overrun as exc:
            raise ClassifierFailed(task.task_id, f"it took longer than {self.seconds:g} seconds") from exc
        except Ended as exc:
            raise ClassifierFailed(task.task_id, sentence_of(exc.__cause__ or exc, task)) from exc
        except (RuntimeError, KeyError) as exc:
            if any(words in (_text_of(exc) or "") for words in _NO_RUN):
                raise ClassifierFailed(task.task_id, _PAUSED) from exc
            raise
        if isinstance(answer, dict) and "__interrupt__" in answer:
            raise ClassifierFailed(task.task_id, _PAUSED)
        if isinstance(answer, Awaitable | Generator | AsyncGenerator):
            getattr(answer, "close", _nothing)()
            raise ClassifierFailed(task.task_id, f"the classifier {self._name!r} {_STREAMS}")
        return answer

    def _answer(self, task: Task) -> Any:
        context = copy_context()
        context.run(var_child_runnable_config.set, None)
        # A copy, which a call may write to even after its limit: the task of the case stays as it was submitted.
        given = task.model_copy(deep=True)
        started = monotonic()

        def call() -> Any:
            return context.run(self._invoke, given)

        answer = call() if self.seconds is None else _within(self.seconds, call, task)
        if not isinstance(answer, Awaitable):
            return answer
        left = None if self.seconds is None else self.seconds - (monotonic() - started)
        return self.loop.run(answer, context, left)

    def _invoke(self, task: Task) -> Any:
        """Return the answer, or the awaitable of an asynchronous classifier.

        Only the call shows that a chain or a graph has an asynchronous part.
        """
        ainvoke = getattr(self.classifier, "ainvoke", None)
        if inspect.isasyncgenfunction(getattr(self.classifier, "afunc", None)):
            raise ClassifierFailed(task.task_id, f"the classifier {self._name!r} {_STREAMS}")
        if not callable(getattr(self.classifier, "invoke", None)) and callable(ainvoke):
            return ainvoke(task)
        try:
            return self.classifier.invoke(task)  # type: ignore[union-attr]
        except (TypeError, NotImplementedError) as exc:
            asynchronous = isinstance(exc, NotImplementedError) or any(
                words in (_text_of(exc) or "") for words in _ASYNCHRONOUS
            )
            if not asynchronous or not callable(ainvoke):
                raise
        return ainvoke(task)

    @property
    def _name(self) -> str:
        return getattr(self.classifier, "name", None) or type(self.classifier).__name__


def _is_retried(policy: RetryPolicy, exc: Exception) -> bool:
    """Return whether a policy asks for another call after an error; a test of it that fails does not."""
    retried = policy.retry_on
    if isinstance(retried, type):
        return isinstance(exc, retried)
    if isinstance(retried, Sequence):
        return isinstance(exc, tuple(retried))
    try:
        return bool(retried(exc))
    except Exception as failed:  # noqa: BLE001 - foreign code
        about = {"case_id": None, "event": "retry_policy_failed"}
        in_log.log_foreign(_log, "the retry_on of the classifier's RetryPolicy failed", failed, about)
        return False


def output_of(task: Task, answer: Any) -> AgentOutput | None:
    """Validate the answer of a classifier. None means no proposal, so that a reviewer decides.

    An answer is an agent output, or a proposal alone, as a value or as the dict or the typed object of its fields; it
    need not repeat the id of the task. Beside the fields of a proposal, `confidence_score` is that of the output.

    Raises:
        InvalidInput: it is none of these, or is for another task.
    """
    where = _answer_to(task)
    if answer is None:
        return None
    try:
        output = normalized(AgentOutput.model_validate(_fields_of(task, answer)), where)
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, AgentOutput)) from exc
    check_record(output, where)
    if output.task_id != task.task_id:
        raise InvalidInput([f"{where}: task_id: {output.task_id!r} is another task"])
    return output


def _fields_of(task: Task, answer: Any) -> Any:
    """Return the fields of an agent output, as far as the answer has any. Text alone is no answer."""
    if isinstance(answer, Enum) and isinstance(answer.value, str):
        answer = {"predicted_label": answer.value}
    elif isinstance(answer, BaseModel):
        known = isinstance(answer, AgentOutput | Proposal)
        answer = answer.model_dump(mode="python" if known else "json", warnings=False, serialize_as_any=True)
    elif is_dataclass(answer) and not isinstance(answer, type):
        answer = asdict(answer)
    if not isinstance(answer, Mapping):
        return answer
    fields = dict(answer)
    if not {"predicted_label", "agent_output"} & fields.keys():
        named = "name the label 'predicted_label', as a proposal does, or give an agent output"
        raise InvalidInput(
            [f"{_answer_to(task)}: predicted_label: missing among {shortened(', '.join(map(repr, fields)))}; {named}"]
        )
    if "confidence" in fields and "confidence_score" not in fields:
        stated = "it would count for nothing; name the confidence of the answer 'confidence_score'"
        raise InvalidInput([f"{_answer_to(task)}: confidence: {stated}"])
    if "predicted_label" in fields and "agent_output" not in fields:
        own = {name: fields.pop(name) for name in ("task_id", "confidence_score") if name in fields}
        fields = {**own, "agent_output": fields}
    return {"task_id": task.task_id, **fields}


def _answer_to(task: Task) -> str:
    return f"the classifier's answer to task {task.task_id!r}"


def sentence_of(exc: BaseException, task: Task) -> str:
    """Return an error on one line of at most `MAX_ERROR` characters, in which no character is invisible.

    Quotation marks become single ones, since the sentence is quoted in the reason of the routing.
    """
    if isinstance(exc, ClassifierFailed):
        text = exc.why
    elif isinstance(exc, InvalidInput):
        text = "; ".join(exc.problems).replace(_answer_to(task), "its answer")
    else:
        text = in_log.sentence_of(exc)
    line = " ".join(text[: 2 * MAX_ERROR].replace('"', "'").encode(errors="replace").decode().split())
    shown = escape_invisible(line)
    return shown if len(shown) <= MAX_ERROR else f"{shown[: MAX_ERROR - 1]}…"


def _text_of(exc: BaseException) -> str | None:
    """Return the text of an error, None if making it fails."""
    try:
        return str(exc)
    except BaseException as failed:
        if isinstance(failed, KeyboardInterrupt):
            raise
        return None


def _within(seconds: float, call: Callable[[], Any], task: Task) -> Any:
    """Return the answer of a call in a thread that never keeps the process from ending. A late answer is dropped."""
    ended: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            ended.put((call(), None))
        except BaseException as exc:  # noqa: BLE001 - raised in the thread of the caller
            ended.put((None, exc))

    Thread(target=run, daemon=True, name="hitl-classifier").start()
    try:
        answer, error = ended.get(timeout=seconds)
    except Empty:
        raise ClassifierFailed(task.task_id, f"it took longer than {seconds:g} seconds") from None
    if isinstance(error, KeyboardInterrupt):
        # Of the classifier itself: a user interrupts the main thread only.
        raise ClassifierFailed(task.task_id, sentence_of(error, task)) from error
    if error is not None:
        raise error
    return answer


def _nothing() -> None:
    """Close nothing."""
