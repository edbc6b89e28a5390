"""The effect of a policy change: not lines of text, but every region of cases whose answer changes.

The comparison is exact over the cells of both policies (see `partition`). `unchecked` names what it does not cover:
what another time zone changes, counters and calculations with another meaning, and tasks of several users.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.changes.edits import edits
from hitl_orchestrator.policies.analysis.changes.located import Changes
from hitl_orchestrator.policies.analysis.changes.model import Difference, Direction, direction
from hitl_orchestrator.policies.analysis.changes.sides import Side
from hitl_orchestrator.policies.analysis.decision_diagram import deciding
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.language.model import Policy, PolicyStack, policy_hash, zones_of

__all__ = ["Difference", "Direction", "PolicyComparison", "compare", "direction"]

_COVERED_USERS = 2
"""Of two user layers, either, both or none answers a task, and the diagram has a cell for each of the four."""


class PolicyComparison(NamedTuple):
    """The differences between two policies, the gravest first, and the unchecked parts."""

    differences: tuple[Difference, ...]
    unchecked: tuple[str, ...]

    @property
    def may_loosen(self) -> bool:
        """Whether a difference is looser. An unchecked part counts as looser."""
        return bool(self.unchecked) or any(each.direction is Direction.LOOSER for each in self.differences)

    @property
    def summary(self) -> str:
        """Return how many differences there are of each direction, and how many let something go ahead."""
        numbers = Counter(each.direction for each in self.differences)
        newly = sum(Action.AUTO_APPROVE is each.after.action is not each.before.action for each in self.differences)
        same = "No difference in what could be compared" if self.unchecked else "Every case is decided as before"
        text = ", ".join(f"{numbers[way]} {way}" for way in Direction if numbers[way]) or same
        ahead = f"; in {newly} of them something goes ahead that a person decided before" if newly else ""
        unchecked = "; not everything could be compared" if self.unchecked else ""
        return f"{text}{ahead}{unchecked}."


def compare(old: Policy, new: Policy, roles: RoleChain = DEFAULT_CHAIN) -> PolicyComparison:
    """Return every change of the answer from one policy to another."""
    zones = _zones(old), _zones(new)
    shared = min(zones[0]) if all(zones) and zones[0] != zones[1] else None
    sides = Side(old, roles, shared), Side(new, roles, shared)
    try:
        space = FactSpace(policy for side in sides for policy in side.policies)
        deciders = deciding(space, [table for side in sides for table in side.tables(space)])
    except InvalidInput as exc:
        return PolicyComparison((), exc.problems)
    found = Changes(sides, space, deciders, edits(old, new)).differences(roles)
    unchecked = *_other_zone(*zones), *_unchecked_lists(old, new), *_other_meanings(old, new)
    return PolicyComparison(tuple(found), unchecked)


def _zones(policy: Policy) -> set[str]:
    """Return the time zone in which a policy reads times or dates; none where it reads neither."""
    return {zone for _, layer in policy.parts for zone in zones_of(layer.rules, layer.timezone)}


def _other_zone(old: set[str], new: set[str]) -> Iterator[str]:
    """Yield a sentence if times and dates are read in another time zone."""
    if old and new and old != new:
        was, now = min(old), min(new)
        yield f"the time zone became {now}; times and dates were compared as if it were still {was}"


def _other_meanings(old: Policy, new: Policy) -> Iterator[str]:
    """Yield a sentence for each counter and each calculation that is another one under the same name."""
    before, after = ({k: v for _, layer in policy.parts for k, v in layer.meanings.items()} for policy in (old, new))
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            remedy = "under another name it would be"
            yield f"{name} is something else in the new policy, so that what it decides was not compared; {remedy}"


def _unchecked_lists(old: Policy, new: Policy) -> Iterator[str]:
    """Yield a sentence where a change may show only for tasks that several users request together.

    The diagram has a cell for tasks of each user, of no user with a layer, and of all users. It has none for a list of
    some of them. There nothing can get looser that does not get looser for a single user or for none: of every
    requirement the larger of two counts. Exceptions are distinct roles, which are dropped where too few roles are left,
    the action at a timeout, and rules that read `requested_by` themselves, which a list leaves unknown.
    """
    users = {user for policy in (old, new) if isinstance(policy, PolicyStack) for user in policy.users}
    rules = [rule for policy in (old, new) for _, layer in policy.parts for rule in layer.rules]
    reads_users = any(REQUESTED_BY in part.metadata for rule in rules for _, part in rule.conditions.walk())
    interacts = any(rule.distinct_roles or rule.respond_within is not None for rule in rules)
    if policy_hash(old) == policy_hash(new) or not users:
        return
    if reads_users or (interacts and len(users) > _COVERED_USERS):
        yield "tasks that several users request together were not compared; compare their layers by hand"
