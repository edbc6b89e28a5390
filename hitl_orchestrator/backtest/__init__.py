"""A new policy on all past cases, before it decides anything: what would flip, who would have how much to do."""

from hitl_orchestrator.backtest.report import Change, Flip, Load, Rehearsal
from hitl_orchestrator.backtest.run import rehearse, rehearse_store

__all__ = ["Change", "Flip", "Load", "Rehearsal", "rehearse", "rehearse_store"]
