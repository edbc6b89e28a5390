"""The report on a store: its model, its judgments, and its renderings."""
