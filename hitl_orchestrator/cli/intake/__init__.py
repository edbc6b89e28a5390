"""The files of a run, checked and read as a stream."""
