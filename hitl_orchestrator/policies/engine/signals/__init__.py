"""The signals: their rules as data, and what was reviewed so far, against which an output may be unusual."""
