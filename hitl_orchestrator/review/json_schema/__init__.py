"""The parts of JSON Schema that are replaced, so that a schema of others is checked in linear time."""
