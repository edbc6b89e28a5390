"""The orchestrator that an application has opened, named as `module:name`: with its classifier and its resumers."""

import importlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hitl_orchestrator.errors import HitlError, InvalidInput, shortened
from hitl_orchestrator.errors.in_log import sentence_of

if TYPE_CHECKING:
    from hitl_orchestrator.orchestrator import Orchestrator

__all__ = ["attempted", "imported", "orchestrator_of"]

T = TypeVar("T")
_FORM = "give module:name, such as my_app:hitl"
_MISSING = object()


def orchestrator_of(named: str) -> "Orchestrator":
    """Import the orchestrator of an application, from the current folder or from the installed packages.

    The name is that of an open `Orchestrator`, or of a function that returns one.

    Raises:
        InvalidInput: the text has another form, the import failed, or the name is that of something else.
    """
    from hitl_orchestrator.orchestrator import Orchestrator  # noqa: PLC0415 - slow, and rarely needed

    module, _, name = named.partition(":")
    if not module or not name or not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise InvalidInput([f"--app {shortened(named)!r}: {_FORM}"])
    where = f"--app {named!r}"
    found = imported(where, module, name, remedy=_FORM)
    if attempted(f"{where}: {name} cannot be used", lambda: callable(found) and not isinstance(found, Orchestrator)):
        found = attempted(f"{where}: it could not be opened", found)
    if attempted(f"{where}: {name} cannot be used", lambda: isinstance(found, Orchestrator)):
        return cast("Orchestrator", found)
    kind = type(found).__name__
    remedy = "name an Orchestrator that was opened, or a function that returns one"
    raise InvalidInput([f"{where}: {name} is of the type {kind}; {remedy}"])


def imported(where: str, module: str, name: str, *, remedy: str) -> Any:
    """Import a name of a module, from the current folder or from the installed packages. Raises `InvalidInput`."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    found: Any = attempted(f"{where}: module {module} cannot be imported", lambda: importlib.import_module(module))
    for part in name.split("."):
        found = attempted(f"{where}: module {module}: {name} cannot be read", partial(getattr, found, part, _MISSING))
        if found is _MISSING:
            raise InvalidInput([f"{where}: module {module} has no {name}; {remedy}"])
    return found


def attempted(where: str, step: Callable[[], T]) -> T:
    """Take a step of foreign code, which may fail in any way, such as to end the process.

    Raises:
        InvalidInput: it failed; an error of this package, and the interrupt of a user, pass.
    """
    try:
        return step()
    except (HitlError, KeyboardInterrupt):
        raise
    except BaseException as exc:
        text = shortened(" ".join(sentence_of(exc).split()), 300)
        raise InvalidInput([f"{where}: {text}; correct the application"]) from exc
