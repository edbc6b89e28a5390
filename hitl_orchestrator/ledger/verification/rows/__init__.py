"""Reconciliation of the rows of one kind with the entries about them."""
