"""Explanations of single decisions, with their nearest counterfactuals."""
