"""Ledger entries: their contents, their builders and the hash chain."""
