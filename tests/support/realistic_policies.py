"""Policies of a travel insurer, a bank, a clinic and a software company, without a mistake, with declared fields."""

from pathlib import Path

from hitl_orchestrator.policies import read_policy

_FILES = sorted((Path(__file__).parent / "realistic").glob("*.yaml"))
REALISTIC = {file.stem: file.read_text("utf-8") for file in _FILES}
"""The texts of the policies, by name."""


def realistic(name):
    """Return one of these policies."""
    return read_policy(REALISTIC[name], f"{name}.yaml")
