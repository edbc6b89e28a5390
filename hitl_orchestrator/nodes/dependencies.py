"""The dependencies of the nodes, bound when the graph is built."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hitl_orchestrator.nodes.ports import Alarms, Classify, History, Inbox, Payloads, Records, Rules
from hitl_orchestrator.policies.engine.risk import RiskRule
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.policies.engine.signals.reviewed import Reviewed


@dataclass(frozen=True, kw_only=True)
class NodeDependencies:
    """The ports of the nodes, and the rules for risk and score."""

    rules: Rules
    history: History
    inbox: Inbox
    records: Records
    alarms: Alarms
    payloads: Payloads
    classifier: Classify | None = None
    risk_rules: Sequence[RiskRule] = ()
    score_rules: ScoreRules = field(default_factory=ScoreRules)
    reviewed: Callable[[], Reviewed | None] = lambda: None
