"""The sizes of tests: small in CI, large in the soak."""

from typing import Any

import pytest


def sized(names: str, *, ci: Any, soak: Any) -> pytest.MarkDecorator:
    """Run a test with the values of CI, and in the soak with its own."""
    return pytest.mark.parametrize(
        names, [pytest.param(*_values(ci), id="ci"), pytest.param(*_values(soak), id="soak", marks=pytest.mark.soak)]
    )


def _values(given: Any) -> tuple[Any, ...]:
    return given if isinstance(given, tuple) else (given,)
