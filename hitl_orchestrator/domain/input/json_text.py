"""Strict JSON text: every value that JSON does not have, and every key that occurs twice, with its path."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hitl_orchestrator.errors import MOST_PROBLEMS, shortened


class FlawedJson(ValueError):
    """A text that Python reads and JSON forbids. `problems` has a sentence per flaw with its path, some at most."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Flaw:
    """Stands for a value that cannot be read."""

    def __init__(self, problem: str) -> None:
        self.problem = problem


class _Doubled(dict[str, Any]):
    """An object with a key that occurs twice."""

    problem: str


def syntax_error(message: str) -> str:
    """Return what the JSON reader of Python says about a place that is named before it, as a whole sentence."""
    if message.startswith("Unterminated string"):
        return "the text that starts here lacks its closing quotation mark"
    return message.removesuffix(": ").removesuffix(" at")


def loads_strictly(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        FlawedJson: it has NaN, an infinity, a number of too many digits, or a key that occurs twice in one object.
        json.JSONDecodeError, RecursionError: as `json.loads`.
    """
    flaws: list[_Flaw | _Doubled] = []

    def constant(word: str) -> _Flaw:
        flaws.append(_Flaw(f"{word} is not a number in JSON; leave the field out if there is no value"))
        return flaws[-1]  # type: ignore[return-value]

    def whole_number(digits: str) -> Any:
        if len(digits) <= sys.get_int_max_str_digits():
            return int(digits)
        flaws.append(_Flaw("a number has more digits than can be read; send it as text"))
        return flaws[-1]

    def record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) == len(pairs):
            return fields
        counts = Counter(key for key, _ in pairs)
        doubled = _Doubled(fields)
        key = next(key for key, count in counts.items() if count > 1)
        doubled.problem = f"the key {shortened(key)!r} occurs twice in one object"
        flaws.append(doubled)
        return doubled

    try:
        value = json.loads(text, parse_constant=constant, object_pairs_hook=record)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a number of too many digits; a hook for every number would slow down the common case
        value = json.loads(text, parse_constant=constant, parse_int=whole_number, object_pairs_hook=record)
    if flaws:
        raise FlawedJson(list(_described(value)))
    return value


def _described(value: Any) -> Iterator[str]:
    """Yield a sentence for each flaw in a value, in the order of the text; at most one more than an error lists."""
    pending, left = [("", value)], MOST_PROBLEMS + 1
    while pending and left:
        path, item = pending.pop()
        if isinstance(item, _Flaw | _Doubled):
            yield f"{path}: {item.problem}" if path else item.problem
            left -= 1
        if isinstance(item, dict):
            pending += [(f"{path}.{shortened(key)}" if path else shortened(key), item[key]) for key in reversed(item)]
        elif isinstance(item, list):
            pending += [(f"{path}[{index}]", item[index]) for index in reversed(range(len(item)))]
