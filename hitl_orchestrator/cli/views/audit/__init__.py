"""Audit records, ledger entries and the verification of the ledger for people."""
