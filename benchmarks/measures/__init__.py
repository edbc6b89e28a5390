"""The measures of the table of `make bench`."""
