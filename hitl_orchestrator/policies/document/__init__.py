"""A policy as a document in plain words, for people who sign it off: as text, Markdown and HTML."""
