"""Statements that depend on what is asked for, composed from the texts in `ledger/store/sql`."""
