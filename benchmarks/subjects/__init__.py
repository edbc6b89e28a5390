"""Subjects that are measured by name, `python -m benchmarks policies`: some need an extra, or data."""
