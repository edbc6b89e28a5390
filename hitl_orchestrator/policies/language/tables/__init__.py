"""Decision tables: rules as the rows of a table, in YAML or in CSV."""
