"""What policies count in the ledger, and what they calculate from other facts."""
