"""How often a policy that is only watched would have said something else, from what the ledger tells. Pure."""

from collections import Counter
from collections.abc import Iterable

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.value import Label, Value


class Difference(Value):
    """So many cases went one way, and would have gone another one."""

    action: Action
    shadow_action: Action
    rule_id: Label
    cases: int


class ShadowReport(Value):
    """What came of watching a policy: on how many cases, on how many it differed, and how.

    `stricter` and `looser` count those on which it would have asked for more or for less: of the action, or of another
    role for the same action, which is in neither.
    """

    policy_hash: Label
    cases: int
    differing: int
    stricter: int
    looser: int
    differences: tuple[Difference, ...]


def watched(policy_hash: str, routed: Iterable[Event]) -> ShadowReport:
    """Count what a watched policy would have said, over the routings since it is watched."""
    cases, found = 0, Counter[tuple[Action, Action, str]]()
    differing = 0
    for event in routed:
        decision = event.body["decision"]
        shadow = decision.get("shadow")
        if shadow is None or shadow["policy_hash"] != policy_hash:
            continue
        cases += 1
        said, would = Action(decision["action"]), Action(shadow["action"])
        if said is not would or decision["assigned_human_role"] != shadow["assigned_human_role"]:
            differing += 1
            found[said, would, shadow["rule_id"]] += 1
    told = [
        Difference(action=one, shadow_action=other, rule_id=rule, cases=n) for (one, other, rule), n in found.items()
    ]
    return ShadowReport(
        policy_hash=policy_hash,
        cases=cases,
        differing=differing,
        stricter=sum(one.cases for one in told if one.shadow_action.strictness > one.action.strictness),
        looser=sum(one.cases for one in told if one.shadow_action.strictness < one.action.strictness),
        differences=tuple(sorted(told, key=lambda one: -one.cases)),
    )
