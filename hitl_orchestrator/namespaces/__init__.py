"""The namespaces of the facade: `hitl.cases`, `hitl.reviews`, `hitl.policy` and `hitl.audit`."""
