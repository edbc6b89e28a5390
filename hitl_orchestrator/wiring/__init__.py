"""The composition root: reads settings, picks concrete stores and builds the services."""
