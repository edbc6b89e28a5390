"""The definitions of the SQL statements of the store, for both databases. In a race the WHERE clause is the lock.

A process runs the texts in `ledger/store/sql`, which `python tools/statements.py` writes from the public names here. A
new statement is a definition and a run of that tool.
"""
