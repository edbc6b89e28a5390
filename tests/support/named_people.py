"""A person with many names and two accounts."""

ANA = {
    "reviewer_id": "ana",
    "name": "Ana Lúcia Silva",
    "roles": ["domain_reviewer"],
    "aliases": ["asilva", "U-1042"],
    "emails": ["ana.silva@example.org"],
}
ANA_2 = {"reviewer_id": "ana-2", "name": "Second account", "roles": ["senior_manager"], "person": "ana"}
