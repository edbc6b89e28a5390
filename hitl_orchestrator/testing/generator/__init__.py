"""A seeded generator of tasks, agent outputs and recorded reviews, of any number, the same bytes for the same seed."""
