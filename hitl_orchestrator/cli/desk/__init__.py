"""The review desk at the terminal: `hitl desk`. Only this package imports Textual."""
