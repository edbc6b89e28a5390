"""The ledger on a SQL database: repositories over one transaction."""
