"""Commands about the people of a store."""
