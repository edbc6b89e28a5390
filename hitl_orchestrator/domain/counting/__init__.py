"""Values of fields by path, and what policies count of them in the ledger."""
