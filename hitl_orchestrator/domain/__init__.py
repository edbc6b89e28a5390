"""Frozen values that all other packages use. No I/O, no clock."""
