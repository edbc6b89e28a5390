"""SQL texts of `statements/events.py`, written by `tools/statements.py`."""

from hitl_orchestrator.ledger.database.statement import Statement

FOUND = Statement(
    "events.FOUND",
    "INSERT INTO ledger_head (row_id, ledger_id, seq, digest, governed, latest, mac) VALUES (:row_id, :ledger_id, :seq, :digest, :governed, :latest, :mac)",
    "INSERT INTO ledger_head (row_id, ledger_id, seq, digest, governed, latest, mac) VALUES (%(row_id)s, %(ledger_id)s, %(seq)s, %(digest)s, %(governed)s, %(latest)s, %(mac)s)",
)
HEAD_ROW = Statement(
    "events.HEAD_ROW",
    "SELECT ledger_head.ledger_id, ledger_head.seq, ledger_head.digest, ledger_head.governed, ledger_head.latest, ledger_head.mac FROM ledger_head WHERE ledger_head.row_id = 1",
    "SELECT ledger_head.ledger_id, ledger_head.seq, ledger_head.digest, ledger_head.governed, ledger_head.latest, ledger_head.mac FROM ledger_head WHERE ledger_head.row_id = 1",
)
MOVE_HEAD = Statement(
    "events.MOVE_HEAD",
    "UPDATE ledger_head SET seq=:new_seq, digest=:new_digest, governed=:new_governed, latest=:new_latest, mac=:new_mac WHERE ledger_head.row_id = 1",
    "UPDATE ledger_head SET seq=%(new_seq)s, digest=%(new_digest)s, governed=%(new_governed)s, latest=%(new_latest)s, mac=%(new_mac)s WHERE ledger_head.row_id = 1",
)
HEAD = Statement(
    "events.HEAD",
    "SELECT (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head",
    "SELECT (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head",
)
HEAD_AND_CONTENTS = Statement(
    "events.HEAD_AND_CONTENTS",
    "SELECT (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head, (SELECT contents.\"key\" FROM contents WHERE contents.case_id = :wanted_case) AS \"key\", (SELECT contents.body FROM contents WHERE contents.case_id = :wanted_case) AS body",
    "SELECT (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head, (SELECT contents.key FROM contents WHERE contents.case_id = %(wanted_case)s) AS key, (SELECT contents.body FROM contents WHERE contents.case_id = %(wanted_case)s) AS body",
)
APPEND = Statement(
    "events.APPEND",
    "INSERT INTO events (seq, case_id, kind, entry, digest, mac) VALUES (:seq, :case_id, :kind, :entry, :digest, :mac)",
    "INSERT INTO events (seq, case_id, kind, entry, digest, mac) VALUES (%(seq)s, %(case_id)s, %(kind)s, %(entry)s, %(digest)s, %(mac)s)",
)
EVENTS = Statement(
    "events.EVENTS",
    "SELECT events.seq, events.entry, events.digest, events.mac FROM events ORDER BY events.seq",
    "SELECT events.seq, events.entry, events.digest, events.mac FROM events ORDER BY events.seq",
)
GOVERNING_AFTER = Statement(
    "events.GOVERNING_AFTER",
    "SELECT events.seq, events.entry, events.digest, events.mac, ledger_head.ledger_id AS head_ledger_id, ledger_head.seq AS head_seq, ledger_head.digest AS head_digest, ledger_head.governed AS head_governed, ledger_head.latest AS head_latest, ledger_head.mac AS head_mac FROM ledger_head LEFT OUTER JOIN events ON events.seq > :after AND events.kind IN ('policy_recorded', 'policy_version', 'policy_proposed', 'policy_activated', 'policy_canary', 'policy_shadow', 'policy_declined', 'policy_undone', 'key_changed', 'clock_moved_back', 'people_recorded', 'people_proposed', 'people_activated', 'people_declined', 'configuration_recorded') WHERE ledger_head.row_id = 1 ORDER BY events.seq",
    "SELECT events.seq, events.entry, events.digest, events.mac, ledger_head.ledger_id AS head_ledger_id, ledger_head.seq AS head_seq, ledger_head.digest AS head_digest, ledger_head.governed AS head_governed, ledger_head.latest AS head_latest, ledger_head.mac AS head_mac FROM ledger_head LEFT OUTER JOIN events ON events.seq > %(after)s AND events.kind IN ('policy_recorded', 'policy_version', 'policy_proposed', 'policy_activated', 'policy_canary', 'policy_shadow', 'policy_declined', 'policy_undone', 'key_changed', 'clock_moved_back', 'people_recorded', 'people_proposed', 'people_activated', 'people_declined', 'configuration_recorded') WHERE ledger_head.row_id = 1 ORDER BY events.seq",
)
EVENTS_OF_CASE = Statement(
    "events.EVENTS_OF_CASE",
    "SELECT events.seq, events.entry, events.digest, events.mac, (SELECT ledger_head.mac FROM ledger_head WHERE ledger_head.row_id = 1) AS head_mac FROM events WHERE events.case_id = :wanted_case ORDER BY events.seq",
    "SELECT events.seq, events.entry, events.digest, events.mac, (SELECT ledger_head.mac FROM ledger_head WHERE ledger_head.row_id = 1) AS head_mac FROM events WHERE events.case_id = %(wanted_case)s ORDER BY events.seq",
)
REDACTION_OF_CASE = Statement(
    "events.REDACTION_OF_CASE",
    "SELECT events.seq, events.entry, events.digest, events.mac FROM events WHERE events.case_id = :wanted_case AND events.kind = 'redacted' ORDER BY events.seq",
    "SELECT events.seq, events.entry, events.digest, events.mac FROM events WHERE events.case_id = %(wanted_case)s AND events.kind = 'redacted' ORDER BY events.seq",
)
ENTRIES = Statement(
    "events.ENTRIES",
    'SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents."key", contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id ORDER BY events.seq',
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.key, contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id ORDER BY events.seq",
)
ENTRIES_OF_CASE = Statement(
    "events.ENTRIES_OF_CASE",
    'SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents."key", contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.case_id = :wanted_case ORDER BY events.seq',
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.key, contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.case_id = %(wanted_case)s ORDER BY events.seq",
)
RECORDS = Statement(
    "events.RECORDS",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.\"key\", contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'finished' ORDER BY events.seq",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.key, contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'finished' ORDER BY events.seq",
)
RECORDS_AFTER = Statement(
    "events.RECORDS_AFTER",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.\"key\", contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'finished' AND events.seq > :after ORDER BY events.seq",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.key, contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'finished' AND events.seq > %(after)s ORDER BY events.seq",
)
FINISHED_SEQ = Statement(
    "events.FINISHED_SEQ",
    "SELECT events.seq FROM events WHERE events.case_id = :wanted_case AND events.kind = 'finished'",
    "SELECT events.seq FROM events WHERE events.case_id = %(wanted_case)s AND events.kind = 'finished'",
)
ALARMS_OF_CASE = Statement(
    "events.ALARMS_OF_CASE",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.\"key\", contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'alarm' AND events.case_id = :wanted_case ORDER BY events.seq",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.key, contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'alarm' AND events.case_id = %(wanted_case)s ORDER BY events.seq",
)
RECORD_OF_CASE = Statement(
    "events.RECORD_OF_CASE",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.\"key\", contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'finished' AND events.case_id = :wanted_case ORDER BY events.seq",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.key, contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'finished' AND events.case_id = %(wanted_case)s ORDER BY events.seq",
)
RECORDS_WITH_OUTCOME = Statement(
    "events.RECORDS_WITH_OUTCOME",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.\"key\", contents.body, outcomes.case_id AS case_id_1, outcomes.task_timestamp, outcomes.metadata_digest, routed.entry AS entry_1 FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id LEFT OUTER JOIN outcomes ON outcomes.case_id = events.case_id LEFT OUTER JOIN events AS routed ON routed.case_id = events.case_id AND routed.kind = 'routed' WHERE events.kind = 'finished' ORDER BY events.seq",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.key, contents.body, outcomes.case_id AS case_id_1, outcomes.task_timestamp, outcomes.metadata_digest, routed.entry AS entry_1 FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id LEFT OUTER JOIN outcomes ON outcomes.case_id = events.case_id LEFT OUTER JOIN events AS routed ON routed.case_id = events.case_id AND routed.kind = 'routed' WHERE events.kind = 'finished' ORDER BY events.seq",
)
ADD_CONTENTS = Statement(
    "events.ADD_CONTENTS",
    'INSERT INTO contents (case_id, "key", body) VALUES (:case_id, :key, :body)',
    "INSERT INTO contents (case_id, key, body) VALUES (%(case_id)s, %(key)s, %(body)s)",
)
CONTENTS = Statement(
    "events.CONTENTS",
    'SELECT contents."key", contents.body FROM contents WHERE contents.case_id = :wanted_case',
    "SELECT contents.key, contents.body FROM contents WHERE contents.case_id = %(wanted_case)s",
)
UPDATE_CONTENTS = Statement(
    "events.UPDATE_CONTENTS",
    "UPDATE contents SET body=:body WHERE contents.case_id = :wanted_case",
    "UPDATE contents SET body=%(body)s WHERE contents.case_id = %(wanted_case)s",
)
DELETE_CONTENTS = Statement(
    "events.DELETE_CONTENTS",
    "DELETE FROM contents WHERE contents.case_id = :wanted_case",
    "DELETE FROM contents WHERE contents.case_id = %(wanted_case)s",
)
ADD_PAYLOAD = Statement(
    "events.ADD_PAYLOAD",
    "INSERT INTO payloads (digest, case_id, body, seal) VALUES (:digest, :case_id, :body, :seal)",
    "INSERT INTO payloads (digest, case_id, body, seal) VALUES (%(digest)s, %(case_id)s, %(body)s, %(seal)s)",
)
PAYLOADS = Statement(
    "events.PAYLOADS",
    "SELECT payloads.body FROM payloads WHERE payloads.digest = :wanted_digest",
    "SELECT payloads.body FROM payloads WHERE payloads.digest = %(wanted_digest)s",
)
PAYLOAD_OF_CASE = Statement(
    "events.PAYLOAD_OF_CASE",
    "SELECT payloads.body FROM payloads WHERE payloads.digest = :wanted_digest AND payloads.case_id = :wanted_case",
    "SELECT payloads.body FROM payloads WHERE payloads.digest = %(wanted_digest)s AND payloads.case_id = %(wanted_case)s",
)
REPAIR_PAYLOAD = Statement(
    "events.REPAIR_PAYLOAD",
    "UPDATE payloads SET body=:body WHERE payloads.digest = :wanted_digest AND payloads.case_id = :wanted_case",
    "UPDATE payloads SET body=%(body)s WHERE payloads.digest = %(wanted_digest)s AND payloads.case_id = %(wanted_case)s",
)
DELETE_PAYLOADS = Statement(
    "events.DELETE_PAYLOADS",
    "DELETE FROM payloads WHERE payloads.case_id = :wanted_case",
    "DELETE FROM payloads WHERE payloads.case_id = %(wanted_case)s",
)
