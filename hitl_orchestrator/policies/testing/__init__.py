"""Test tables for policies, and their coverage."""
