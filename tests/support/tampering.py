"""A ledger of cases of every kind, and the manipulations that an owner of its database can attempt."""

from contextlib import suppress

from hitl_orchestrator import Orchestrator, RequestRejected
from hitl_orchestrator.ledger.events.outcomes import Outcome
from support.builders import a_review, a_task, an_output


def fill(hitl: Orchestrator, first: int, cases: int) -> None:
    """Run cases of every kind: auto-approved, decided, escalated, waiting, and with rejected attempts."""
    for number in range(first, first + cases):
        name, kind = f"task-{number}", number % 5
        hitl.submit(a_task(name), an_output(name, confidence=0.9 if kind == 0 else 0.5))
        if kind == 2:
            hitl.decide(task_id=name, decision=a_review("escalate", "domain_reviewer"))
        if kind in (1, 2, 3):
            hitl.decide(task_id=name, decision=a_review("modify" if kind == 3 else "approve", "senior_manager"))
        if kind in (3, 4):
            with suppress(RequestRejected):
                hitl.decide(task_id=name, decision=a_review("reject", "unknown"))


# The question mark stands for the number of the entry.
ENTRY_EDITS = [
    'UPDATE events SET entry = replace(entry, \'"at":"2\', \'"at":"1\') WHERE seq = ?',
    "UPDATE events SET entry = replace(entry, ':', ': ') WHERE seq = ?",
    "UPDATE events SET entry = '' WHERE seq = ?",
    "UPDATE events SET digest = upper(digest) WHERE seq = ?",
    "UPDATE events SET kind = CASE kind WHEN 'alarm' THEN 'resumed' ELSE 'alarm' END WHERE seq = ?",
    "UPDATE events SET case_id = 'another' WHERE seq = ?",
    "UPDATE events SET seq = 0 - seq WHERE seq = ?",
    "DELETE FROM events WHERE seq = ?",
    "UPDATE events SET entry = (SELECT entry FROM events AS other WHERE other.seq = events.seq + 1) WHERE seq = ?",
    "UPDATE events SET entry = (SELECT entry FROM events AS other WHERE other.seq = events.seq + 1), "
    "digest = (SELECT digest FROM events AS other WHERE other.seq = events.seq + 1) WHERE seq = ?",
    "INSERT INTO events SELECT (SELECT max(seq) + 1 FROM events), case_id, 'alarm', entry, digest, mac FROM events "
    "WHERE seq = ?",
]

_COLUMNS, _COPIED = ", ".join(Outcome._fields), ", ".join(Outcome._fields[2:])

TABLE_EDITS = [
    "UPDATE cases SET stage = 'finished' WHERE stage = 'waiting'",
    "UPDATE cases SET stage = 'waiting' WHERE stage = 'finished'",
    "UPDATE cases SET task_id = 'task-other' WHERE task_id = 'task-3'",
    "UPDATE cases SET attempt = 7 WHERE task_id = 'task-3'",
    "UPDATE cases SET content = 'x' WHERE task_id = 'task-3'",
    "UPDATE cases SET submitted_seq = 2 WHERE task_id = 'task-7'",
    "UPDATE cases SET case_id = 'another' WHERE task_id = 'task-5'",
    "DELETE FROM cases WHERE task_id = 'task-0'",
    "UPDATE cases SET submitter = 'another' WHERE task_id = 'task-3'",
    "INSERT INTO cases (case_id, task_id, submitter, attempt, content, stage, submitted_seq, fence) "
    "SELECT 'one-more', 'task-new', submitter, 1, content, stage, submitted_seq, 0 FROM cases LIMIT 1",
    "UPDATE reviews SET verdict = replace(verdict, 'approve', 'reject') WHERE status = 'decided'",
    "UPDATE reviews SET verdict = '{' WHERE status = 'decided'",
    "UPDATE reviews SET status = 'open', verdict = NULL WHERE review_id = (SELECT min(review_id) FROM reviews)",
    "UPDATE reviews SET status = 'decided', verdict = '{}' WHERE status = 'open'",
    "UPDATE reviews SET shown = replace(shown, 'Refund', 'Refused')",
    "UPDATE reviews SET shown = 'no JSON' WHERE status = 'open'",
    "UPDATE reviews SET digest = 'x' WHERE status = 'open'",
    "UPDATE reviews SET role = 'domain_reviewer' WHERE level = 1",
    "UPDATE reviews SET domain = 'finance' WHERE status = 'open'",
    "UPDATE reviews SET replayed = 1 WHERE status = 'open'",
    "UPDATE reviews SET opened_at = '2001-01-01T00:00:00.000000Z' WHERE status = 'open'",
    "DELETE FROM reviews WHERE status = 'open'",
    "DELETE FROM reviews WHERE level = 1",
    "UPDATE outcomes SET domain = 'finance' WHERE task_id = 'task-0'",
    "UPDATE outcomes SET confidence_score = 0.1 WHERE task_id = 'task-0'",
    "UPDATE outcomes SET final_decision = 'rejected' WHERE task_id = 'task-1'",
    "UPDATE outcomes SET reviewer_id = NULL WHERE task_id = 'task-1'",
    "UPDATE outcomes SET replayed = 1 WHERE task_id = 'task-1'",
    "UPDATE outcomes SET timestamp = '2001-01-01T00:00:00.000000Z' WHERE task_id = 'task-1'",
    "UPDATE outcomes SET metadata_digest = 'x' WHERE task_id = 'task-0'",
    "UPDATE outcomes SET finished_seq = 0 - finished_seq WHERE task_id = 'task-0'",
    "UPDATE outcomes SET case_id = 'another' WHERE task_id = 'task-0'",
    "DELETE FROM outcomes WHERE task_id = 'task-1'",
    f"INSERT INTO outcomes ({_COLUMNS}) SELECT -1, (SELECT case_id FROM cases WHERE task_id = 'task-4'), {_COPIED} "
    "FROM outcomes WHERE task_id = 'task-0'",
    "UPDATE policies SET body = replace(body, '0.8', '0.1')",
    "UPDATE policies SET policy_id = 'other'",
    "UPDATE policies SET recorded_seq = 9",
    "DELETE FROM policies",
    "INSERT INTO policies VALUES ('h', 'p', '{}', 1)",
    "DELETE FROM refusals",
    "UPDATE refusals SET refused_seq = 1",
    "UPDATE refusals SET attempt = 'x' || substr(attempt, 2)",
    "INSERT INTO refusals SELECT case_id, 'x', 1 FROM cases LIMIT 1",
    "INSERT INTO refusals VALUES ('unknown', 'x', 1)",
]
