"""Checks of the arguments with which a store is opened, before anything is stored."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.risk import RiskRule

__all__ = ["check_durations", "check_hook", "check_rules", "is_number", "is_whole"]

_DAY = 86_400


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; True and False are none."""
    return is_whole(value) or (isinstance(value, float) and isfinite(value))


def check_durations(**seconds: Any) -> None:
    """Raise `InvalidInput` unless these are numbers of seconds in [0, 86,400]."""
    wrong = [name for name, value in seconds.items() if not (is_number(value) and 0 <= value <= _DAY)]
    if wrong:
        raise InvalidInput([f"{name}: {seconds[name]!r} is not in [0, {_DAY}] seconds" for name in wrong])


def check_rules(risk_rules: Any, embeddings: Any, head_every: Any) -> None:
    """Raise `InvalidInput` unless these are rules, embeddings, and a number of entries of at least 1."""
    problems = []
    is_list = isinstance(risk_rules, Sequence) and all(isinstance(rule, RiskRule) for rule in risk_rules)
    if not is_list:
        problems.append(f"risk_rules: {risk_rules!r} is not a list of RiskRule")
    if embeddings is not None and not callable(getattr(embeddings, "embed_documents", None)):
        problems.append(f"embeddings: {embeddings!r} is not LangChain Embeddings")
    if not (is_whole(head_every) and head_every >= 1):
        problems.append(f"head_every: {head_every!r} is not a number of entries of at least 1")
    if problems:
        raise InvalidInput(problems)


def check_hook(on_decided: Any) -> None:
    """Raise `InvalidInput` unless this is a function of a case."""
    if not (on_decided is None or callable(on_decided)):
        raise InvalidInput([f"on_decided: {on_decided!r} is not a function of a case"])
