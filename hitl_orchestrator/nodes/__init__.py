"""The five steps of a case. Each takes from the state, asks one pure function or one port, and returns one key."""
