"""How decisions reach callers: wake-ups of those who wait, and lists for those who ask."""
