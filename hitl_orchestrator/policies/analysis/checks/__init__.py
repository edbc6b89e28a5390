"""The kinds of findings about a policy, each exact over its decision diagram."""
