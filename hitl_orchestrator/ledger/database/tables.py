"""The tables in SQLAlchemy Core. The migrations create them; a test compares both."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

policies = Table(
    "policies",
    metadata,
    Column("policy_hash", String(64), primary_key=True),
    Column("policy_id", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("recorded_seq", Integer, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("case_id", String(200)),
    Column("kind", String(40), nullable=False),
    Column("entry", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    # The seal of the entry: algorithm, id of the key, and MAC.
    Column("mac", String(200), nullable=False),
)
Index("events_of_case", events.c.case_id, events.c.seq)
# One outcome per case: the schema decides the race, not the code.
Index("one_outcome_per_case", events.c.case_id, unique=True, sqlite_where=text("kind = 'finished'"))
# And one execution.
Index("one_execution_per_case", events.c.case_id, unique=True, sqlite_where=text("kind = 'execution_started'"))
# Each request reads the governing entries that are newer than the last one it read.
Index(
    "governing_entries",
    events.c.seq,
    sqlite_where=text(
        "kind IN ('policy_recorded', 'policy_version', 'policy_proposed', 'policy_activated', 'policy_canary', "
        "'policy_shadow', 'policy_declined', 'policy_undone', 'key_changed', 'clock_moved_back', 'people_recorded', "
        "'people_proposed', 'people_activated', 'people_declined', 'configuration_recorded')"
    ),
)

# The one row that names the ledger and states its end, under a seal. Every append updates it in its transaction.
ledger_head = Table(
    "ledger_head",
    metadata,
    Column("row_id", Integer, primary_key=True, autoincrement=False),
    Column("ledger_id", String(36), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    # The digest of all entries that concern all cases.
    Column("governed", String(64), nullable=False),
    # The time at the last live entry, with which the next one is compared.
    Column("latest", String(27), nullable=False),
    Column("mac", String(200), nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", String(200), primary_key=True),
    Column("task_id", String(200), nullable=False),
    # The submitter to whom the task id belongs; empty if none is known.
    Column("submitter", String(200), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("content", String(64), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("submitted_seq", Integer, nullable=False),
    # The lease, with its random fencing token and its seal; all are empty in a case that no worker has taken.
    Column("fence", Integer),
    Column("holder", String(200)),
    Column("held_since", String(27)),
    Column("held_until", String(27)),
    Column("lease_seal", String(200)),
    UniqueConstraint("task_id", "submitter", "attempt", name="one_case_per_attempt"),
)
Index("unfinished_cases", cases.c.stage, cases.c.submitted_seq, sqlite_where=text("stage <> 'finished'"))

# Finished cases in typed columns, for backtests, insights and learning. Its only free texts are the names of the agent
# and its label, which redaction erases; `metadata_digest` names the metadata of the task among the texts of the case.
outcomes = Table(
    "outcomes",
    metadata,
    Column("finished_seq", Integer, primary_key=True, autoincrement=False),
    Column("case_id", String(200), ForeignKey("cases.case_id"), nullable=False, unique=True),
    Column("task_id", String(200), nullable=False),
    Column("task_type", String(200)),
    Column("domain", String(200)),
    Column("risk_level", String(20), nullable=False),
    Column("confidence_score", Float),
    Column("confidence_source", String(40)),
    Column("signals", String(200), nullable=False),
    Column("has_proposal", Integer, nullable=False),
    Column("routing_decision", String(20), nullable=False),
    Column("rule_id", String(200), nullable=False),
    Column("policy_id", String(200), nullable=False),
    Column("policy_hash", String(200), nullable=False),
    Column("review_probability", Float, nullable=False),
    Column("drawn", Integer, nullable=False),
    Column("assigned_human_role", String(200)),
    Column("approvals_needed", Integer, nullable=False),
    Column("escalations", Integer, nullable=False),
    Column("final_decision", String(40), nullable=False),
    Column("decision_source", String(20), nullable=False),
    Column("human_decision", String(20)),
    Column("reviewer_id", String(200)),
    Column("human_role", String(200)),
    Column("votes", Text),
    Column("confidence_assessment", String(20)),
    Column("reason_code", String(200)),
    Column("quality_check", String(20)),
    Column("quality_check_expected", String(20)),
    Column("quality_check_of", String(200)),
    Column("replayed", Integer, nullable=False),
    Column("submitted_by", String(200)),
    Column("predicted_label", String(200)),
    Column("label_changed", Integer),
    Column("shown_length", Integer, nullable=False),
    Column("classifier_failed", Integer, nullable=False),
    Column("unreadable", Integer, nullable=False),
    Column("redacted", Integer, nullable=False),
    Column("agent_id", String(200)),
    Column("model", String(200)),
    Column("model_version", String(200)),
    Column("prompt_version", String(200)),
    Column("task_timestamp", String(27), nullable=False),
    Column("received_at", String(27)),
    Column("review_opened_at", String(27)),
    Column("due_at", String(27)),
    Column("timestamp", String(27), nullable=False),
    Column("latency_seconds", Float, nullable=False),
    Column("review_seconds", Float),
    Column("seconds_looked_at", Float),
    Column("metadata_digest", String(64)),
)

reviews = Table(
    "reviews",
    metadata,
    Column("review_id", String(200), primary_key=True),
    Column("case_id", String(200), ForeignKey("cases.case_id"), nullable=False),
    Column("level", Integer, nullable=False),
    Column("role", String(200), nullable=False),
    Column("domain", String(200), nullable=False),
    Column("status", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("shown", Text, nullable=False),
    Column("opened_at", String(27), nullable=False),
    # The time of opening by the store's clock, and the number of ledger entries before it: the order of opening, which
    # no clock can change.
    Column("queued_at", String(27), nullable=False),
    Column("place", Integer, nullable=False),
    # The deadline, and the time from which no answer is accepted; a time after all others if there is none.
    Column("due_at", String(27), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Column("verdict", Text),
    # The claim: until it lapses no other reviewer may answer.
    Column("claimed_by", String(200)),
    Column("claimed_since", String(27)),
    Column("claimed_until", String(27)),
    Column("delegated_by", String(200)),
    # The seal of the times of the claim, which no entry records.
    Column("claim_seal", String(200)),
    # The time of the reminder; a time after all others if none is due.
    Column("remind_at", String(27), nullable=False),
    # Search columns, copied from the snapshot and the answer.
    Column("task_type", String(200), nullable=False),
    Column("risk_level", String(20), nullable=False),
    Column("policy_hash", String(200), nullable=False),
    Column("confidence", Float),
    # 1 for a review that only repeats a record of the past, which is in no queue and in no measure of reviewers.
    Column("replayed", Integer, nullable=False),
    Column("answer", String(20)),
    Column("answered_by", String(200)),
    Column("answered_at", String(27)),
    # The role that the review needs under a state of the policies: its own under the policy that sent it, until
    # maintenance derives it under another state. A queue reads the others one by one.
    Column("needed_role", String(200), nullable=False),
    Column("needed_under", String(200), nullable=False),
    # The seal of a role that was derived.
    Column("needed_seal", String(200)),
    # A keyed digest of the customer, to assign their cases to the same reviewer.
    Column("affinity", String(64)),
    # The reviewer and the idempotency key of an answer, if it has a key.
    Column("answer_key", String(401)),
    Column("seal", String(200), nullable=False),
    UniqueConstraint("case_id", "level", name="one_review_per_level"),
)
_OPEN, _DECIDED = text("status = 'open'"), text("status = 'decided'")
Index("one_answer_per_key", reviews.c.answer_key, unique=True, sqlite_where=text("answer_key IS NOT NULL"))
Index("one_open_review_per_case", reviews.c.case_id, unique=True, sqlite_where=_OPEN)
Index("reviews_by_deadline", reviews.c.expires_at, sqlite_where=_OPEN)
Index("reviews_to_remind", reviews.c.remind_at, sqlite_where=_OPEN)
# One index for each filter of the inbox: without it the first page would require sorting all open reviews.
Index(
    "open_reviews",
    reviews.c.needed_role,
    reviews.c.needed_under,
    reviews.c.due_at,
    reviews.c.place,
    sqlite_where=_OPEN,
)
Index("open_reviews_by_time", reviews.c.due_at, reviews.c.place, sqlite_where=_OPEN)
Index("open_reviews_by_domain", reviews.c.domain, reviews.c.due_at, reviews.c.place, sqlite_where=_OPEN)
Index(
    "open_reviews_by_role_and_domain",
    reviews.c.needed_role,
    reviews.c.domain,
    reviews.c.needed_under,
    reviews.c.due_at,
    reviews.c.place,
    sqlite_where=_OPEN,
)
Index("open_reviews_by_state", reviews.c.needed_under, sqlite_where=_OPEN)
Index(
    "claimed_reviews",
    reviews.c.claimed_by,
    reviews.c.needed_role,
    reviews.c.domain,
    sqlite_where=text("claimed_by IS NOT NULL"),
)
Index("decided_by_confidence", reviews.c.task_type, reviews.c.confidence, reviews.c.answer, sqlite_where=_DECIDED)
Index("decided_by_type_and_domain", reviews.c.task_type, reviews.c.domain, reviews.c.answered_at, sqlite_where=_DECIDED)
Index("answers_by_time", reviews.c.answered_at, reviews.c.answered_by, sqlite_where=text("answered_by IS NOT NULL"))
Index("reviews_by_customer", reviews.c.affinity, sqlite_where=text("affinity IS NOT NULL"))

# What policies count: a row for each case and measure, written with the routing and deleted with the texts of the case.
# `name` is a keyed digest of the measure and of the value by which it counts, `amount` is in millionths. A row may be
# written before its case in a transaction.
tallies = Table(
    "tallies",
    metadata,
    Column("case_id", String(200), primary_key=True),
    Column("name", String(64), primary_key=True),
    # The time of the routing, and its action.
    Column("at", String(27), nullable=False),
    Column("action", String(20), nullable=False),
    # Empty if the amount is unreadable.
    Column("amount", BigInteger),
)
Index("tallies_by_name", tallies.c.name, tallies.c.at, tallies.c.action, tallies.c.amount, tallies.c.case_id)

# The measures under which earlier cases were counted too, each with the last entry before which all were.
measures = Table(
    "measures",
    metadata,
    Column("measure", String(1000), primary_key=True),
    Column("covered_seq", Integer, nullable=False),
    # The seal of both, which no entry records.
    Column("seal", String(200), nullable=False),
)

# Rejected attempts to answer a review, so that repeating one adds no entry to the ledger.
refusals = Table(
    "refusals",
    metadata,
    Column("case_id", String(200), ForeignKey("cases.case_id"), primary_key=True),
    Column("attempt", String(64), primary_key=True),
    Column("refused_seq", Integer, nullable=False),
)

# Auto-approved cases that were sampled for a spot check which is not opened yet.
spot_checks = Table(
    "spot_checks",
    metadata,
    Column("case_id", String(200), ForeignKey("cases.case_id"), primary_key=True),
    Column("finished_seq", Integer, nullable=False),
)

# Redacted cases. While a scrub is due the database may still hold copies, in pages that it no longer uses.
scrubs = Table(
    "scrubs",
    metadata,
    Column("case_id", String(200), ForeignKey("cases.case_id"), primary_key=True),
    Column("due", Integer, nullable=False),
    Column("seal", String(200), nullable=False),
)

# Callers to resume with the decision on a case. A delivered one is kept, so that it is not added again.
wakeups = Table(
    "wakeups",
    metadata,
    Column("case_id", String(200), ForeignKey("cases.case_id"), primary_key=True),
    Column("address", Text, nullable=False),
    Column("state", String(20), nullable=False),
    # The number of started deliveries, the time of the next one, the worker that delivers now, and the last error.
    Column("attempts", Integer, nullable=False),
    Column("next_at", String(27), nullable=False),
    Column("holder", String(200)),
    Column("error", Text),
    # The seal of all columns, which no entry records.
    Column("seal", String(200), nullable=False),
)
Index("pending_wakeups", wakeups.c.next_at, sqlite_where=text("state = 'pending'"))

# Executions of approved cases: the primary key makes each the only one of its case. No entry records the fence, the
# holder and the times of its lease; the seal is over all columns.
executions = Table(
    "executions",
    metadata,
    Column("case_id", String(200), ForeignKey("cases.case_id"), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("started_seq", Integer, nullable=False),
    # The entry that ended it, or the last one that called it unknown; empty while it runs.
    Column("ended_seq", Integer),
    Column("fence", Integer, nullable=False),
    Column("holder", String(200), nullable=False),
    Column("held_until", String(27), nullable=False),
    # The case in which a person is asked whether it happened.
    Column("check_id", String(200)),
    Column("seal", String(200), nullable=False),
)
Index("open_executions", executions.c.started_seq, sqlite_where=text("status IN ('started', 'unknown')"))

# The texts of agents and people in a case. The ledger names them by digests under this key.
contents = Table(
    "contents",
    metadata,
    Column("case_id", String(200), ForeignKey("cases.case_id"), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

payloads = Table(
    "payloads",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("case_id", String(200), primary_key=True),
    Column("body", Text, nullable=False),
    # The seal of the digest and the case, since no entry names a payload.
    Column("seal", String(200), nullable=False),
)
