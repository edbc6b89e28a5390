"""Commands that read, verify and export the ledger."""
