"""Reviewers, their rights, assignment, deadlines and the case view. Pure functions over values."""
