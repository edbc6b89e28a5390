"""Verification of the ledger: hash chain, Merkle proofs, signed tree heads, table reconciliation."""
