"""Output of the command line: console, formatting, errors, progress."""
