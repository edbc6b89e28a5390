"""The names of guarded functions. Two functions never share one, or one would run under the approval of the other."""

import inspect
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from hitl_orchestrator.errors import InvalidInput

_EMPTY = object()


class Guarded(NamedTuple):
    """What makes a guarded function the one that it is.

    A function at the top level of a module is its place there, so that a notebook may define it again, and a module may
    be imported again. Any other one is its code with all that is bound to it.
    """

    place: tuple[str, str]
    code: object = None
    bound: tuple[object, ...] = ()

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "Guarded":
        """Return the identity of a function."""
        place = (str(getattr(function, "__module__", "")), str(getattr(function, "__qualname__", "")))
        if _is_at_top_level(function):
            return cls(place)
        owner, plain = getattr(function, "__self__", None), inspect.unwrap(getattr(function, "__func__", function))
        if not inspect.isfunction(plain):
            return cls(place, bound=(function,))
        defaults = (*(plain.__defaults__ or ()), *(plain.__kwdefaults__ or {}).values())
        cells = tuple(_content(cell) for cell in plain.__closure__ or ())
        return cls(place, plain.__code__, (owner, *cells, *defaults))

    def is_same(self, other: "Guarded") -> bool:
        """Return whether both are the same function: what is bound to them is the same object, not an equal one."""
        if (self.place, self.code, len(self.bound)) != (other.place, other.code, len(other.bound)):
            return False
        return all(mine is theirs for mine, theirs in zip(self.bound, other.bound, strict=True))


def name_of(function: Callable[..., Any], given: str | None) -> str:
    """Return the name of a guarded function: the given one, or its place in its module.

    Raises:
        InvalidInput: it has no name of its own.
    """
    if given is not None:
        return given
    if _is_at_top_level(function):
        return f"{_module(function)}.{function.__qualname__}"
    shown = getattr(function, "__qualname__", type(function).__name__)
    problem = f"guard: name: {shown} has no name of its own, and another function could run under its approvals"
    raise InvalidInput([f"{problem}; give each guarded function that is nested, bound or a lambda its own name="])


def claim_name(taken: MutableMapping[str, Any], name: str, function: Guarded) -> None:
    """Take a name among the guarded functions of an orchestrator.

    Raises:
        InvalidInput: another function has it.
    """
    if not taken.setdefault(name, function).is_same(function):
        problem = f"guard: name: {name!r} is the name of another guarded function of this orchestrator"
        raise InvalidInput([f"{problem}, whose approvals would let this one run; give each its own name="])


def _is_at_top_level(function: Callable[..., Any]) -> bool:
    owner = getattr(function, "__self__", None)
    is_bound = owner is not None and not isinstance(owner, ModuleType)
    return inspect.isroutine(function) and not is_bound and "<" not in function.__qualname__


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # a function that names itself is not bound yet
        return _EMPTY


def _module(function: Callable[..., Any]) -> str:
    """Return the module of a function; of a script the name of its file, since each script is called `__main__`."""
    module = function.__module__
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file).stem if module == "__main__" and file else module
