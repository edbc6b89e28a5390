"""Evaluation of compiled policies."""
