"""The five nodes of a case. Each reads its part of the state, calls one function or port, and returns one key."""
