"""One module per fact that rules can read: its conditions, its steps, and how both are put into words."""
