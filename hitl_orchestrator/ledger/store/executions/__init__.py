"""Executions in a store."""
