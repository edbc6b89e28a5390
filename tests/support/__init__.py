"""Builders, drivers and oracles that tests share."""
