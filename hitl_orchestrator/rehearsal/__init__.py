"""A new policy on all past cases, before it decides anything: what would flip, who would have how much to do."""

from hitl_orchestrator.rehearsal.outcome import Change, Flip, Load, Rehearsal
from hitl_orchestrator.rehearsal.running import rehearse, rehearse_store

__all__ = ["Change", "Flip", "Load", "Rehearsal", "rehearse", "rehearse_store"]
