"""Between typed nodes and the plain JSON of a checkpoint: validate on the way in, dump on the way out.

A value that would be large in a checkpoint is kept once, beside it, and the state carries its digest.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import BaseModel

from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.nodes.ports import Payloads
from hitl_orchestrator.nodes.state import Submitted, Update

LARGEST_IN_STATE = 16_384
_KEPT = "$kept"

State = TypeVar("State", bound=Submitted)
PlainState = dict[str, Any]


class StateNotSound(HitlError):
    """The state of a case is not what the running code wrote: a fault or a forgery, never a normal answer."""

    def __init__(self, node: str, why: str) -> None:
        super().__init__(f"node {node!r}: the state of this case is not sound: {why}")
        self.node = node


def plain(value: BaseModel | None, payloads: Payloads) -> Any:
    """Return a value as plain JSON, or as a reference to where it is kept if it is large."""
    if value is None:
        return None
    text = value.model_dump_json()
    if len(text) <= LARGEST_IN_STATE:
        return json.loads(text)
    name = sha256(text.encode()).hexdigest()
    payloads.keep(name, text)
    return {_KEPT: name, "size": len(text)}


def whole(value: Any, payloads: Payloads) -> Any:
    """Return plain JSON with a reference followed; the kept text must have the digest that it is known by."""
    if not (isinstance(value, Mapping) and _KEPT in value):
        return value
    text = payloads.kept(value[_KEPT])
    if sha256(text.encode()).hexdigest() != value[_KEPT]:
        raise StateNotSound("adapter", f"the payload {value[_KEPT]!r} was changed since it was kept")
    return json.loads(text)


def step(
    name: str, node: Callable[[State], Update], reads: type[State], owns: str, payloads: Payloads
) -> Callable[[PlainState], PlainState]:
    """Make a typed node fit the graph. Whatever it returns beside its own key is a fault, and raises."""

    def run(state: PlainState) -> PlainState:
        known = {key: whole(state[key], payloads) for key in reads.model_fields if key in state}
        update = node(reads.model_validate(known))
        if set(update) != {owns}:
            raise StateNotSound(name, f"it may write {owns!r} and wrote {sorted(update)}")
        return {owns: plain(update[owns], payloads)}

    run.__name__ = name
    return run
