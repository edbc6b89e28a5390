"""Names of a package that are imported when they are first used (PEP 562), so that importing the package is fast."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package: `modules` maps each name to its module, relative to the package.

    A module followed by `:NAME` has the value under another name.

    Assign it in the `__init__` of the package: `__getattr__ = lazy_names(__name__, {"Task": "domain.task"})`.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, other = modules[name].partition(":")
        return getattr(import_module(f"{package}.{module}"), other or name)

    return get
