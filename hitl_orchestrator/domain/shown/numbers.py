"""Numbers as people read them. None looks like the other side of a bound.

Confidences are cut off, because rules compare them with bounds. Shares are rounded; the ends of an interval outwards.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

_EXACT = Context(prec=400, rounding=ROUND_DOWN)
_PERCENT, _ALL = 2, Decimal(100)
_CENTS, _LEAST_CENTS = 2, 0.005
_DIGITS = 9
"""The digits of a percentage that are exact: further ones come from arithmetic."""


def plain_number(value: float) -> str:
    """Return a number as it is, without an exponent and without `.0`: `1000000`, `0.80003`."""
    return f"{_exact(value):f}".removesuffix(".0")


def amount_text(value: float) -> str:
    """Return an amount with two decimals, rounded, since sums of fractions are not exact: `4,755.46`.

    An amount below these decimals keeps its first digit other than 0.
    """
    return cut_off(value, _CENTS) if abs(value) < _LEAST_CENTS else f"{value:,.{_CENTS}f}"


def cut_off(value: float, digits: int) -> str:
    """Return a number cut off after `digits` decimals, with commas for thousands: 0.79996 is `0.7999`, never `0.8000`.

    A number below the last of these decimals keeps its first digit other than 0: 0.00001 is `0.00001`, never `0.0000`.
    So it never looks like it reaches a bound of so many decimals that it does not reach, or lacks one that it has.
    """
    return _cut_off(_exact(value), digits)


def confidence_text(value: float, among: Iterable[float | None] = ()) -> str:
    """Return a confidence with two decimals if it has no more, else cut off after four: `0.80`, `0.7999`.

    With two only if those `among` which it is listed have no more either, so that a column has one form.
    """
    has_more = any(round(each, 2) != each for each in (value, *among) if each is not None)
    return cut_off(value, 4 if has_more else 2)


def percent(share: float, digits: int = 0, *, bound: float | None = None) -> str:
    """Return a share of 1 in percent, rounded: 113 of 300 are `38 %`.

    More than none is never `0 %`, and less than all is never `100 %`: 1 of 3000 is `<1 %`, and 2999 of 3000 are
    `>99 %`. A share that is compared with a `bound`, itself a share of 1, has as many more digits as keep it on its
    side of the bound: with a bound of 0.05, a share of 0.0504 is `5.04 %`.
    """
    exact = _exact(share)
    # Beside a bound, `<1 %` would not say on which side of it the share is.
    bounds = () if bound is None else (bound, 0.0, 1.0)
    rounded = _rounded(_in_percent(exact), digits, ROUND_HALF_UP, bounds)
    least = Decimal(1).scaleb(1 - _DIGITS if bounds else -digits)
    if exact > 0 and not rounded:
        return f"<{least} %"
    if exact < 1 and rounded == _ALL:
        return f">{_ALL - least} %"
    return f"{rounded:f} %"


def bound_percent(bound: float) -> str:
    """Return a bound, which is a share of 1, in percent with all of its digits: `5 %`, `2.5 %`."""
    return f"{_in_percent(_without_noise(bound)).normalize():f} %"


def lowest_percent(share: float, digits: int = 0, *, bound: float | None = None) -> str:
    """Return the lower end of an interval in percent, rounded down. `bound` is as for `percent`."""
    return _end(share, digits, ROUND_FLOOR, bound)


def highest_percent(share: float, digits: int = 0, *, bound: float | None = None) -> str:
    """Return the upper end of an interval in percent, rounded up. `bound` is as for `percent`."""
    return _end(share, digits, ROUND_CEILING, bound)


def percent_interval(lowest: float, highest: float, digits: int = 0, *, bound: float | None = None) -> str:
    """Return an interval in percent, never narrower than it is: `[42 %, 72 %]`. `bound` is as for `percent`."""
    return f"[{lowest_percent(lowest, digits, bound=bound)}, {highest_percent(highest, digits, bound=bound)}]"


def _end(share: float, digits: int, rounding: str, bound: float | None) -> str:
    bounds = () if bound is None else (bound,)
    return f"{_rounded(_in_percent(_without_noise(share)), digits, rounding, bounds):f} %"


def _rounded(value: Decimal, digits: int, rounding: str, bounds: Sequence[float]) -> Decimal:
    """Round a number of percent to `digits`, or to the fewest more that keep it on its side of all bounds."""
    for wanted in range(digits, _DIGITS):
        rounded = value.quantize(Decimal(1).scaleb(-wanted), rounding=rounding)
        if all(_side(rounded, bound) == _side(value, bound) for bound in bounds):
            return rounded
    return value.quantize(Decimal(1).scaleb(-digits), rounding=rounding)


def _side(value: Decimal, bound: float) -> int:
    """Return 1 above the bound, -1 below it and 0 on it; what only arithmetic differs by is on it."""
    apart = (value - _in_percent(_exact(bound))).quantize(Decimal(1).scaleb(-_DIGITS), context=_EXACT)
    return (apart > 0) - (apart < 0)


def _exact(value: float) -> Decimal:
    return _EXACT.create_decimal(repr(value))


def _without_noise(share: float) -> Decimal:
    """Return a share without its last digits, which come from arithmetic and would move an end by a whole step."""
    return _exact(round(share, _DIGITS + _PERCENT))


def _in_percent(share: Decimal) -> Decimal:
    return share.scaleb(_PERCENT, _EXACT)


def _cut_off(value: Decimal, digits: int) -> str:
    last = -max(digits, -value.adjusted()) if value else -digits
    return f"{value.quantize(Decimal(1).scaleb(last), context=_EXACT):,f}"
