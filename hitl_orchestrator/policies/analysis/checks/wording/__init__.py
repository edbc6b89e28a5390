"""Findings about what a policy file states: declarations, words, windows and lists."""
