"""Protocols of the ledger that services and nodes depend on."""
