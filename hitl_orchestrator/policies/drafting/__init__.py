"""A first policy from a few answers, or from past cases: a commented file and its table of tests."""
