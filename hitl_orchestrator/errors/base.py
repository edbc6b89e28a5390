"""The roots of the tree of errors, and the length of their messages."""

from collections.abc import Iterable
from typing import ClassVar

MOST_PROBLEMS, MOST_IN_A_PROBLEM, MOST_IN_A_MESSAGE = 20, 400, 8_400
"""The largest number of problems in one error, and of characters in one of them and in a whole message."""


def shortened(text: str, most: int = 60) -> str:
    """Return a text of at most this many characters; a longer one ends in `...`."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def without_middle(text: str, most: int = MOST_IN_A_PROBLEM) -> str:
    """Return a text of at most this many characters; a longer one keeps its begin, a place, and its end, a remedy."""
    kept = (most - 5) // 2
    return text if len(text) <= most else f"{text[:kept]} ... {text[-kept:]}"


class HitlError(Exception):
    """The root of all errors that this package raises on purpose."""

    http_status: ClassVar[int] = 500

    def __init__(self, message: str = "") -> None:
        """Keep the message; the middle of a very long one is left out."""
        super().__init__(without_middle(message, MOST_IN_A_MESSAGE))

    def __init_subclass__(cls, http_status: int | None = None) -> None:
        """Set the status that a server answers with; a subclass inherits it."""
        cls.http_status = http_status or cls.http_status


class InvalidInput(HitlError, http_status=422):
    """The input cannot be used, and nothing of it was stored. `problems` has a sentence per problem, with its place.

    At most 20 problems are listed, and then their number. `total` counts all of them. The middle of a longer sentence
    is left out, so that its place and its remedy remain.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        listed, self.total = list[str](), 0
        for problem in problems:
            more = 1
            if isinstance(problem, _More):
                more = problem.number
            elif len(listed) < MOST_PROBLEMS:
                listed.append(without_middle(problem))
            self.total += more
        left = self.total - len(listed)
        self.problems = (*listed, _More(left)) if left else tuple(listed)
        super().__init__("\n".join(self.problems))


class _More(str):
    """The sentence that stands for the problems beyond the largest number."""

    number: int

    def __new__(cls, number: int) -> "_More":
        text = super().__new__(cls, f"... and {number} more")
        text.number = number
        return text


def install_hint(extra: str) -> str:
    """Return how to install an optional extra: from a clone and from a wheel file, since no package index has it."""
    wheel = f"pip install 'WHEEL[{extra}]' with the path of the wheel file"
    return f"install the extra {extra!r}: pip install '.[{extra}]' in a clone, or {wheel}"


class RequestRejected(HitlError, http_status=409):
    """The request is valid, and the answer is no."""
