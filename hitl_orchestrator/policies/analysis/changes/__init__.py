"""The differences between two policies: the edits, the changed answers, and where they change."""
