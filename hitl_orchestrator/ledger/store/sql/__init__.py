"""The SQL texts that a process runs, written by `tools/statements.py` from `ledger/store/statements`."""
