"""Metrics of oversight: pure functions over the outcomes of cases."""
