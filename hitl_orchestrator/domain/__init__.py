"""The nouns: frozen values that everything above speaks in. No I/O, no clock."""
