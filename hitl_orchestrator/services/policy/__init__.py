"""Changing the active policy: proposals, approval, activation, rollback, canary and shadow."""
