"""A new policy on all past cases, before it decides anything: what would flip, who would have how much to do."""

from hitl_orchestrator.backtest.report import Backtest, Change, Flip, Load
from hitl_orchestrator.backtest.run import run_backtest, run_store_backtest

__all__ = ["Backtest", "Change", "Flip", "Load", "run_backtest", "run_store_backtest"]
