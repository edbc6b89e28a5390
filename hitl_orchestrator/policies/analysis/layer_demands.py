"""What the layers of a policy ask of people together, where nobody asks for so much in one layer alone. Pure."""

from collections.abc import Callable, Iterator
from itertools import combinations, product
from math import inf
from typing import NamedTuple

from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, deciding
from hitl_orchestrator.policies.analysis.layer_scope import held_where_asked
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.language.model import Policy, PolicyStack, Rule

_Layer = tuple[str, Policy]


class TooMany(NamedTuple):
    """A rule that says how many, and one of another layer that says who: more persons than hold that role."""

    how_many: str
    approvals: int
    who: str
    role: str

    @property
    def sentence(self) -> str:
        """Say which rules they are, and what they ask for together."""
        return (
            f"{self.how_many} asks for {self.approvals} persons and {self.who} for the role {self.role!r}: where both "
            f"decide a case, {self.approvals} persons of this role are asked for together"
        )


def too_many(stack: PolicyStack, roles: RoleChain, able: Callable[[str], int]) -> list[TooMany]:
    """Return the rules that ask together for more persons than are able to take on a role. Exact.

    Layers that are too entangled to be looked through together are passed over.
    """
    extremes = {name: _extremes(layer, able) for name, layer in stack.parts}
    own = stack.parts[0]
    found: dict[TooMany, None] = {}
    for one, other in _pairs(stack):
        (most, fewest), (also_most, also_fewest) = extremes[one[0]], extremes[other[0]]
        if most > also_fewest or also_most > fewest:
            group = dict((own, one, other))
            found.update(dict.fromkeys(_in_group(tuple(group.items()), roles, able)))
    return list(found)


def _pairs(stack: PolicyStack) -> Iterator[tuple[_Layer, _Layer]]:
    """Yield all two layers that can be asked about one case. One of them says who is asked, and one how many."""
    own, *others = stack.parts
    domains, users = ([one for one in others if one[0].startswith(kind)] for kind in ("domain ", "user "))
    yield from ((own, one) for one in others)
    yield from product(domains, users)
    yield from combinations(users, 2)


def _extremes(layer: Policy, able: Callable[[str], int]) -> tuple[int, float]:
    """Return the most persons that a rule asks for, and the fewest who are able to take on one of its roles."""
    asking = [rule for rule in layer.rules if rule.assigned_human_role is not None]
    most = max((rule.approvals for rule in asking), default=0)
    # As within one layer, only where several are asked for is it a matter of how many there are.
    return (most if most > 1 else 0), min((able(str(rule.assigned_human_role)) for rule in asking), default=inf)


def _in_group(group: tuple[_Layer, ...], roles: RoleChain, able: Callable[[str], int]) -> Iterator[TooMany]:
    space = FactSpace([layer for _, layer in group])
    try:
        together = deciding(space, [held_where_asked(*one, space) for one in group]).found()
    except InvalidInput:
        return
    for places in sorted(together):
        asking = [
            (name, layer.by_priority[place])
            for (name, layer), place in zip(group, places, strict=True)
            if place != FALLBACK_INDEX and layer.by_priority[place].assigned_human_role is not None
        ]
        if not asking:
            continue
        # As `strictest` does: whoever asks for more says who, and the largest number stands.
        who, many = max(asking, key=lambda one: _demand(one[1], roles)), max(asking, key=lambda one: one[1].approvals)
        role = str(who[1].assigned_human_role)
        if who[0] != many[0] and many[1].approvals > max(able(role), who[1].approvals):
            yield TooMany(_named(*many), many[1].approvals, _named(*who), role)


def _demand(rule: Rule, roles: RoleChain) -> tuple[int, int, int]:
    role = rule.assigned_human_role
    return rule.action.strictness, roles.roles.index(role) if role in roles.roles else -1, rule.approvals


def _named(layer: str, rule: Rule) -> str:
    return f"{rule.rule_id!r} ({layer})"
