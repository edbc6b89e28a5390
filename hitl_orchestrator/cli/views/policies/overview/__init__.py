"""A whole policy at a glance: its map, and its document in plain words."""
