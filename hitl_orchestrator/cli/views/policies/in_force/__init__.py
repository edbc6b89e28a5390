"""What is in force or on trial in a store."""
