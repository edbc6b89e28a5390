"""What policies count, in a store."""
