"""The commands, one package per subject."""
