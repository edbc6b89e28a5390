"""Benchmarks: what oversight costs beside bare LangGraph, and the speed of its parts.

`measures` are the rows of the table that `make bench` prints; `subjects` are measured one by one. Each has a function
`rows(size, stores)` that measures and yields rows; `report` prints them.
"""
