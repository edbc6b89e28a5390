"""Verification of a large ledger by several processes that read the same state of its store."""
