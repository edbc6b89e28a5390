"""Arithmetic in policies: `+ - * /`, parentheses, numbers and names. It is parsed here, and never run as code.

Values are exact: `0.1 + 0.2` is 0.3, since every number counts as it is written in decimal.
"""

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from typing import NamedTuple, TypeAlias

LONGEST, DEEPEST = 500, 20
"""The number of characters of an expression, and of parentheses and signs around one of its parts."""

LARGEST = Fraction(10) ** 300
"""A larger result, also of a part, is unknown, as it is for the numbers that conditions compare."""

NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
_TOKEN = re.compile(rf"[ \t\r\n]*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>{NAME})|(?P<sign>[-+*/()])|(?P<end>\Z))")
_SUM, _PRODUCT, _SIGNED, _ATOM = range(4)
_BINDS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}

ValueOf: TypeAlias = Callable[[str], object]
"""Returns the value of a name; None if it is unknown."""


class Number(NamedTuple):
    """A number in decimal, without needless zeros."""

    text: str


class Name(NamedTuple):
    """The name of a fact."""

    name: str


class Negative(NamedTuple):
    """A part with its sign changed."""

    part: "Part"


class Operation(NamedTuple):
    """Two parts and the sign between them."""

    sign: str
    left: "Part"
    right: "Part"


Part: TypeAlias = Number | Name | Negative | Operation


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


@lru_cache(maxsize=1000)
def parsed(text: str) -> Part:
    """Return the parts of an expression.

    Raises:
        ValueError: it is not one; the message names the position, counted from 1.
    """
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters, and the limit is {LONGEST}")
    return _Parser(text).whole()


def written(part: Part) -> str:
    """Return an expression in its one form, with blanks around signs and no needless parentheses."""
    match part:
        case Number(text):
            return text
        case Name(name):
            return name
        case Negative(inner):
            return f"-{_within(inner, _SIGNED)}"
        case Operation(sign, left, right):
            binds = _BINDS[sign]
            return f"{_within(left, binds)} {sign} {_within(right, binds + 1)}"


def names_in(part: Part) -> Iterator[str]:
    """Yield the names in an expression, in order, some of them several times."""
    match part:
        case Name(name):
            yield name
        case Negative(inner):
            yield from names_in(inner)
        case Operation(_, left, right):
            yield from names_in(left)
            yield from names_in(right)


def value_of(part: Part, value: ValueOf) -> float | None:
    """Return the value of an expression, rounded once; None if a part of it is unknown.

    A value that is no finite number, a division by zero and a result beyond `LARGEST` are unknown.
    """
    exact = _exact(part, value)
    return None if exact is None else float(exact)


def _exact(part: Part, value: ValueOf) -> Fraction | None:
    match part:
        case Number(text):
            return Fraction(text)
        case Name(name):
            return _fraction(value(name))
        case Negative(inner):
            found = _exact(inner, value)
            return None if found is None else -found
        case Operation(sign, left, right):
            first, second = _exact(left, value), _exact(right, value)
            return None if first is None or second is None else _result(sign, first, second)


def _result(sign: str, first: Fraction, second: Fraction) -> Fraction | None:
    if sign == "/" and not second:
        return None
    result = {
        "+": Fraction.__add__,
        "-": Fraction.__sub__,
        "*": Fraction.__mul__,
        "/": Fraction.__truediv__,
    }[sign](first, second)
    return result if abs(result) <= LARGEST else None


def _fraction(value: object) -> Fraction | None:
    """Return a number as it is written in decimal; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    exact = Fraction(value) if isinstance(value, int) else Fraction(repr(value))
    return exact if abs(exact) <= LARGEST else None


def _plain(number: str) -> str:
    whole, _, rest = number.partition(".")
    rest = rest.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{rest}" if rest else "")


def _within(part: Part, binds: int) -> str:
    text = written(part)
    match part:
        case Operation(sign) if _BINDS[sign] < binds:
            return f"({text})"
        case _:
            return text


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._place, self._depth = 0, 0

    def whole(self) -> Part:
        part = self._sum()
        if self._next.kind != "end":
            raise self._unexpected("a sign + - * / or the end")
        return part

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _taken(self) -> _Token:
        self._place += 1
        return self._tokens[self._place - 1]

    def _sum(self) -> Part:
        return self._chain(_SUM, self._product)

    def _product(self) -> Part:
        return self._chain(_PRODUCT, self._signed)

    def _chain(self, binds: int, operand: Callable[[], Part]) -> Part:
        part = operand()
        while _BINDS.get(self._next.text) == binds:
            part = Operation(self._taken().text, part, operand())
        return part

    def _signed(self) -> Part:
        token = self._next
        if token.kind == "number":
            return Number(_plain(self._taken().text))
        if token.kind == "name":
            return Name(self._taken().text)
        if token.text not in ("-", "("):
            raise self._unexpected("a number, a name, - or (")
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError(f"position {token.position}: more than {DEEPEST} parentheses or signs around one part")
        self._place += 1
        part = Negative(self._signed()) if token.text == "-" else self._closed(token)
        self._depth -= 1
        return part

    def _closed(self, opened: _Token) -> Part:
        part = self._sum()
        if self._next.text != ")":
            raise self._unexpected(f"a sign + - * / or the ) for the ( at position {opened.position}")
        self._place += 1
        return part

    def _unexpected(self, expected: str) -> ValueError:
        found = repr(self._next.text) if self._next.text else "the end"
        return ValueError(f"position {self._next.position}: {found} in place of {expected}")


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while True:
        match = _TOKEN.match(text, place)
        if match is None:
            wrong = len(text) - len(text[place:].lstrip(" \t\r\n"))
            raise ValueError(f"position {wrong + 1}: {text[wrong]!r} is no part of arithmetic")
        kind = str(match.lastgroup)
        yield _Token(kind, match[kind], match.start(kind) + 1)
        if kind == "end":
            return
        place = match.end()
