"""Which step follows which, and how a case waits between them: the one floor that speaks LangGraph."""
