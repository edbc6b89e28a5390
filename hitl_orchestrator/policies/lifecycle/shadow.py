"""The report of a shadow policy: how often its answer would have differed, from routing entries of the ledger."""

from collections import Counter
from collections.abc import Iterable

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.value import Label, Value


class ShadowDifference(Value):
    """The number of cases with one action that the shadow policy would have given another one."""

    action: Action
    shadow_action: Action
    rule_id: Label
    cases: int


class ShadowReport(Value):
    """The answers of a shadow policy compared with the decisions: the number of cases, and how they differ.

    `stricter` and `looser` count the cases with a stricter or looser action. A case with the same action and another
    role counts as differing, but in neither.
    """

    policy_hash: Label
    cases: int
    differing: int
    stricter: int
    looser: int
    differences: tuple[ShadowDifference, ...]


def shadow_report(policy_hash: str, routed: Iterable[Event]) -> ShadowReport:
    """Compare the shadow policy with the decisions, over the routing entries since it was started."""
    counts = Counter[tuple[Action, Action, str]]()
    cases = differing = 0
    for event in routed:
        decision = event.body["decision"]
        shadow = decision.get("shadow")
        if shadow is None or shadow["policy_hash"] != policy_hash:
            continue
        cases += 1
        action, other = Action(decision["action"]), Action(shadow["action"])
        if action is not other or decision["assigned_human_role"] != shadow["assigned_human_role"]:
            differing += 1
            counts[action, other, shadow["rule_id"]] += 1
    differences = [
        ShadowDifference(action=action, shadow_action=other, rule_id=rule_id, cases=number)
        for (action, other, rule_id), number in counts.items()
    ]
    return ShadowReport(
        policy_hash=policy_hash,
        cases=cases,
        differing=differing,
        stricter=sum(each.cases for each in differences if each.shadow_action.strictness > each.action.strictness),
        looser=sum(each.cases for each in differences if each.shadow_action.strictness < each.action.strictness),
        differences=tuple(sorted(differences, key=lambda each: -each.cases)),
    )
