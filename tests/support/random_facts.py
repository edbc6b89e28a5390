"""Random facts for policies of `random_policies`, from a seed, and grids of every value that these distinguish."""

from datetime import UTC, datetime, timedelta
from itertools import product

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel, Signal
from support.random_counters import CALCULATED, COUNTED
from support.random_policies import BOUNDS, DOMAINS, LABELS, MODELS, TASK_TYPES

# Every value that such policies name, values beside and between them, and missing or mistyped values.
_CONFIDENCES = (None, 0.0, *(value for bound in BOUNDS for value in (bound - 0.01, bound, bound + 0.01)), 1.0)
_AMOUNTS = (None, "100", 99, 100, 101.5, 4999.99, 5000, 5001)
_MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
_MOMENTS = (
    None,
    *(_MONDAY + timedelta(days=day, hours=hour) for day in (0, 1, 5, 6) for hour in (0.5, 7.5, 12, 17, 21.5)),
)
_DATED = (*_MOMENTS, *(_MONDAY + timedelta(days=day, hours=hour) for day in (-7, -1, 7, 400) for hour in (12, 23.5)))


def _known(fields):
    return {name: value for name, value in fields.items() if value is not None}


TIERS = [
    {},
    {"customer": {"tier": "gold"}},
    {"customer": {"tier": "tin"}},
    {"customer": {"tier": 1}},
    {"customer": {}},
    {"customer": "gold"},
    {"customer.tier": "gold"},
    {"customer.tier": "gold", "customer": {"tier": "gold"}},
]
DECLARED = [
    _known({"score": score, "channel": channel, "level": level}) | tier
    for score, channel, level, tier in product(
        (None, "9", -0.5, 0, 19.5, 20, 50, 100, 101),
        (None, "app", "phone", "post", "fax", 3),
        (None, 1, 2, 2.5, 3),
        TIERS,
    )
]
"""Values of the declared fields, within and outside what is declared, and paths to nested ones in every form."""

NOTES = (
    *(
        None,
        "",
        3,
        "x",
        "AT",
        "ATU",
        "ATUx",
        "ATx",
        "DE",
        "DEx",
        "xAT",
        "urge",
        "urgent",
        "AT urge",
        "AT urgent",
        "x AT urge",
    ),
    *(
        "ATU urge",
        "ATU urgent",
        "DE urge",
        "DE urgent",
        "DE urgently",
        "DE AT",
        "DE AT urge",
        "DE AT urgent",
        "x AT urgent",
    ),
)
TAGS = (None, [], ["vip"], ["new"], ["vip", "new", "old"], ["old"], "vip", ["vip", 3])
NOTED = [_known({"note": note, "tags": tags}) for note, tags in product(NOTES, TAGS)]
"""Texts and lists of every kind that the patterns distinguish, and values of other types."""


def facts_at_random(dice):
    """Return random facts for such a policy."""
    amount, country, vip = (
        dice.choice(_AMOUNTS),
        dice.choice((None, "DE", "AT", "FR", 3)),
        dice.choice((None, True, False)),
    )
    given = {"amount": amount, "country": country, "vip": vip}
    given |= {name: value for name, value in dice.choice(DECLARED).items() if dice.random() < 0.9}
    given |= {name: value for name, value in dice.choice(NOTED).items() if dice.random() < 0.9}
    proposal = {"limit": dice.choice(_AMOUNTS), "predicted_label": dice.choice((None, *LABELS, "ask", 3))}
    agent = {"id": dice.choice((None, *MODELS, "m3")), "model": dice.choice((None, *MODELS, "m3", True))}
    proposed = dice.random() < 0.9
    return Facts(
        risk_level=dice.choice(list(RiskLevel)),
        domain=dice.choice((*DOMAINS, "elsewhere")),
        task_type=dice.choice((*TASK_TYPES, "something")),
        confidence=dice.choice(_CONFIDENCES),
        signals=frozenset(signal for signal in Signal if dice.random() < 0.3),
        has_proposal=proposed,
        metadata=_known(given),
        moment=dice.choice(_DATED),
        received=dice.choice(_DATED),
        proposal=_known(proposal),
        agent=_known(agent),
        history=dice.choice(COUNTED),
        derived=dice.choice(CALCULATED),
    )


PROPOSALS = [
    _known({"predicted_label": label, "limit": limit})
    for label in (None, *LABELS, "ask", 3)
    for limit in (None, "100", 50, 100, 101, 5000, 5001)
]
AGENTS = [_known({"id": one, "model": other}) for one in (None, *MODELS, "m3") for other in (None, *MODELS, "m3", True)]
"""Fields of proposals and agents with every value that such policies can distinguish."""


def _metadata_of(kinds):
    amounts = [{}, *({"amount": one} for one in _AMOUNTS if one is not None)] if "metadata" in kinds else [{}]
    declared, noted = DECLARED if "declared" in kinds else [{}], NOTED if "patterns" in kinds else [{}]
    return [amount | one | other for amount, one, other in product(amounts, declared, noted)]


def _moments(asked):
    return _DATED if "date" in asked else _MOMENTS if "time" in asked else (None,)


def grid(kinds):
    """Yield facts for every combination of values that policies of these kinds can distinguish."""
    asked = set(kinds)
    signals = [
        frozenset(),
        *(frozenset({one}) for one in Signal),
        frozenset(Signal),
        frozenset({Signal.RISKY, Signal.UNUSUAL}),
    ]
    axes = (
        RiskLevel,
        (*DOMAINS, "elsewhere") if "domain" in asked else ("payments",),
        (*TASK_TYPES, "something") if "task_type" in asked else ("refund",),
        _CONFIDENCES,
        signals if "signals" in asked else [frozenset()],
        _metadata_of(asked),
        _moments(asked),
        _DATED if "task_time" in asked else (None,),
        PROPOSALS if "proposal" in asked else [{}],
        AGENTS if "agent" in asked else [{}],
        COUNTED if "history" in asked else [{}],
        CALCULATED if "derived" in asked else [{}],
    )
    for risk, domain, task_type, confidence, raised, metadata, received, moment, *others in product(*axes):
        proposal, agent, history, derived = others
        yield Facts(
            risk,
            domain,
            task_type,
            confidence,
            raised,
            metadata=metadata,
            moment=moment,
            received=received,
            proposal=proposal,
            agent=agent,
            history=history,
            derived=derived,
        )
    for risk in RiskLevel:
        yield Facts(risk, "payments", "refund", None, has_proposal=False)
