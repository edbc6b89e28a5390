"""Views of the command line: tables, case text, stories."""
