"""The classifier of an application, with its limits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.enums import OnClassifierError
from hitl_orchestrator.domain.input.parsing import member_of
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.nodes.ports import Classifier
from hitl_orchestrator.wiring.arguments import is_number, is_whole

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from hitl_orchestrator.services.cases.classifier_call import ClassifierCall

ATTEMPTS, SECONDS = 2, 300.0
"""The number of calls of a classifier that fails, and the limit of each call."""
MOST_ATTEMPTS, MOST_SECONDS = 10, 86_400


@dataclass(frozen=True, kw_only=True)
class ClassifierSettings:
    """A classifier, the treatment of its failures, and the limits of its calls."""

    classifier: Classifier | None = None
    on_error: OnClassifierError = OnClassifierError.HUMAN_REVIEW
    attempts: int = ATTEMPTS
    seconds: float | None = SECONDS

    @classmethod
    def of(
        cls,
        classifier: "Classifier | Runnable[Any, Any] | Callable[[Any], Any] | None",
        on_error: OnClassifierError | str,
        attempts: int,
        seconds: float | None,
    ) -> "ClassifierSettings":
        """Return the checked arguments of `Orchestrator.open`. Raises `InvalidInput`."""
        policy = member_of(OnClassifierError, on_error, "on_classifier_error")
        problems = []
        if not is_whole(attempts) or not 1 <= attempts <= MOST_ATTEMPTS:
            problems.append(f"classifier_attempts: {attempts!r} is not a number of calls in [1, {MOST_ATTEMPTS}]")
        if seconds is not None and not (is_number(seconds) and 0 < seconds <= MOST_SECONDS):
            problems.append(f"classifier_timeout: {seconds!r} is not in (0, {MOST_SECONDS}] seconds; None is no limit")
        if not (classifier is None or callable(classifier) or callable(getattr(classifier, "invoke", None))):
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


def as_classifier(source: Any) -> Classifier | None:
    """Return a classifier: the given one, or a function wrapped in a LangChain Runnable."""
    if source is None:
        return None
    if callable(getattr(source, "invoke", None)):
        classifier: Classifier = source
        return classifier
    from langchain_core.runnables import RunnableLambda  # noqa: PLC0415 - slow to import, and rarely needed

    runnable: Any = RunnableLambda(source)
    return as_classifier(runnable)
