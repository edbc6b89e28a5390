"""The classifier of an application, with its limits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from hitl_orchestrator.domain.enums import OnClassifierError
from hitl_orchestrator.domain.input.parsing import member_of
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.nodes.ports import AsynchronousClassifier, Classifier
from hitl_orchestrator.wiring.arguments import is_number, is_whole

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langgraph.types import RetryPolicy

    from hitl_orchestrator.services.cases.classifier_call import ClassifierCall

ATTEMPTS, SECONDS = 2, 300.0
"""The number of calls of a classifier that fails, and the limit of each call."""
MOST_ATTEMPTS, MOST_SECONDS, MOST_BACKOFF = 10, 86_400, 100
ClassifierSource: TypeAlias = "Classifier | AsynchronousClassifier | Runnable[Any, Any] | Callable[[Any], Any]"
"""A classifier as an application gives it: what can be invoked, or a function of the task; coroutine or not."""


@dataclass(frozen=True, kw_only=True)
class ClassifierSettings:
    """A classifier, the treatment of its failures, and the limits of its calls."""

    classifier: Classifier | AsynchronousClassifier | None = None
    on_error: OnClassifierError = OnClassifierError.HUMAN_REVIEW
    attempts: "int | RetryPolicy" = ATTEMPTS
    seconds: float | None = SECONDS

    @classmethod
    def of(
        cls,
        classifier: "ClassifierSource | None",
        on_error: OnClassifierError | str,
        attempts: "int | RetryPolicy",
        seconds: float | None,
    ) -> "ClassifierSettings":
        """Return the checked arguments of `Orchestrator.open`. Raises `InvalidInput`."""
        policy = member_of(OnClassifierError, on_error, "on_classifier_error")
        problems = []
        if isinstance(attempts, tuple):
            problems += _problems_of(attempts)
        elif not is_whole(attempts) or not 1 <= attempts <= MOST_ATTEMPTS:
            wanted = f"a number of calls in [1, {MOST_ATTEMPTS}], or a RetryPolicy of LangGraph"
            problems.append(f"classifier_attempts: {attempts!r} is not {wanted}")
        if seconds is not None and not (is_number(seconds) and 0 < seconds <= MOST_SECONDS):
            problems.append(f"classifier_timeout: {seconds!r} is not in (0, {MOST_SECONDS}] seconds; None is no limit")
        if not (classifier is None or callable(classifier) or _can_be_invoked(classifier)):
            problems.append(f"classifier: {classifier!r} is neither a function of the task nor a Runnable")
        if problems:
            raise InvalidInput(problems)
        return cls(classifier=as_classifier(classifier), on_error=policy, attempts=attempts, seconds=seconds)

    def call(self) -> "ClassifierCall | None":
        """Return the call of the classifier, None without one. Imports LangGraph, which is slow."""
        from hitl_orchestrator.services.cases.classifier_call import ClassifierCall  # noqa: PLC0415

        if self.classifier is None:
            return None
        return ClassifierCall(
            classifier=self.classifier, on_error=self.on_error, attempts=self.attempts, seconds=self.seconds
        )


def as_classifier(source: Any) -> Classifier | AsynchronousClassifier | None:
    """Return a classifier: the given one, or a function wrapped in a LangChain Runnable."""
    if source is None:
        return None
    if _can_be_invoked(source):
        classifier: Classifier | AsynchronousClassifier = source
        return classifier
    from langchain_core.runnables import RunnableLambda  # noqa: PLC0415 - slow to import, and rarely needed
    from langchain_core.runnables.utils import is_async_callable, is_async_generator  # noqa: PLC0415

    from hitl_orchestrator.services.cases.event_loop import kept_from_the_loop  # noqa: PLC0415 - needs no import before

    asynchronous = is_async_callable(source) and not is_async_generator(source)
    runnable: Any = RunnableLambda(kept_from_the_loop(source) if asynchronous else source)
    return as_classifier(runnable)


def _can_be_invoked(source: Any) -> bool:
    return any(callable(getattr(source, name, None)) for name in ("invoke", "ainvoke"))


def _problems_of(policy: Any) -> list[str]:
    """Return what is wrong with a retry policy, which LangGraph itself does not check."""
    from langgraph.types import RetryPolicy  # noqa: PLC0415 - slow to import, and rarely needed

    if not isinstance(policy, RetryPolicy):
        return [f"classifier_attempts: {policy!r} is not a RetryPolicy of LangGraph"]
    problems = []
    if not is_whole(policy.max_attempts) or not 1 <= policy.max_attempts <= MOST_ATTEMPTS:
        problems.append(f"max_attempts: {policy.max_attempts!r} is not in [1, {MOST_ATTEMPTS}]")
    for name, lowest, highest in (
        ("initial_interval", 0, MOST_SECONDS),
        ("max_interval", 0, MOST_SECONDS),
        ("backoff_factor", 1, MOST_BACKOFF),
    ):
        value = getattr(policy, name)
        if not (is_number(value) and lowest <= value <= highest):
            problems.append(f"{name}: {value!r} is not in [{lowest}, {highest}]")
    retried = policy.retry_on
    errors = retried if isinstance(retried, Sequence) and not isinstance(retried, str) else (retried,)
    if not callable(retried) and not all(isinstance(one, type) and issubclass(one, Exception) for one in errors):
        problems.append(f"retry_on: {retried!r} is neither a class of errors, a list of them, nor a function")
    return [f"classifier_attempts: RetryPolicy: {problem}" for problem in problems]
