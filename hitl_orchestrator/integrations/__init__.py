"""Oversight inside the code of agents, one module per framework of agents."""
