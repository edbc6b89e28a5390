"""The people as the ledger records them: their history, and what a change of them widens."""
