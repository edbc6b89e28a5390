"""Foreign tables of agent decisions (CSV, TSV, JSON Lines, Parquet), read into tasks, outputs and reviews."""
