"""Requirements that two layers of a policy add up to, and that no group of reviewers can meet."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import NamedTuple

from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, deciding
from hitl_orchestrator.policies.analysis.layer_scope import regions_in_scope
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.language.model import Policy, PolicyStack

_Layer = tuple[str, Policy]


class UnmetDemand(NamedTuple):
    """A rule that sets the number of approvals, and a rule of another layer that sets a role too few reviewers hold."""

    approvals_rule: str
    approvals: int
    role_rule: str
    role: str

    @property
    def sentence(self) -> str:
        """Return a sentence with the rules and their combined requirements."""
        return (
            f"{self.approvals_rule} requires {self.approvals} approvals and {self.role_rule} requires the role "
            f"{self.role!r}: where both match, the case needs {self.approvals} reviewers with this role"
        )


def unmet_demands(stack: PolicyStack, roles: RoleChain, able: Callable[[str], int]) -> list[UnmetDemand]:
    """Return the pairs of rules that together require more reviewers than `able` counts for the role.

    Layers that are too complex to analyze together are skipped.
    """
    demands: dict[UnmetDemand, None] = {}
    for pair in combinations(stack.parts, 2):
        different_domains = all(name.startswith("domain ") for name, _ in pair)
        if not different_domains and _may_exceed(pair, able):
            demands.update(dict.fromkeys(_demands_of(pair, roles, able)))
    return list(demands)


def _may_exceed(pair: tuple[_Layer, ...], able: Callable[[str], int]) -> bool:
    rules = [(rule.approvals, rule.assigned_human_role) for _, layer in pair for rule in layer.rules]
    demands = [(approvals, able(role)) for approvals, role in rules if role is not None]
    most, fewest = max((each for each, _ in demands), default=0), min((each for _, each in demands), default=0)
    return most > max(1, fewest)


def _demands_of(pair: tuple[_Layer, ...], roles: RoleChain, able: Callable[[str], int]) -> Iterator[UnmetDemand]:
    space = FactSpace([layer for _, layer in pair])
    try:
        matches = deciding(space, [regions_in_scope(*layer, space) for layer in pair]).labels()
    except InvalidInput:
        return
    for indices in sorted(matches):
        rules = [
            (f"{rule.rule_id!r} ({name})", rule, rule.assigned_human_role)
            for (name, layer), index in zip(pair, indices, strict=True)
            for rule in ([] if index == FALLBACK_INDEX else [layer.by_priority[index]])
        ]
        if len(rules) < len(pair) or any(role not in roles.roles for _, _, role in rules):
            continue
        # As `strictest` combines them: the higher role, and the larger number of approvals.
        by_role = max(rules, key=lambda rule: roles.roles.index(str(rule[2])))
        by_number = max(rules, key=lambda rule: rule[1].approvals)
        role, approvals = str(by_role[2]), by_number[1].approvals
        if by_role != by_number and approvals > max(able(role), by_role[1].approvals):
            yield UnmetDemand(by_number[0], approvals, by_role[0], role)
