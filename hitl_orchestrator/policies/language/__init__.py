"""The policy language: models, conditions, JSON Schema and loading."""
