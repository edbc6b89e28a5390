"""SQL texts of `statements/snapshot.py`, written by `tools/statements.py`."""

from hitl_orchestrator.ledger.database.statement import Statement

ENTRIES = Statement(
    "snapshot.ENTRIES",
    "SELECT events.seq, events.case_id, events.kind, events.entry, events.digest, events.mac FROM events WHERE events.seq > :after AND events.seq <= :up_to ORDER BY events.seq",
    "SELECT events.seq, events.case_id, events.kind, events.entry, events.digest, events.mac FROM events WHERE events.seq > %(after)s AND events.seq <= %(up_to)s ORDER BY events.seq",
)
GOVERNING_ENTRIES = Statement(
    "snapshot.GOVERNING_ENTRIES",
    "SELECT events.seq, events.case_id, events.kind, events.entry, events.digest, events.mac FROM events WHERE events.kind IN ('policy_recorded', 'policy_version', 'policy_proposed', 'policy_activated', 'policy_canary', 'policy_shadow', 'policy_declined', 'policy_undone', 'key_changed', 'clock_moved_back', 'people_recorded', 'people_proposed', 'people_activated', 'people_declined', 'configuration_recorded') ORDER BY events.seq",
    "SELECT events.seq, events.case_id, events.kind, events.entry, events.digest, events.mac FROM events WHERE events.kind IN ('policy_recorded', 'policy_version', 'policy_proposed', 'policy_activated', 'policy_canary', 'policy_shadow', 'policy_declined', 'policy_undone', 'key_changed', 'clock_moved_back', 'people_recorded', 'people_proposed', 'people_activated', 'people_declined', 'configuration_recorded') ORDER BY events.seq",
)
HEAD_ROWS = Statement(
    "snapshot.HEAD_ROWS",
    "SELECT ledger_head.ledger_id, ledger_head.seq, ledger_head.digest, ledger_head.governed, ledger_head.latest, ledger_head.mac FROM ledger_head WHERE ledger_head.row_id = 1",
    "SELECT ledger_head.ledger_id, ledger_head.seq, ledger_head.digest, ledger_head.governed, ledger_head.latest, ledger_head.mac FROM ledger_head WHERE ledger_head.row_id = 1",
)
STRAY_HEAD_ROWS = Statement(
    "snapshot.STRAY_HEAD_ROWS",
    "SELECT count(*) AS count_1 FROM ledger_head WHERE ledger_head.row_id != 1",
    "SELECT count(*) AS count_1 FROM ledger_head WHERE ledger_head.row_id != 1",
)
DIGESTS = Statement(
    "snapshot.DIGESTS",
    "SELECT events.digest FROM events WHERE events.seq <= :up_to ORDER BY events.seq",
    "SELECT events.digest FROM events WHERE events.seq <= %(up_to)s ORDER BY events.seq",
)
OF_CASE = Statement(
    "snapshot.OF_CASE",
    "SELECT events.seq, events.case_id, events.kind, events.entry, events.digest, events.mac FROM events WHERE events.case_id = :wanted_case ORDER BY events.seq",
    "SELECT events.seq, events.case_id, events.kind, events.entry, events.digest, events.mac FROM events WHERE events.case_id = %(wanted_case)s ORDER BY events.seq",
)
POLICIES = Statement(
    "snapshot.POLICIES",
    "SELECT policies.policy_hash, policies.policy_id, policies.body, policies.recorded_seq FROM policies",
    "SELECT policies.policy_hash, policies.policy_id, policies.body, policies.recorded_seq FROM policies",
)
SPOT_CHECKS = Statement(
    "snapshot.SPOT_CHECKS",
    "SELECT spot_checks.case_id, spot_checks.finished_seq FROM spot_checks",
    "SELECT spot_checks.case_id, spot_checks.finished_seq FROM spot_checks",
)
SCRUBS = Statement(
    "snapshot.SCRUBS",
    "SELECT scrubs.case_id, scrubs.due, scrubs.seal FROM scrubs ORDER BY scrubs.case_id",
    "SELECT scrubs.case_id, scrubs.due, scrubs.seal FROM scrubs ORDER BY scrubs.case_id",
)
MEASURES = Statement(
    "snapshot.MEASURES",
    "SELECT measures.measure, measures.covered_seq, measures.seal FROM measures ORDER BY measures.measure",
    "SELECT measures.measure, measures.covered_seq, measures.seal FROM measures ORDER BY measures.measure",
)
WAKEUPS = Statement(
    "snapshot.WAKEUPS",
    "SELECT wakeups.case_id, wakeups.address, wakeups.state, wakeups.attempts, wakeups.next_at, wakeups.holder, wakeups.error, wakeups.seal FROM wakeups ORDER BY wakeups.case_id",
    "SELECT wakeups.case_id, wakeups.address, wakeups.state, wakeups.attempts, wakeups.next_at, wakeups.holder, wakeups.error, wakeups.seal FROM wakeups ORDER BY wakeups.case_id",
)
CONTENTS_OF_CASE = Statement(
    "snapshot.CONTENTS_OF_CASE",
    'SELECT contents."key", contents.body FROM contents WHERE contents.case_id = :wanted_case',
    "SELECT contents.key, contents.body FROM contents WHERE contents.case_id = %(wanted_case)s",
)
COUNT_ENTRIES = Statement(
    "snapshot.COUNT_ENTRIES", "SELECT count(*) AS count_1 FROM events", "SELECT count(*) AS count_1 FROM events"
)
COUNT_CASES = Statement(
    "snapshot.COUNT_CASES", "SELECT count(*) AS count_1 FROM cases", "SELECT count(*) AS count_1 FROM cases"
)
NEXT_CASE = Statement(
    "snapshot.NEXT_CASE",
    "SELECT cases.case_id FROM cases WHERE cases.case_id >= :first_case ORDER BY cases.case_id LIMIT 1 OFFSET :skipped",
    "SELECT cases.case_id FROM cases WHERE cases.case_id >= %(first_case)s ORDER BY cases.case_id LIMIT 1 OFFSET %(skipped)s",
)
CASES = Statement(
    "snapshot.CASES",
    "SELECT cases.case_id, cases.task_id, cases.submitter, cases.attempt, cases.content, cases.stage, cases.submitted_seq, cases.fence, cases.holder, cases.lease_seal, cases.held_since, cases.held_until, events.seq, events.kind, events.entry FROM cases LEFT OUTER JOIN events ON events.case_id = cases.case_id WHERE cases.case_id >= :first_case ORDER BY cases.case_id, events.seq",
    "SELECT cases.case_id, cases.task_id, cases.submitter, cases.attempt, cases.content, cases.stage, cases.submitted_seq, cases.fence, cases.holder, cases.lease_seal, cases.held_since, cases.held_until, events.seq, events.kind, events.entry FROM cases LEFT OUTER JOIN events ON events.case_id = cases.case_id WHERE cases.case_id >= %(first_case)s ORDER BY cases.case_id, events.seq",
)
REVIEWS = Statement(
    "snapshot.REVIEWS",
    "SELECT cases.case_id, reviews.review_id, reviews.case_id AS case_id_1, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.due_at, reviews.expires_at, reviews.queued_at, reviews.remind_at, reviews.verdict, reviews.answer_key, reviews.seal, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.place, reviews.affinity, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at FROM cases JOIN reviews ON reviews.case_id = cases.case_id WHERE cases.case_id >= :first_case ORDER BY cases.case_id, reviews.level",
    "SELECT cases.case_id, reviews.review_id, reviews.case_id AS case_id_1, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.due_at, reviews.expires_at, reviews.queued_at, reviews.remind_at, reviews.verdict, reviews.answer_key, reviews.seal, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.place, reviews.affinity, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at FROM cases JOIN reviews ON reviews.case_id = cases.case_id WHERE cases.case_id >= %(first_case)s ORDER BY cases.case_id, reviews.level",
)
REFUSALS = Statement(
    "snapshot.REFUSALS",
    "SELECT cases.case_id, refusals.attempt, refusals.refused_seq FROM cases JOIN refusals ON refusals.case_id = cases.case_id WHERE cases.case_id >= :first_case ORDER BY cases.case_id",
    "SELECT cases.case_id, refusals.attempt, refusals.refused_seq FROM cases JOIN refusals ON refusals.case_id = cases.case_id WHERE cases.case_id >= %(first_case)s ORDER BY cases.case_id",
)
CONTENTS = Statement(
    "snapshot.CONTENTS",
    'SELECT cases.case_id, contents."key", contents.body FROM cases JOIN contents ON contents.case_id = cases.case_id WHERE cases.case_id >= :first_case ORDER BY cases.case_id',
    "SELECT cases.case_id, contents.key, contents.body FROM cases JOIN contents ON contents.case_id = cases.case_id WHERE cases.case_id >= %(first_case)s ORDER BY cases.case_id",
)
OUTCOMES = Statement(
    "snapshot.OUTCOMES",
    "SELECT cases.case_id, outcomes.finished_seq, outcomes.case_id AS case_id_1, outcomes.task_id, outcomes.task_type, outcomes.domain, outcomes.risk_level, outcomes.confidence_score, outcomes.confidence_source, outcomes.signals, outcomes.has_proposal, outcomes.routing_decision, outcomes.rule_id, outcomes.policy_id, outcomes.policy_hash, outcomes.review_probability, outcomes.drawn, outcomes.assigned_human_role, outcomes.approvals_needed, outcomes.escalations, outcomes.final_decision, outcomes.decision_source, outcomes.human_decision, outcomes.reviewer_id, outcomes.human_role, outcomes.votes, outcomes.confidence_assessment, outcomes.reason_code, outcomes.quality_check, outcomes.quality_check_expected, outcomes.quality_check_of, outcomes.replayed, outcomes.submitted_by, outcomes.predicted_label, outcomes.label_changed, outcomes.shown_length, outcomes.classifier_failed, outcomes.unreadable, outcomes.redacted, outcomes.agent_id, outcomes.model, outcomes.model_version, outcomes.prompt_version, outcomes.task_timestamp, outcomes.received_at, outcomes.review_opened_at, outcomes.due_at, outcomes.timestamp, outcomes.latency_seconds, outcomes.review_seconds, outcomes.seconds_looked_at, outcomes.metadata_digest FROM cases JOIN outcomes ON outcomes.case_id = cases.case_id WHERE cases.case_id >= :first_case ORDER BY cases.case_id, outcomes.finished_seq",
    "SELECT cases.case_id, outcomes.finished_seq, outcomes.case_id AS case_id_1, outcomes.task_id, outcomes.task_type, outcomes.domain, outcomes.risk_level, outcomes.confidence_score, outcomes.confidence_source, outcomes.signals, outcomes.has_proposal, outcomes.routing_decision, outcomes.rule_id, outcomes.policy_id, outcomes.policy_hash, outcomes.review_probability, outcomes.drawn, outcomes.assigned_human_role, outcomes.approvals_needed, outcomes.escalations, outcomes.final_decision, outcomes.decision_source, outcomes.human_decision, outcomes.reviewer_id, outcomes.human_role, outcomes.votes, outcomes.confidence_assessment, outcomes.reason_code, outcomes.quality_check, outcomes.quality_check_expected, outcomes.quality_check_of, outcomes.replayed, outcomes.submitted_by, outcomes.predicted_label, outcomes.label_changed, outcomes.shown_length, outcomes.classifier_failed, outcomes.unreadable, outcomes.redacted, outcomes.agent_id, outcomes.model, outcomes.model_version, outcomes.prompt_version, outcomes.task_timestamp, outcomes.received_at, outcomes.review_opened_at, outcomes.due_at, outcomes.timestamp, outcomes.latency_seconds, outcomes.review_seconds, outcomes.seconds_looked_at, outcomes.metadata_digest FROM cases JOIN outcomes ON outcomes.case_id = cases.case_id WHERE cases.case_id >= %(first_case)s ORDER BY cases.case_id, outcomes.finished_seq",
)
TALLIES = Statement(
    "snapshot.TALLIES",
    "SELECT cases.case_id, tallies.name, tallies.at, tallies.action, tallies.amount FROM cases JOIN tallies ON tallies.case_id = cases.case_id WHERE cases.case_id >= :first_case ORDER BY cases.case_id, tallies.name",
    "SELECT cases.case_id, tallies.name, tallies.at, tallies.action, tallies.amount FROM cases JOIN tallies ON tallies.case_id = cases.case_id WHERE cases.case_id >= %(first_case)s ORDER BY cases.case_id, tallies.name",
)
EXECUTIONS = Statement(
    "snapshot.EXECUTIONS",
    "SELECT cases.case_id, executions.case_id AS case_id_1, executions.status, executions.started_seq, executions.ended_seq, executions.fence, executions.holder, executions.held_until, executions.check_id, executions.seal FROM cases JOIN executions ON executions.case_id = cases.case_id WHERE cases.case_id >= :first_case ORDER BY cases.case_id",
    "SELECT cases.case_id, executions.case_id AS case_id_1, executions.status, executions.started_seq, executions.ended_seq, executions.fence, executions.holder, executions.held_until, executions.check_id, executions.seal FROM cases JOIN executions ON executions.case_id = cases.case_id WHERE cases.case_id >= %(first_case)s ORDER BY cases.case_id",
)
ORPHANS = {
    "events": Statement(
        "snapshot.ORPHANS",
        "SELECT events.case_id FROM events LEFT OUTER JOIN cases ON cases.case_id = events.case_id WHERE events.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT events.case_id FROM events LEFT OUTER JOIN cases ON cases.case_id = events.case_id WHERE events.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "reviews": Statement(
        "snapshot.ORPHANS",
        "SELECT reviews.case_id FROM reviews LEFT OUTER JOIN cases ON cases.case_id = reviews.case_id WHERE reviews.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT reviews.case_id FROM reviews LEFT OUTER JOIN cases ON cases.case_id = reviews.case_id WHERE reviews.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "refusals": Statement(
        "snapshot.ORPHANS",
        "SELECT refusals.case_id FROM refusals LEFT OUTER JOIN cases ON cases.case_id = refusals.case_id WHERE refusals.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT refusals.case_id FROM refusals LEFT OUTER JOIN cases ON cases.case_id = refusals.case_id WHERE refusals.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "contents": Statement(
        "snapshot.ORPHANS",
        "SELECT contents.case_id FROM contents LEFT OUTER JOIN cases ON cases.case_id = contents.case_id WHERE contents.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT contents.case_id FROM contents LEFT OUTER JOIN cases ON cases.case_id = contents.case_id WHERE contents.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "outcomes": Statement(
        "snapshot.ORPHANS",
        "SELECT outcomes.case_id FROM outcomes LEFT OUTER JOIN cases ON cases.case_id = outcomes.case_id WHERE outcomes.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT outcomes.case_id FROM outcomes LEFT OUTER JOIN cases ON cases.case_id = outcomes.case_id WHERE outcomes.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "executions": Statement(
        "snapshot.ORPHANS",
        "SELECT executions.case_id FROM executions LEFT OUTER JOIN cases ON cases.case_id = executions.case_id WHERE executions.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT executions.case_id FROM executions LEFT OUTER JOIN cases ON cases.case_id = executions.case_id WHERE executions.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "spot_checks": Statement(
        "snapshot.ORPHANS",
        "SELECT spot_checks.case_id FROM spot_checks LEFT OUTER JOIN cases ON cases.case_id = spot_checks.case_id WHERE spot_checks.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT spot_checks.case_id FROM spot_checks LEFT OUTER JOIN cases ON cases.case_id = spot_checks.case_id WHERE spot_checks.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "scrubs": Statement(
        "snapshot.ORPHANS",
        "SELECT scrubs.case_id FROM scrubs LEFT OUTER JOIN cases ON cases.case_id = scrubs.case_id WHERE scrubs.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT scrubs.case_id FROM scrubs LEFT OUTER JOIN cases ON cases.case_id = scrubs.case_id WHERE scrubs.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "wakeups": Statement(
        "snapshot.ORPHANS",
        "SELECT wakeups.case_id FROM wakeups LEFT OUTER JOIN cases ON cases.case_id = wakeups.case_id WHERE wakeups.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT wakeups.case_id FROM wakeups LEFT OUTER JOIN cases ON cases.case_id = wakeups.case_id WHERE wakeups.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "payloads": Statement(
        "snapshot.ORPHANS",
        "SELECT payloads.case_id FROM payloads LEFT OUTER JOIN cases ON cases.case_id = payloads.case_id WHERE payloads.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT payloads.case_id FROM payloads LEFT OUTER JOIN cases ON cases.case_id = payloads.case_id WHERE payloads.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
    "tallies": Statement(
        "snapshot.ORPHANS",
        "SELECT tallies.case_id FROM tallies LEFT OUTER JOIN cases ON cases.case_id = tallies.case_id WHERE tallies.case_id IS NOT NULL AND cases.case_id IS NULL",
        "SELECT tallies.case_id FROM tallies LEFT OUTER JOIN cases ON cases.case_id = tallies.case_id WHERE tallies.case_id IS NOT NULL AND cases.case_id IS NULL",
    ),
}
PAYLOADS = Statement(
    "snapshot.PAYLOADS",
    "SELECT payloads.case_id, payloads.digest, payloads.body, payloads.seal FROM payloads ORDER BY payloads.case_id",
    "SELECT payloads.case_id, payloads.digest, payloads.body, payloads.seal FROM payloads ORDER BY payloads.case_id",
)
