"""What changes of policies and of people share: the right, the case of a second person, and the entry."""
