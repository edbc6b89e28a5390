"""Counters: what policies count in the ledger, and the values with which cases were routed."""
