"""The named SQL statements of the store, one text for all databases. In a race the WHERE clause is the lock."""
