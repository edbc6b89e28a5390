"""Insights of a store: frames, metrics, reports and the compliance of its decisions."""
