"""The LangGraph graph of a case, its checkpoints and its runner."""
