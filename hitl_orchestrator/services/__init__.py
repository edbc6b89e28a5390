"""What the facade does, one subject per package: cases, reviews, policy, maintenance."""
