"""The services behind the facade, one per subject. The facade documents parameters and errors of its methods."""
