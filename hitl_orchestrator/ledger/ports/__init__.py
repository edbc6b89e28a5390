"""Protocols of the ledger, which services and nodes depend on."""
