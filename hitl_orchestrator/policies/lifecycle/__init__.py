"""The active policy, its history, and proposed changes."""
