"""A first policy from answers or from past cases."""
