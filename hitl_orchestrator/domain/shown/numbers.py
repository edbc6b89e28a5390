"""Numbers as people read them, cut off instead of rounded, so that none looks like the other side of a bound."""

from decimal import ROUND_DOWN, Context, Decimal

_EXACT = Context(prec=400, rounding=ROUND_DOWN)
_PERCENT = 2


def plain_number(value: float) -> str:
    """Return a number as it is, without an exponent and without `.0`: `1000000`, `0.80003`."""
    return f"{_EXACT.create_decimal(repr(value)):f}".removesuffix(".0")


def cut_off(value: float, digits: int) -> str:
    """Return a number cut off after `digits` decimals, with commas for thousands: 0.79996 is `0.7999`, never `0.8000`.

    A number below the last of these decimals keeps its first digit other than 0: 0.00001 is `0.00001`, never `0.0000`.
    So it never looks like it reaches a bound of so many decimals that it does not reach, or lacks one that it has.
    """
    return _cut_off(_EXACT.create_decimal(repr(value)), digits)


def confidence_text(value: float) -> str:
    """Return a confidence with two decimals if it has no more, else cut off after four: `0.80`, `0.7999`."""
    return cut_off(value, 2 if round(value, 2) == value else 4)


def percent(share: float, digits: int = 0) -> str:
    """Return a share of 1 in percent, cut off as `cut_off` does: 299 of 300 are `99%`, and 1 of 3000 is `0.03%`."""
    return f"{_cut_off(_EXACT.create_decimal(repr(share)).scaleb(_PERCENT, _EXACT), digits)}%"


def _cut_off(value: Decimal, digits: int) -> str:
    last = -max(digits, -value.adjusted()) if value else -digits
    return f"{value.quantize(Decimal(1).scaleb(last), context=_EXACT):,f}"
