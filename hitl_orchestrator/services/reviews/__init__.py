"""Reviews: rights to decide, claims, assignment, recording of decisions, and the views of reviewers."""
