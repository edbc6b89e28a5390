"""How decisions reach callers: those who wait here, those who are resumed elsewhere, and those who ask."""
