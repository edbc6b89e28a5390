"""Fields that a policy declares, of any source: the metadata of the task, the proposal, the agent."""
