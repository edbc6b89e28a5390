"""The tables, as SQLAlchemy Core knows them. The migrations make them; a test keeps the two alike."""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint, text

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
)
Index("events_of_case", events.c.case_id, events.c.seq)
# What a rehearsal reads of the ends and the beginnings of cases, so that it need not read the entries themselves: see
# `past.OUTLINE`. SQLite keeps an index of expressions by itself, and answers from it alone.
OUTLINE_OF_ENTRY = (
    "CASE WHEN json_valid(entry) THEN CASE WHEN json_type(entry, '$.body') = 'object' THEN "
    "trim(json_extract(entry, '$.body.approvals_needed', "
    "'$.body.assigned_human_role', '$.body.confidence_score', '$.body.domain', '$.body.human_decision', "
    "'$.body.latency_seconds', '$.body.quality_check', '$.body.review_probability', '$.body.risk_level', "
    "'$.body.routing_decision', '$.body.rule_id', '$.body.task_type', '$.body.timestamp'), '[]') || ',' || "
    "replace(replace(coalesce(json_extract(entry, '$.body.signals'), '[]'), '\"', ''), ',', ' ') || ',' || "
    "(coalesce(json_type(entry, '$.body.proposed_output'), '') = 'object') END END"
)
TASK_OF_ENTRY = (
    "CASE WHEN json_valid(entry) THEN CASE WHEN json_type(entry, '$.body.task') = 'object' THEN "
    "json_extract(entry, '$.body.task.timestamp', '$.body.task.metadata.content') END END"
)
Index(
    "ends_of_cases",
    events.c.seq,
    events.c.case_id,
    text(OUTLINE_OF_ENTRY),
    sqlite_where=text("kind = 'finished'"),
).ddl_if(dialect="sqlite")
Index(
    "beginnings_of_cases",
    events.c.case_id,
    text(TASK_OF_ENTRY),
    sqlite_where=text("kind = 'submitted'"),
).ddl_if(dialect="sqlite")
# One outcome per case, whatever crashes when: the schema wins this race, not the code.
Index(
    "one_outcome_per_case",
    events.c.case_id,
    unique=True,
    sqlite_where=text("kind = 'finished'"),
)
Index("policies_recorded", events.c.seq, sqlite_where=text("kind = 'policy_recorded'"))
# Asked at each submission: has anything become of the policies since?
Index(
    "life_of_policies",
    events.c.seq,
    sqlite_where=text(
        "kind IN ('policy_version', 'policy_proposed', 'policy_activated', 'policy_canary', "
        "'policy_shadow', 'policy_declined')"
    ),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", String(200), primary_key=True),
    Column("task_id", String(200), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("content", String(64), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("submitted_seq", Integer, nullable=False),
    # Who drives the case now, if anybody. Each time it is taken the fence rises.
    Column("fence", Integer, nullable=False),
    Column("holder", String(200)),
    Column("held_until", String(27)),
    UniqueConstraint("task_id", "attempt", name="one_case_per_attempt"),
)
Index(
    "unfinished_cases",
    cases.c.stage,
    cases.c.submitted_seq,
    sqlite_where=text("stage <> 'finished'"),
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
    # When an answer is due, and from when on none is taken; a time beyond all others where none is set.
    Column("due_at", String(27), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Column("verdict", Text),
    # Who is at it, and until when nobody else may answer.
    Column("claimed_by", String(200)),
    Column("claimed_until", String(27)),
    Column("delegated_by", String(200)),
    # When those who may answer are to be reminded; a time beyond all others where they are not, or were.
    Column("remind_at", String(27), nullable=False),
    # What the review shows and what was answered, to find it by.
    Column("task_type", String(200), nullable=False),
    Column("risk_level", String(20), nullable=False),
    Column("confidence", Float),
    Column("answer", String(20)),
    Column("answered_by", String(200)),
    Column("answered_at", String(27)),
    # Whose case it is, by a keyed digest: the same customer, the same reviewer.
    Column("affinity", String(64)),
    # The person and the key of an answer that came with one.
    Column("answer_key", String(401)),
    Column("seal", String(200), nullable=False),
    UniqueConstraint("case_id", "level", name="one_review_per_level"),
)
Index(
    "open_reviews",
    reviews.c.role,
    reviews.c.due_at,
    reviews.c.opened_at,
    sqlite_where=text("status = 'open'"),
)
Index("reviews_by_deadline", reviews.c.expires_at, sqlite_where=text("status = 'open'"))
Index("one_answer_per_key", reviews.c.answer_key, unique=True, sqlite_where=text("answer_key IS NOT NULL"))
# The inbox of everybody, and of one domain: without these the first fifty would be found by sorting all that wait.
_OPEN = text("status = 'open'")
Index("open_reviews_by_time", reviews.c.due_at, reviews.c.opened_at, sqlite_where=_OPEN)
Index("open_reviews_by_domain", reviews.c.domain, reviews.c.due_at, reviews.c.opened_at, sqlite_where=_OPEN)
Index(
    "open_reviews_of_a_kind",
    reviews.c.role,
    reviews.c.domain,
    reviews.c.due_at,
    reviews.c.opened_at,
    sqlite_where=_OPEN,
)
Index("reviews_to_remind_of", reviews.c.remind_at, sqlite_where=_OPEN)
Index("claimed_reviews", reviews.c.claimed_by, sqlite_where=text("claimed_by IS NOT NULL"))
_DECIDED = text("status = 'decided'")
Index("decided_by_confidence", reviews.c.task_type, reviews.c.confidence, reviews.c.answer, sqlite_where=_DECIDED)
Index("decided_of_a_kind", reviews.c.task_type, reviews.c.domain, reviews.c.answered_at, sqlite_where=_DECIDED)
Index("answered_by_whom", reviews.c.answered_at, reviews.c.answered_by, sqlite_where=text("answered_by IS NOT NULL"))
Index("answered_of_a_customer", reviews.c.affinity, sqlite_where=text("affinity IS NOT NULL"))
Index(
    "one_open_review_per_case",
    reviews.c.case_id,
    unique=True,
    sqlite_where=text("status = 'open'"),
)

# What was tried and refused, so that trying it again adds nothing to the ledger.
refusals = Table(
    "refusals",
    metadata,
    Column("case_id", String(200), ForeignKey("cases.case_id"), primary_key=True),
    Column("attempt", String(64), primary_key=True),
    Column("refused_seq", Integer, nullable=False),
)

# Cases that went ahead by themselves, were drawn to be looked at afterwards, and of which nobody was asked yet.
spot_checks = Table(
    "spot_checks",
    metadata,
    Column("case_id", String(200), ForeignKey("cases.case_id"), primary_key=True),
    Column("finished_seq", Integer, nullable=False),
)

# What agents and people said in a case, beside the ledger, which names it by digests under this key.
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
)
