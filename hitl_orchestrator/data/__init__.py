"""The canonical data sets and the default policy: data only."""
