"""Records of a file, read one after the other: JSON arrays, JSON Lines and Parquet of any size in constant memory."""
