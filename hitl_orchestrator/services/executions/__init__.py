"""Executions of approved calls: claimed once, closed with their result, or put before a person."""
