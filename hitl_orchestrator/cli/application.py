"""The orchestrator that an application has opened, named as `module:name`: with its classifier and its resumers."""

import importlib
import sys
from pathlib import Path
from typing import Any

from hitl_orchestrator.errors import HitlError, InvalidInput, shortened
from hitl_orchestrator.orchestrator import Orchestrator

_FORM = "give module:name, such as my_app:hitl"


def orchestrator_of(named: str) -> Orchestrator:
    """Import the orchestrator of an application, from the current folder or from the installed packages.

    The name is that of an open `Orchestrator`, or of a function that returns one.

    Raises:
        InvalidInput: the text has another form, the import failed, or the name is that of something else.
    """
    module, _, name = named.partition(":")
    if not module or not name or not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise InvalidInput([f"--app {shortened(named)!r}: {_FORM}"])
    found = _found(named, module, name)
    if callable(found) and not isinstance(found, Orchestrator):
        found = _called(named, found)
    if isinstance(found, Orchestrator):
        return found
    kind = type(found).__name__
    remedy = "name an Orchestrator that was opened, or a function that returns one"
    raise InvalidInput([f"--app {named!r}: {name} is of the type {kind}; {remedy}"])


def _found(named: str, module: str, name: str) -> Any:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(module)
    except HitlError:
        raise
    except Exception as exc:
        raise InvalidInput([f"--app {named!r}: module {module} cannot be imported: {_text(exc)}; {_FORM}"]) from exc
    for part in name.split("."):
        if not hasattr(found, part):
            raise InvalidInput([f"--app {named!r}: module {module} has no {name}; {_FORM}"])
        found = getattr(found, part)
    return found


def _called(named: str, function: Any) -> Any:
    try:
        return function()
    except HitlError:
        raise
    except Exception as exc:
        raise InvalidInput([f"--app {named!r}: it could not be opened: {_text(exc)}"]) from exc


def _text(exc: Exception) -> str:
    return shortened(" ".join(f"{type(exc).__name__}: {exc}".split()), 300)
