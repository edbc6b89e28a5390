"""Which call a node asks about: what `task_of` reads from the state, and the key that names the call in its thread."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

from hitl_orchestrator import AgentOutput, CallKey, Task
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.integrations.langgraph.place import Place, UnfitRun

__all__ = ["Asked", "KeyOf", "Proposed", "Question", "TaskOf"]

V = TypeVar("V", bound=Value)

Proposed: TypeAlias = tuple[Task | Mapping[str, Any], AgentOutput | Mapping[str, Any] | None]
TaskOf: TypeAlias = Callable[[Any], Proposed]
KeyOf: TypeAlias = Callable[[Any], str]

_KEYED = ":key"
"""The namespace of calls that the application names itself; no node has such a name."""

_UNNAMED = "call"
"""The id of a call without one, within the step that makes it."""

_PAIR = "return the task and the output, (task, output), with None for an output that the classifier of the store makes"


class Asked(NamedTuple):
    """A call about which a node asks."""

    key: CallKey
    task: Task
    output: AgentOutput | None


class Question(NamedTuple):
    """How a node reads its call from the state."""

    task_of: TaskOf
    key: KeyOf | None = None

    def of(self, state: Any, place: Place) -> Asked:
        """Return the call of a state.

        Raises:
            UnfitRun: `task_of` or `key` returned something else, or fields that cannot be used.
        """
        try:
            given, proposed = _pair(self.task_of(state))
            named = given.task_id if isinstance(given, Task) else given.get("task_id")
            task = _value(Task, given, {"task_id": _UNNAMED}, "task_of: the task")
            output = None
            if proposed is not None:
                output = _value(AgentOutput, proposed, {"task_id": task.task_id}, "task_of: the output")
        except InvalidInput as exc:
            raise UnfitRun(exc.problems) from exc
        return Asked(self._key(state, place, named), task, output)

    def _key(self, state: Any, place: Place, named: str | None) -> CallKey:
        if self.key is not None:
            return CallKey(thread=place.thread, call_id=_text(self.key(state)), namespace=_KEYED)
        if named is None:
            return CallKey(thread=place.thread, call_id=_UNNAMED, namespace=place.namespace)
        return CallKey(thread=place.thread, call_id=named, namespace=place.node)


def _pair(returned: Any) -> Proposed:
    if not isinstance(returned, tuple | list) or len(returned) != 2:  # noqa: PLR2004 - a task and an output
        raise InvalidInput([f"task_of: it returned a value of the type {type(returned).__name__!r}; {_PAIR}"])
    task, output = returned
    if not isinstance(task, Task | Mapping) or not isinstance(output, AgentOutput | Mapping | None):
        kinds = f"{type(task).__name__!r} and {type(output).__name__!r}"
        raise InvalidInput([f"task_of: it returned values of the types {kinds}; {_PAIR}"])
    return task, output


def _value(model: type[V], given: V | Mapping[str, Any], default: Mapping[str, Any], where: str) -> V:
    return given if isinstance(given, model) else parse(model, {**default, **dict(given)}, where)


def _text(key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise UnfitRun([f"key: it returned {key!r}; the key of a call is a text that is not empty"])
    return key
