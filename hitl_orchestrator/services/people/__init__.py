"""Administration of the people of a store."""
