"""SQL texts of `statements/records.py`, written by `tools/statements.py`."""

from hitl_orchestrator.ledger.database.statement import Statement

CONDITIONS = {
    "since": Statement(
        "records.CONDITIONS", "outcomes.timestamp >= :wanted_since", "outcomes.timestamp >= %(wanted_since)s"
    ),
    "until": Statement(
        "records.CONDITIONS", "outcomes.timestamp < :wanted_until", "outcomes.timestamp < %(wanted_until)s"
    ),
    "reviewer": Statement(
        "records.CONDITIONS",
        "outcomes.reviewer_id = :wanted_reviewer OR outcomes.votes LIKE :wanted_votes ESCAPE '\\'",
        "outcomes.reviewer_id = %(wanted_reviewer)s OR outcomes.votes LIKE %(wanted_votes)s ESCAPE '\\'",
    ),
    "domain": Statement(
        "records.CONDITIONS", "outcomes.domain = :wanted_domain", "outcomes.domain = %(wanted_domain)s"
    ),
    "decision": Statement(
        "records.CONDITIONS",
        "outcomes.final_decision = :wanted_decision OR outcomes.human_decision = :wanted_decision",
        "outcomes.final_decision = %(wanted_decision)s OR outcomes.human_decision = %(wanted_decision)s",
    ),
    "rule": Statement("records.CONDITIONS", "outcomes.rule_id = :wanted_rule", "outcomes.rule_id = %(wanted_rule)s"),
}
RECORDS_MATCHING = Statement(
    "records.RECORDS_MATCHING",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.\"key\", contents.body FROM outcomes JOIN events ON events.seq = outcomes.finished_seq LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE outcomes.finished_seq > :after AND events.kind = 'finished' AND {conditions} ORDER BY outcomes.finished_seq",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.key, contents.body FROM outcomes JOIN events ON events.seq = outcomes.finished_seq LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE outcomes.finished_seq > %(after)s AND events.kind = 'finished' AND {conditions} ORDER BY outcomes.finished_seq",
)
