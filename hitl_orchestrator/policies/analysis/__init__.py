"""Static analysis of policies: findings, repairs, differences and maps."""
