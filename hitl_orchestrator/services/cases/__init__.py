"""The life of a case: intake, submission, running the graph, decisions, audit trail."""
