"""SQL texts of `statements/policies.py`, written by `tools/statements.py`."""

from hitl_orchestrator.ledger.database.statement import Statement

ENTRY_AT = Statement(
    "policies.ENTRY_AT",
    "SELECT events.seq, events.entry, events.digest, events.mac FROM events WHERE events.seq = :at",
    "SELECT events.seq, events.entry, events.digest, events.mac FROM events WHERE events.seq = %(at)s",
)
ROUTINGS = Statement(
    "policies.ROUTINGS",
    "SELECT events.seq, events.entry, events.digest, events.mac FROM events WHERE events.seq > :after AND events.kind = 'routed' ORDER BY events.seq",
    "SELECT events.seq, events.entry, events.digest, events.mac FROM events WHERE events.seq > %(after)s AND events.kind = 'routed' ORDER BY events.seq",
)
POLICY = Statement(
    "policies.POLICY",
    "SELECT policies.body, policies.recorded_seq FROM policies WHERE policies.policy_hash = :wanted_hash",
    "SELECT policies.body, policies.recorded_seq FROM policies WHERE policies.policy_hash = %(wanted_hash)s",
)
ADD_POLICY = Statement(
    "policies.ADD_POLICY",
    "INSERT INTO policies (policy_hash, policy_id, body, recorded_seq) VALUES (:policy_hash, :policy_id, :body, :recorded_seq)",
    "INSERT INTO policies (policy_hash, policy_id, body, recorded_seq) VALUES (%(policy_hash)s, %(policy_id)s, %(body)s, %(recorded_seq)s)",
)
RECORD_AGAIN = Statement(
    "policies.RECORD_AGAIN",
    "UPDATE policies SET recorded_seq=:latest_seq WHERE policies.policy_hash = :wanted_hash",
    "UPDATE policies SET recorded_seq=%(latest_seq)s WHERE policies.policy_hash = %(wanted_hash)s",
)
