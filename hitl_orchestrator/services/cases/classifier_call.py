"""Call the classifier of the application: foreign code, whose failures lead to a reviewer instead of a lost case."""

import inspect
import logging
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread, current_thread, main_thread
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.errors import GraphBubbleUp
from pydantic import ValidationError

from hitl_orchestrator.domain.decision import MAX_ERROR
from hitl_orchestrator.domain.enums import OnClassifierError
from hitl_orchestrator.domain.input.normalization import normalized
from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import ClassifierFailed, InvalidInput
from hitl_orchestrator.nodes.ports import Answer, Classifier

_PAUSED = "it paused for an answer; give the agent a checkpointer of its own, or no approval step"
# What LangChain raises where a coroutine function is to be called.
_COROUTINE_FUNCTION = "Cannot invoke a coroutine function"
# What LangGraph raises where `interrupt` is called outside of a graph: it finds no run, or no state of one.
_NO_RUN = ("outside of a runnable context", "__pregel_scratchpad")
__all__ = ["ClassifierCall", "output_of", "sentence_of"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClassifierCall:
    """Calls a classifier up to `attempts` times, each time for at most `seconds`; None is no limit.

    A pause, an overrun limit and an asynchronous function are not tried again: the next call would end the same way.
    """

    classifier: Classifier
    on_error: OnClassifierError = OnClassifierError.HUMAN_REVIEW
    attempts: int = 2
    seconds: float | None = None

    def answer(self, task: Task) -> Answer:
        """Return the output for a task, or the error for the reviewer.

        Raises:
            KeyboardInterrupt: the user interrupted the main thread; the case stays `received`.
            Exception: the error of the last attempt, if errors are to be raised; `ClassifierFailed` for one that is no
                `Exception`, such as `SystemExit`, or has no text.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return Answer(output_of(task, self._call(task)))
            except BaseException as exc:
                if isinstance(exc, KeyboardInterrupt) and current_thread() is main_thread():
                    raise
                error = sentence_of(exc, task)
                about = {"case_id": None, "task_id": task.task_id, "event": "classifier_failed"}
                _log.warning("the classifier failed on task %s: %s", task.task_id, error, extra=about)
                if attempt == self.attempts or isinstance(exc, ClassifierFailed):
                    if self.on_error is not OnClassifierError.RAISE:
                        break
                    if isinstance(exc, Exception) and _text_of(exc) is not None:
                        raise
                    raise ClassifierFailed(task.task_id, error) from exc
        return Answer(None, error)

    def _call(self, task: Task) -> Any:
        """Call the classifier outside of our graph, so that an agent in it is a graph of its own."""
        context = copy_context()
        context.run(var_child_runnable_config.set, None)
        given = task.model_copy(deep=True)

        def call() -> Any:
            # A copy, which a call may write to even after its limit: the task of the case stays as it was submitted.
            return context.run(self.classifier.invoke, given)

        try:
            answer = call() if self.seconds is None else _within(self.seconds, call, task)
        except GraphBubbleUp as exc:
            raise ClassifierFailed(task.task_id, _PAUSED) from exc
        except (RuntimeError, KeyError) as exc:
            if any(words in (_text_of(exc) or "") for words in _NO_RUN):
                raise ClassifierFailed(task.task_id, _PAUSED) from exc
            raise
        except TypeError as exc:
            if _COROUTINE_FUNCTION in (_text_of(exc) or ""):
                raise self._asynchronous(task) from exc
            raise
        if isinstance(answer, dict) and "__interrupt__" in answer:
            raise ClassifierFailed(task.task_id, _PAUSED)
        if inspect.isawaitable(answer) or inspect.isgenerator(answer) or inspect.isasyncgen(answer):
            getattr(answer, "close", _nothing)()
            raise self._asynchronous(task)
        return answer

    def _asynchronous(self, task: Task) -> ClassifierFailed:
        name = getattr(self.classifier, "name", None) or type(self.classifier).__name__
        why = f"the classifier {name!r} is asynchronous; give a function that returns the output itself"
        return ClassifierFailed(task.task_id, why)


def output_of(task: Task, answer: Any) -> AgentOutput | None:
    """Validate the answer of a classifier. None means no proposal, so that a reviewer decides.

    Raises:
        InvalidInput: it is not an agent output, or is for another task.
    """
    where = _answer_to(task)
    if answer is None:
        return None
    if isinstance(answer, AgentOutput):
        answer = answer.model_dump(warnings=False, serialize_as_any=True)
    try:
        output = normalized(AgentOutput.model_validate(answer), where)
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, AgentOutput)) from exc
    check_record(output, where)
    if output.task_id != task.task_id:
        raise InvalidInput([f"{where}: task_id: {output.task_id!r} is another task"])
    return output


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
        text = f"{type(exc).__name__}: {_text_of(exc) or ''}".removesuffix(": ")
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
