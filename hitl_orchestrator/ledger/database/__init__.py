"""Database access: SQLite and PostgreSQL connections, tables and migrations."""
