"""Writers of one process: whose turn it is, and which transactions share a commit."""
