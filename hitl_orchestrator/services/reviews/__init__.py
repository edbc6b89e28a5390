"""Reviews: who may decide, claims, assignment, recording of decisions, and what reviewers see."""
