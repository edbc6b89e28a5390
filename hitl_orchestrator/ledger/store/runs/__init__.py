"""Runs of new cases: each recorded with its case, in one transaction."""
