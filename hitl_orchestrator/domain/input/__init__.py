"""Reading and limiting untrusted input."""
