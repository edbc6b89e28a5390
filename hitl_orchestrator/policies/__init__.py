"""The law of the system: what a policy may say, how it is read, and what it answers. Pure."""
