"""Adapters of agent frameworks. Each uses the facade and the public names alone, and imports its framework lazily."""
