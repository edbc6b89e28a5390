"""A policy evaluated on past cases before it decides new ones: changed answers, workload, and escaped errors."""

from hitl_orchestrator.backtest.history import scan
from hitl_orchestrator.backtest.report import Backtest, Change, FieldShare, Flip, Load, Rehearsal, RuleShare
from hitl_orchestrator.backtest.run import run_backtest, run_store_backtest
from hitl_orchestrator.backtest.vectorized import polars as require_polars

__all__ = ["Backtest", "Change", "FieldShare", "Flip", "Load", "Rehearsal", "RuleShare"]
__all__ += ["require_polars", "run_backtest", "run_store_backtest", "scan"]
