"""Record a policy in a ledger, as opening a new store does."""

from hitl_orchestrator.ledger.events.policy_builders import recorded


def record_policy(ledger, policy_id, policy_hash, body, at):
    """Append an entry with this policy, after the latest one about policies and people."""
    seen = max((event.seq for event in ledger.governance_events()), default=0)
    assert ledger.govern([recorded(policy_id, policy_hash, body, "people", at)], seen)
