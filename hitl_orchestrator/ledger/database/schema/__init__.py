"""The schema of a store as it is, compared with the one that the migrations make."""
