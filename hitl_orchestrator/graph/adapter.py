"""Between typed nodes and the plain JSON of a checkpoint: validate on the way in, dump on the way out.

A value that would be large in a checkpoint is kept once, beside it, and the state carries its digest.
"""

import json
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any, Protocol, TypeVar, cast, get_args

from langchain_core.runnables import RunnableConfig
from pydantic import ValidationError

from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.errors import ForgedState, HitlError
from hitl_orchestrator.graph.runs import Runs
from hitl_orchestrator.nodes.ports import Payloads
from hitl_orchestrator.nodes.state import Submitted, Update

LARGEST_IN_STATE = 16_384
_KEPT = "$kept"

_MOST_REMEMBERED = 512

State = TypeVar("State", bound=Submitted)
Kind = TypeVar("Kind", bound=Value)
PlainState = dict[str, Any]


class Step(Protocol):
    """A node as LangGraph calls it."""

    def __call__(self, state: PlainState, config: RunnableConfig | None = None) -> PlainState:
        """Return the update."""


class InvalidState(HitlError):
    """The state of a case is not what the running code wrote: a fault or a forgery, never a normal answer."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the state of this case is not sound: {why}")


class ThreadLost(InvalidState):
    """The thread of a case was let go while somebody else was about to resume it."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"it has no {' and no '.join(missing)}; the thread was deleted while the case ran")


class Adapter:
    """Dumps values for the state, and makes values of it again; large ones go beside, under their digest.

    What this process has dumped or validated itself it need not validate again when the very same object comes back:
    that is the case from node to node of a run. What comes out of a checkpoint is always a new object.
    """

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads
        self._made: dict[int, tuple[Any, Value]] = {}
        self._runs = Runs()

    def plain(self, value: Value | None, case_id: str = "") -> Any:
        """Return a value of a case as plain JSON, or as a reference to where it is kept if it is large."""
        if value is None:
            return None
        text = value.model_dump_json()
        if len(text) > LARGEST_IN_STATE:
            name = sha256(text.encode()).hexdigest()
            self._payloads.keep(name, text, case_id)
            return {_KEPT: name, "size": len(text)}
        return self._remember(json.loads(text), value)

    def typed(self, kind: type[Kind], given: Any) -> Kind:
        """Return the value that a piece of state stands for.

        Raises:
            InvalidState: it is no such value, or the payload it names was lost or changed.
        """
        made = self._made.get(id(given))
        if made is not None and made[0] is given and isinstance(made[1], kind):
            return made[1]
        try:
            value = kind.model_validate(self._whole(given))
        except ValidationError as exc:
            raise InvalidState(f"{kind.__name__} has {exc.error_count()} problems: {exc.errors()[0]['msg']}") from exc
        if not _is_reference(given):
            self._remember(given, value)
        return value

    def step(self, name: str, node: Callable[[State], Update], reads: type[State], owns: str) -> Step:
        """Make a typed node fit the graph. Whatever it returns beside its own key is a fault, and raises."""

        def run(state: PlainState, config: RunnableConfig | None = None) -> PlainState:
            thread = (config or {}).get("configurable", {}).get("thread_id")
            given = self._assembled(reads, state)
            if thread not in (None, given.submission.case_id):
                raise ForgedState(str(thread), f"it is that of case {given.submission.case_id!r}")
            own = self._runs.made(reads, state)
            try:
                update = node(given.as_own(own))
            except BaseException:
                self._runs.forget(state)
                raise
            if set(update) != {owns}:
                raise InvalidState(f"node {name!r} may write {owns!r} and wrote {sorted(update)}")
            written = self.plain(update[owns], given.submission.case_id)
            self._runs.note(state, owns, written, own=own)
            return {owns: written}

        run.__name__ = name
        return run

    def _assembled(self, reads: type[State], state: PlainState) -> State:
        """Return the part of the state that a node reads, each key a value."""
        known = {key: self.typed(kind, state[key]) for key, kind in kinds(reads).items() if state.get(key) is not None}
        lost = [key for key, field in reads.model_fields.items() if field.is_required() and key not in known]
        if lost:
            raise ThreadLost(lost)
        parts: dict[str, Any] = known
        assembled: Any = reads.model_construct(**parts)
        return cast(State, assembled)

    def _whole(self, given: Any) -> Any:
        """Follow a reference; the kept text must have the digest that it is known by."""
        if not _is_reference(given):
            return given
        name = str(given[_KEPT])
        try:
            text = self._payloads.kept(name)
        except KeyError:
            raise InvalidState("a payload that it names is not kept here") from None
        if sha256(text.encode()).hexdigest() != name:
            raise InvalidState("a payload that it names was changed since it was kept")
        return json.loads(text)

    def _remember(self, made: Any, value: Value) -> Any:
        """Keep what belongs to a piece of state, by its identity. Forgetting is harmless, so there is no lock."""
        if len(self._made) >= _MOST_REMEMBERED:
            self._made.clear()
        self._made[id(made)] = (made, value)
        return made


def _is_reference(given: Any) -> bool:
    return isinstance(given, dict) and _KEPT in given


@cache
def kinds(reads: type[Submitted]) -> dict[str, type[Value]]:
    """Return the kind of value that each key of a part of the state holds."""
    return {
        key: next(kind for kind in (*get_args(field.annotation), field.annotation) if isinstance(kind, type))
        for key, field in reads.model_fields.items()
    }
