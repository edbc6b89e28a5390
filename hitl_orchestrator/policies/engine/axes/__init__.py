"""One module per fact that rules can read: its conditions, its steps, and the description of both."""
