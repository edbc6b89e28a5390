"""hitl-orchestrator: decides whether an agent output may go ahead, must be reviewed, or must be escalated."""
