"""Who may decide what. Pure: people and reviews in, a right or a refusal out."""
