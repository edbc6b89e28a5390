"""Policies for people: findings, differences, explanations, tests, backtests, versions and maps."""
