"""The conditions of rules."""

from hitl_orchestrator.policies.language.conditions.base import Bound, ConditionModel, OneOrMore, lines_of, one_error
from hitl_orchestrator.policies.language.conditions.comparison import Comparison
from hitl_orchestrator.policies.language.conditions.conditions import MOST_ALTERNATIVES, AtLeast, Conditions
from hitl_orchestrator.policies.language.conditions.moments import Dates, Day, MomentOf
from hitl_orchestrator.policies.language.conditions.signals import Signals
from hitl_orchestrator.policies.language.conditions.window import MINUTES_OF_A_WEEK, Window

__all__ = [
    "MINUTES_OF_A_WEEK",
    "MOST_ALTERNATIVES",
    "AtLeast",
    "Bound",
    "Comparison",
    "ConditionModel",
    "Conditions",
    "Dates",
    "Day",
    "MomentOf",
    "OneOrMore",
    "Signals",
    "Window",
    "lines_of",
    "one_error",
]
