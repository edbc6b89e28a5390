"""The review desk at the terminal: `hitl review`. Textual is imported here and nowhere else."""
