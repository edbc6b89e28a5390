"""The review of a policy as one document."""
