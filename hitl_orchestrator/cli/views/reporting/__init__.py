"""The report, drawn for the terminal."""
