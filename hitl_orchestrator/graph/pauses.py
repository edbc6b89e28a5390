"""How often a node can pause, found in its code, so that the topology cannot say otherwise."""

import dis
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from langgraph.types import interrupt

from hitl_orchestrator.errors import HitlError

_OURS = __name__.partition(".")[0]


class PausesMisstated(HitlError):
    """A node pauses more or less often than the topology says, so the graph's version would not tell of it."""

    def __init__(self, node: str, found: int, stated: int) -> None:
        super().__init__(
            f"node {node!r} has {found} calls of interrupt and PAUSES in graph/topology.py says {stated}; "
            "change PAUSES, which changes the graph's version"
        )
        self.node, self.found, self.stated = node, found, stated


def check_pauses(node: str, step: Callable[..., Any], stated: int) -> None:
    """Refuse a node that pauses another number of times than stated.

    Raises:
        PausesMisstated: it does.
    """
    if (found := pauses_in(step)) != stated:
        raise PausesMisstated(node, found, stated)


def pauses_in(step: Callable[..., Any]) -> int:
    """Count the calls of `interrupt` in a node and in those functions of this package that it calls by name."""
    function = step.func if isinstance(step, partial) else step
    return _count(function, set()) if isinstance(function, FunctionType) else 0


def _count(function: FunctionType, seen: set[FunctionType]) -> int:
    seen.add(function)
    found = 0
    for name in _names(function.__code__):
        meant = function.__globals__.get(name)
        if meant is interrupt or name == interrupt.__name__:
            found += 1
        elif isinstance(meant, FunctionType) and meant.__module__.startswith(_OURS) and meant not in seen:
            found += _count(meant, seen)
    return found


def _names(code: CodeType) -> Iterator[str]:
    """Yield every name outside the function that its code reads, as often as it stands there."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_ATTR", "LOAD_METHOD"}:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
