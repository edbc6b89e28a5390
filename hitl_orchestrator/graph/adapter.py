"""Convert between typed nodes and the plain JSON of a checkpoint: validate on reading, dump on writing.

A large value is stored once, outside the checkpoint, and the state carries its digest.
"""

import json
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any, Protocol, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from pydantic import ValidationError

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.errors import ForgedState, InvalidState, ThreadLost
from hitl_orchestrator.nodes.ports import Payloads
from hitl_orchestrator.nodes.state import CaseRun, Submitted
from hitl_orchestrator.nodes.traces import note_step
from hitl_orchestrator.telemetry import NO_SPANS, Spans

LARGEST_IN_STATE = 16_384
_REFERENCE = "$kept"

Kind = TypeVar("Kind", bound=Value)
PlainState = dict[str, Any]
Node = Callable[..., dict[str, Any]]


class Step(Protocol):
    """A node as LangGraph calls it."""

    def __call__(
        self, state: PlainState, config: RunnableConfig | None = None, runtime: Runtime[CaseRun] | None = None
    ) -> PlainState:
        """Return the update."""


class Adapter:
    """Dumps values into the state and validates them on the way back; large ones are stored under their digest.

    Without `payloads` the state is never stored, and holds the values themselves.
    """

    def __init__(self, payloads: Payloads | None, spans: Spans = NO_SPANS) -> None:
        self._payloads, self._spans = payloads, spans

    def plain(self, value: Value | None, case_id: str = "") -> Any:
        """Return a value of a case as plain JSON, or as a reference to the stored payload if it is large."""
        if value is None or self._payloads is None:
            return value
        text = value.model_dump_json()
        if len(text) <= LARGEST_IN_STATE:
            return json.loads(text)
        name = sha256(text.encode()).hexdigest()
        self._payloads.keep(name, text, case_id)
        return {_REFERENCE: name, "size": len(text)}

    def typed(self, kind: type[Kind], piece: Any) -> Kind:
        """Return the value of a piece of the state.

        Raises:
            InvalidState: it does not validate, or the payload that it refers to is missing or altered.
        """
        if self._payloads is None:
            return cast(Kind, piece)
        try:
            return kind.model_validate(self._resolved(piece, self._payloads))
        except ValidationError as exc:
            raise InvalidState(f"{kind.__name__} has {exc.error_count()} problems: {exc.errors()[0]['msg']}") from exc

    def step(self, name: str, node: Node, reads: type[Submitted], owns: str, *, needs_run: bool = False) -> Step:
        """Make a LangGraph node of a typed node, which must return its own key and nothing else.

        The caller of the graph passes a new `CaseRun` as the context. Without one, no value counts as computed here.
        """

        def run(
            state: PlainState, config: RunnableConfig | None = None, runtime: Runtime[CaseRun] | None = None
        ) -> PlainState:
            case_run = (runtime and runtime.context) or CaseRun()
            values = self._assembled(reads, state, case_run)
            case_id = values.submission.case_id
            thread = (config or {}).get("configurable", {}).get("thread_id", case_id)
            if thread != case_id:
                raise ForgedState(str(thread), f"it is the state of case {case_id!r}")
            with self._spans.span(f"hitl.{name}", hitl_case_id=case_id) as span:
                update = node(values, run=case_run) if needs_run else node(values)
                note_step(span, update.get(owns))
            if set(update) != {owns}:
                raise InvalidState(f"node {name!r} may write {owns!r} and wrote {sorted(update)}")
            case_run.computed[owns] = update[owns]
            return {owns: self.plain(update[owns], case_id)}

        run.__name__ = name
        return run

    def _assembled(self, reads: type[Submitted], state: PlainState, run: CaseRun) -> Submitted:
        """Return the values that a node reads: those of this run as they are, all others validated."""
        missing = [key for key in reads.model_fields if state.get(key) is None]
        if missing:
            raise ThreadLost(missing)
        if run.submission is None:
            run.submission = self.typed(Submission, state["submission"])
        computed = {**run.computed, "submission": run.submission}
        values: dict[str, Any] = {
            key: computed[key] if key in computed else self.typed(kind, state[key])
            for key, kind in kinds(reads).items()
        }
        return reads.model_construct(**values)

    def _resolved(self, piece: Any, payloads: Payloads) -> Any:
        """Follow a reference to a payload, whose text must have the digest that names it."""
        if not (isinstance(piece, dict) and _REFERENCE in piece):
            return piece
        name = str(piece[_REFERENCE])
        try:
            text = payloads.kept(name)
        except KeyError:
            raise InvalidState("a payload that it refers to is not stored here") from None
        if sha256(text.encode()).hexdigest() != name:
            raise InvalidState("a payload that it refers to was changed after it was stored")
        return json.loads(text)


@cache
def kinds(reads: type[Submitted]) -> dict[str, type[Value]]:
    """Return the type of each value that a node reads, by its key in the state."""
    return {key: cast(type[Value], field.annotation) for key, field in reads.model_fields.items()}
