"""Counters and arithmetic of random policies, and the values that such policies can distinguish."""

COUNTERS = {
    "visits": {"count": "cases", "same": "country", "within": "P30D"},
    "paid": {"sum": "amount", "within": "P1D", "of": "auto_approve"},
}
DERIVED = {"share": "amount / limit", "expected": "(paid + amount) * (1 - confidence)"}


_COUNTS, _SHARES = (3, 10), (0.5, 100)


def a_history(dice, kinds, depth):
    counted = {dice.choice(("eq", "ne", "lt", "le", "gt", "ge")): dice.choice(_COUNTS)}
    return {"history": {dice.choice(("visits", "paid")): dice.choice((counted, {"exists": True} | counted))}}


def a_derived(dice, kinds, depth):
    return {"derived": {dice.choice([*DERIVED]): {dice.choice(("lt", "le", "gt", "ge")): dice.choice(_SHARES)}}}


def _known(**fields):
    return {name: value for name, value in fields.items() if value is not None}


_VALUES = (None, 0, 2, 3, 4, 9.5, 10, 11)
_PARTS = (None, 0, 0.4, 0.5, 0.6, 99, 100, 101)
COUNTED = [_known(visits=one, paid=other) for one in _VALUES for other in _VALUES]
CALCULATED = [_known(share=one, expected=other) for one in _PARTS for other in _PARTS]
"""Values of counters and of arithmetic that such policies can distinguish."""
