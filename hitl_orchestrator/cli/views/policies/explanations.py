"""Explanations of policy decisions: every rule with its result, and the nearest changes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import confidence, signals
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies import FALLBACK, Counterfactual, Explanation, Policy, RuleResult, policy_hash

_RESULT_STYLE = {RuleResult.DECIDES: "bold", RuleResult.FAILS: "dim", RuleResult.TOO_LATE: ""}


class Explained(NamedTuple):
    """A task, its facts, the explanation of the policy's decision, and the nearest changes to another decision.

    `unreadable` are the fields of its output that scoring could not read.
    """

    task_id: str
    facts: Facts
    unreadable: tuple[str, ...]
    explanation: Explanation
    nearest: tuple[Counterfactual, ...]


def plain(task: Explained) -> dict[str, object]:
    """Return an explanation for machines."""
    return {
        "task_id": task.task_id,
        "facts": task.facts.to_json(),
        "unreadable": list(task.unreadable),
        "routing_decision": task.explanation.decision.action,
        **task.explanation.decision.model_dump(mode="json", exclude={"action"}),
        "rules": [
            {**rule.model_dump(mode="json", exclude={"conditions"}), "why": rule.why} for rule in task.explanation.rules
        ],
        "nearest_changes": [
            {
                "routing_decision": near.action,
                "changed": near.changed,
                "facts": near.facts.to_json(),
                "sentence": near.sentence,
            }
            for near in task.nearest
        ],
    }


def explanations(policy: Policy, tasks: Sequence[Explained]) -> Iterator[Block]:
    """Explain the decision about each task."""
    yield Line(f"By {policy.policy_id} ({policy_hash(policy)[:12]}):", "dim")
    for task_id, facts, unreadable, explanation, nearest in tasks:
        decision = explanation.decision
        by = f" by {decision.assigned_human_role}" if decision.assigned_human_role else ""
        warnings = f", {signals(sorted(facts.signals), unreadable)}" if facts.signals or unreadable else ""
        yield Line()
        yield Line(f"{inline(task_id)}: {decision.action}{by}", f"bold {blocks.routing(decision.action).style}")
        yield Line(f"risk {facts.risk_level}, confidence {confidence(facts.confidence)}{warnings}", "dim", indent=2)
        yield _rules(explanation)
        # The table does not show the winner if there are several layers, or if no rule matches.
        if decision.rule_id == FALLBACK or any(rule.layer for rule in explanation.rules):
            yield Line(decision.reason, indent=2, quoted=True)
        for rule in explanation.rules:
            if rule.result is RuleResult.DECIDES and rule.remarks:
                yield Line(f"{rule.rule_id}: {rule.remarks}", "dim", indent=2, quoted=True)
        for change in nearest:
            yield Line(f"It {change.sentence}.", indent=2)


def _rules(explanation: Explanation) -> Table:
    """List every evaluated rule, with its layer if the policy has several."""
    layered = any(rule.layer for rule in explanation.rules)
    rows = [
        (
            *((Cell(rule.layer or ""),) if layered else ()),
            Cell(rule.rule_id),
            Cell(rule.result, _RESULT_STYLE[rule.result]),
            Cell(rule.why, quoted=True),
        )
        for rule in explanation.rules
    ]
    columns = (Column("rule"), Column("result"), Column("reason", gives_way=True, folds=True))
    return Table((Column("layer"), *columns) if layered else columns, rows)
