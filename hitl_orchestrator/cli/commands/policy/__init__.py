"""Commands that work on policies."""
