"""The ledger: an append-only, hash-chained record of every case, with the tables and ports that services use."""
