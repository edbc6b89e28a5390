"""SQL texts of `statements/claims.py`, written by `tools/statements.py`."""

from hitl_orchestrator.ledger.database.statement import Statement

CLAIM = Statement(
    "claims.CLAIM",
    "UPDATE reviews SET claimed_by=:to, claimed_since=:new_claimed_since, claimed_until=:new_claimed_until, delegated_by=CASE WHEN (reviews.claimed_by = :who) THEN reviews.delegated_by ELSE NULL END, claim_seal=:new_claim_seal WHERE reviews.review_id = :wanted_review AND reviews.status = 'open' AND reviews.expires_at > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AND (reviews.claimed_by IS NULL OR reviews.claimed_since IS NULL OR reviews.claimed_since > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') OR reviews.claimed_until <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') OR reviews.claimed_until > '9999-12-31T23:59:59.999999Z' OR reviews.claimed_by = :who)",
    "UPDATE reviews SET claimed_by=%(to)s, claimed_since=%(new_claimed_since)s, claimed_until=%(new_claimed_until)s, delegated_by=CASE WHEN (reviews.claimed_by = %(who)s) THEN reviews.delegated_by ELSE NULL END, claim_seal=%(new_claim_seal)s WHERE reviews.review_id = %(wanted_review)s AND reviews.status = 'open' AND reviews.expires_at > to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND (reviews.claimed_by IS NULL OR reviews.claimed_since IS NULL OR reviews.claimed_since > to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR reviews.claimed_until <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR reviews.claimed_until > '9999-12-31T23:59:59.999999Z' OR reviews.claimed_by = %(who)s)",
)
DELEGATE = Statement(
    "claims.DELEGATE",
    "UPDATE reviews SET claimed_by=:to, claimed_since=:new_claimed_since, claimed_until=:new_claimed_until, delegated_by=:who, claim_seal=:new_claim_seal WHERE reviews.review_id = :wanted_review AND reviews.status = 'open' AND reviews.expires_at > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AND reviews.claimed_by = :who AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') AND reviews.claimed_until > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z'",
    "UPDATE reviews SET claimed_by=%(to)s, claimed_since=%(new_claimed_since)s, claimed_until=%(new_claimed_until)s, delegated_by=%(who)s, claim_seal=%(new_claim_seal)s WHERE reviews.review_id = %(wanted_review)s AND reviews.status = 'open' AND reviews.expires_at > to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_by = %(who)s AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until > to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z'",
)
RETURN_TO_OWNER = Statement(
    "claims.RETURN_TO_OWNER",
    "UPDATE reviews SET claimed_by=reviews.delegated_by, delegated_by=NULL WHERE reviews.review_id = :wanted_review AND reviews.status = 'open' AND reviews.claimed_by = :who AND reviews.delegated_by IS NOT NULL",
    "UPDATE reviews SET claimed_by=reviews.delegated_by, delegated_by=NULL WHERE reviews.review_id = %(wanted_review)s AND reviews.status = 'open' AND reviews.claimed_by = %(who)s AND reviews.delegated_by IS NOT NULL",
)
RELEASE = Statement(
    "claims.RELEASE",
    "UPDATE reviews SET claimed_by=NULL, claimed_since=NULL, claimed_until=NULL, delegated_by=NULL, claim_seal=NULL WHERE reviews.review_id = :wanted_review AND reviews.status = 'open' AND reviews.claimed_by = :who",
    "UPDATE reviews SET claimed_by=NULL, claimed_since=NULL, claimed_until=NULL, delegated_by=NULL, claim_seal=NULL WHERE reviews.review_id = %(wanted_review)s AND reviews.status = 'open' AND reviews.claimed_by = %(who)s",
)
RETURN_LAPSED = Statement(
    "claims.RETURN_LAPSED",
    "UPDATE reviews SET claimed_by=NULL, claimed_since=NULL, claimed_until=NULL, delegated_by=NULL, claim_seal=NULL WHERE reviews.review_id = :wanted_review AND reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND (reviews.claimed_since IS NULL OR reviews.claimed_since > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') OR reviews.claimed_until <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') OR reviews.claimed_until > '9999-12-31T23:59:59.999999Z')",
    "UPDATE reviews SET claimed_by=NULL, claimed_since=NULL, claimed_until=NULL, delegated_by=NULL, claim_seal=NULL WHERE reviews.review_id = %(wanted_review)s AND reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND (reviews.claimed_since IS NULL OR reviews.claimed_since > to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR reviews.claimed_until <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR reviews.claimed_until > '9999-12-31T23:59:59.999999Z')",
)
RENEW = Statement(
    "claims.RENEW",
    "UPDATE reviews SET claimed_until=:new_claimed_until, claim_seal=:new_claim_seal WHERE reviews.review_id = :wanted_review AND reviews.status = 'open' AND reviews.claimed_by = :who AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') AND reviews.claimed_until > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z' AND reviews.claimed_since = :new_claimed_since AND reviews.claimed_until < :new_claimed_until",
    "UPDATE reviews SET claimed_until=%(new_claimed_until)s, claim_seal=%(new_claim_seal)s WHERE reviews.review_id = %(wanted_review)s AND reviews.status = 'open' AND reviews.claimed_by = %(who)s AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until > to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z' AND reviews.claimed_since = %(new_claimed_since)s AND reviews.claimed_until < %(new_claimed_until)s",
)
HELD = Statement(
    "claims.HELD",
    "SELECT count(*) AS held FROM reviews WHERE reviews.claimed_by = :who AND reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') AND reviews.claimed_until > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z' AND reviews.review_id != :wanted_review",
    "SELECT count(*) AS held FROM reviews WHERE reviews.claimed_by = %(who)s AND reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until > to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z' AND reviews.review_id != %(wanted_review)s",
)
HOLDERS = Statement(
    "claims.HOLDERS",
    "SELECT reviews.claimed_by, reviews.needed_role, reviews.domain FROM reviews WHERE reviews.claimed_by IS NOT NULL GROUP BY reviews.claimed_by, reviews.needed_role, reviews.domain",
    "SELECT reviews.claimed_by, reviews.needed_role, reviews.domain FROM reviews WHERE reviews.claimed_by IS NOT NULL GROUP BY reviews.claimed_by, reviews.needed_role, reviews.domain",
)
LAPSED = Statement(
    "claims.LAPSED",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.claimed_by IS NOT NULL AND reviews.status = 'open' AND (reviews.claimed_since IS NULL OR reviews.claimed_since > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') OR reviews.claimed_until <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') OR reviews.claimed_until > '9999-12-31T23:59:59.999999Z') ORDER BY reviews.claimed_until LIMIT :most OFFSET 0",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.claimed_by IS NOT NULL AND reviews.status = 'open' AND (reviews.claimed_since IS NULL OR reviews.claimed_since > to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR reviews.claimed_until <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR reviews.claimed_until > '9999-12-31T23:59:59.999999Z') ORDER BY reviews.claimed_until LIMIT %(most)s",
)
TO_REMIND = Statement(
    "claims.TO_REMIND",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.status = 'open' AND reviews.remind_at <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') ORDER BY reviews.remind_at LIMIT :most OFFSET 0",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.status = 'open' AND reviews.remind_at <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') ORDER BY reviews.remind_at LIMIT %(most)s",
)
REMIND = Statement(
    "claims.REMIND",
    "UPDATE reviews SET remind_at='9999-12-31T23:59:59.999999Z' WHERE reviews.review_id = :wanted_review AND reviews.status = 'open' AND reviews.remind_at <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z')",
    "UPDATE reviews SET remind_at='9999-12-31T23:59:59.999999Z' WHERE reviews.review_id = %(wanted_review)s AND reviews.status = 'open' AND reviews.remind_at <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
)
LOADS = Statement(
    "claims.LOADS",
    "SELECT reviews.claimed_by AS who, count(*) AS times, 1 AS holds FROM reviews WHERE reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') AND reviews.claimed_until > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z' AND reviews.status = 'open' GROUP BY reviews.claimed_by UNION ALL SELECT reviews.answered_by AS who, count(*) AS times, 0 AS holds FROM reviews WHERE reviews.answered_by IS NOT NULL AND reviews.answered_at >= :since AND reviews.replayed = 0 GROUP BY reviews.answered_by",
    "SELECT reviews.claimed_by AS who, count(*) AS times, 1 AS holds FROM reviews WHERE reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until > to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z' AND reviews.status = 'open' GROUP BY reviews.claimed_by UNION ALL SELECT reviews.answered_by AS who, count(*) AS times, 0 AS holds FROM reviews WHERE reviews.answered_by IS NOT NULL AND reviews.answered_at >= %(since)s AND reviews.replayed = 0 GROUP BY reviews.answered_by",
)
UPHELD = Statement(
    "claims.UPHELD",
    "SELECT count(*) AS decided, coalesce(sum(CASE WHEN (reviews.answer IN ('approve')) THEN 1 ELSE 0 END), 0) AS upheld FROM reviews WHERE reviews.task_type = :wanted_type AND reviews.confidence >= :lowest AND reviews.confidence < :highest AND reviews.status = 'decided' AND reviews.replayed = 0",
    "SELECT count(*) AS decided, coalesce(sum(CASE WHEN (reviews.answer IN ('approve')) THEN 1 ELSE 0 END), 0) AS upheld FROM reviews WHERE reviews.task_type = %(wanted_type)s AND reviews.confidence >= %(lowest)s AND reviews.confidence < %(highest)s AND reviews.status = 'decided' AND reviews.replayed = 0",
)
SIMILAR = Statement(
    "claims.SIMILAR",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.task_type = :wanted_type AND reviews.domain = :wanted_domain AND reviews.status = 'decided' AND reviews.replayed = 0 AND reviews.case_id != :but ORDER BY reviews.answered_at DESC LIMIT :most OFFSET 0",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.task_type = %(wanted_type)s AND reviews.domain = %(wanted_domain)s AND reviews.status = 'decided' AND reviews.replayed = 0 AND reviews.case_id != %(but)s ORDER BY reviews.answered_at DESC LIMIT %(most)s",
)
LAST_FOR_CUSTOMER = Statement(
    "claims.LAST_FOR_CUSTOMER",
    "SELECT reviews.answered_by FROM reviews WHERE reviews.affinity = :affinity AND reviews.affinity IS NOT NULL AND reviews.status = 'decided' AND reviews.replayed = 0 ORDER BY reviews.answered_at DESC LIMIT 1 OFFSET 0",
    "SELECT reviews.answered_by FROM reviews WHERE reviews.affinity = %(affinity)s AND reviews.affinity IS NOT NULL AND reviews.status = 'decided' AND reviews.replayed = 0 ORDER BY reviews.answered_at DESC LIMIT 1",
)
OUTDATED = Statement(
    "claims.OUTDATED",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews JOIN cases ON cases.case_id = reviews.case_id JOIN cases AS newer ON newer.task_id = cases.task_id AND newer.submitter = cases.submitter AND newer.attempt > cases.attempt WHERE reviews.status = 'open' LIMIT :most OFFSET 0",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews JOIN cases ON cases.case_id = reviews.case_id JOIN cases AS newer ON newer.task_id = cases.task_id AND newer.submitter = cases.submitter AND newer.attempt > cases.attempt WHERE reviews.status = 'open' LIMIT %(most)s",
)
OPEN_ROLES_AND_STATES = Statement(
    "claims.OPEN_ROLES_AND_STATES",
    "WITH RECURSIVE each_needed_role(value) AS (SELECT min(reviews.needed_role) AS value FROM reviews WHERE reviews.status = 'open' UNION ALL SELECT (SELECT min(reviews.needed_role) AS min_1 FROM reviews WHERE reviews.status = 'open' AND reviews.needed_role > each_needed_role.value) AS anon_1 FROM each_needed_role WHERE each_needed_role.value IS NOT NULL), each_needed_under(value) AS (SELECT min(reviews.needed_under) AS value FROM reviews WHERE reviews.status = 'open' UNION ALL SELECT (SELECT min(reviews.needed_under) AS min_2 FROM reviews WHERE reviews.status = 'open' AND reviews.needed_under > each_needed_under.value) AS anon_2 FROM each_needed_under WHERE each_needed_under.value IS NOT NULL) SELECT 'needed_role' AS name, each_needed_role.value FROM each_needed_role WHERE each_needed_role.value IS NOT NULL UNION ALL SELECT 'needed_under' AS name, each_needed_under.value FROM each_needed_under WHERE each_needed_under.value IS NOT NULL",
    "WITH RECURSIVE each_needed_role(value) AS (SELECT min(reviews.needed_role) AS value FROM reviews WHERE reviews.status = 'open' UNION ALL SELECT (SELECT min(reviews.needed_role) AS min_1 FROM reviews WHERE reviews.status = 'open' AND reviews.needed_role > each_needed_role.value) AS anon_1 FROM each_needed_role WHERE each_needed_role.value IS NOT NULL), each_needed_under(value) AS (SELECT min(reviews.needed_under) AS value FROM reviews WHERE reviews.status = 'open' UNION ALL SELECT (SELECT min(reviews.needed_under) AS min_2 FROM reviews WHERE reviews.status = 'open' AND reviews.needed_under > each_needed_under.value) AS anon_2 FROM each_needed_under WHERE each_needed_under.value IS NOT NULL) SELECT 'needed_role' AS name, each_needed_role.value FROM each_needed_role WHERE each_needed_role.value IS NOT NULL UNION ALL SELECT 'needed_under' AS name, each_needed_under.value FROM each_needed_under WHERE each_needed_under.value IS NOT NULL",
)
OPEN_DOMAINS = Statement(
    "claims.OPEN_DOMAINS",
    "WITH RECURSIVE each_domain(value) AS (SELECT min(reviews.domain) AS value FROM reviews WHERE reviews.status = 'open' UNION ALL SELECT (SELECT min(reviews.domain) AS min_1 FROM reviews WHERE reviews.status = 'open' AND reviews.domain > each_domain.value) AS anon_1 FROM each_domain WHERE each_domain.value IS NOT NULL) SELECT 'domain' AS name, each_domain.value FROM each_domain WHERE each_domain.value IS NOT NULL",
    "WITH RECURSIVE each_domain(value) AS (SELECT min(reviews.domain) AS value FROM reviews WHERE reviews.status = 'open' UNION ALL SELECT (SELECT min(reviews.domain) AS min_1 FROM reviews WHERE reviews.status = 'open' AND reviews.domain > each_domain.value) AS anon_1 FROM each_domain WHERE each_domain.value IS NOT NULL) SELECT 'domain' AS name, each_domain.value FROM each_domain WHERE each_domain.value IS NOT NULL",
)
SET_NEEDED = Statement(
    "claims.SET_NEEDED",
    "UPDATE reviews SET needed_role=:to_role, needed_under=:to_state, needed_seal=:new_seal WHERE reviews.review_id = :wanted_review AND reviews.status = 'open'",
    "UPDATE reviews SET needed_role=%(to_role)s, needed_under=%(to_state)s, needed_seal=%(new_seal)s WHERE reviews.review_id = %(wanted_review)s AND reviews.status = 'open'",
)
PLACE = Statement(
    "claims.PLACE",
    "SELECT reviews.due_at, reviews.place FROM reviews WHERE reviews.review_id = :wanted_review",
    "SELECT reviews.due_at, reviews.place FROM reviews WHERE reviews.review_id = %(wanted_review)s",
)
CONDITIONS = {
    "role": Statement(
        "claims.CONDITIONS", "reviews.needed_role = :role_{number}", "reviews.needed_role = %(role_{number})s"
    ),
    "state": Statement(
        "claims.CONDITIONS", "reviews.needed_under = :state_{number}", "reviews.needed_under = %(state_{number})s"
    ),
    "domain": Statement(
        "claims.CONDITIONS", "reviews.domain = :domain_{number}", "reviews.domain = %(domain_{number})s"
    ),
    "task_type": Statement(
        "claims.CONDITIONS", "reviews.task_type = :task_type_{number}", "reviews.task_type = %(task_type_{number})s"
    ),
    "risk_level": Statement(
        "claims.CONDITIONS", "reviews.risk_level = :risk_level_{number}", "reviews.risk_level = %(risk_level_{number})s"
    ),
    "overdue": Statement(
        "claims.CONDITIONS",
        "reviews.due_at <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z')",
        "reviews.due_at <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    ),
    "held_by": Statement(
        "claims.CONDITIONS",
        "reviews.claimed_by = :held_by_{number} AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') AND reviews.claimed_until > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z'",
        "reviews.claimed_by = %(held_by_{number})s AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since <= to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until > to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AND reviews.claimed_until <= '9999-12-31T23:59:59.999999Z'",
    ),
    "unclaimed": Statement(
        "claims.CONDITIONS",
        "reviews.claimed_by IS NULL OR reviews.claimed_since IS NULL OR reviews.claimed_since > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') OR reviews.claimed_until <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') OR reviews.claimed_until > '9999-12-31T23:59:59.999999Z'",
        "reviews.claimed_by IS NULL OR reviews.claimed_since IS NULL OR reviews.claimed_since > to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR reviews.claimed_until <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR reviews.claimed_until > '9999-12-31T23:59:59.999999Z'",
    ),
    "open": Statement(
        "claims.CONDITIONS",
        "reviews.expires_at > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z')",
        "reviews.expires_at > to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    ),
    "after": Statement(
        "claims.CONDITIONS",
        "(reviews.due_at, reviews.place) > (:after_due, :after_place)",
        "(reviews.due_at, reviews.place) > (%(after_due)s, %(after_place)s)",
    ),
    "until": Statement(
        "claims.CONDITIONS",
        "(reviews.due_at, reviews.place) <= (:until_due, :until_place)",
        "(reviews.due_at, reviews.place) <= (%(until_due)s, %(until_place)s)",
    ),
}
QUEUED = Statement(
    "claims.QUEUED",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.status = 'open' AND reviews.replayed = 0 AND {conditions} ORDER BY reviews.due_at, reviews.place LIMIT :most OFFSET 0",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.status = 'open' AND reviews.replayed = 0 AND {conditions} ORDER BY reviews.due_at, reviews.place LIMIT %(most)s",
)
QUEUED_KEYS = Statement(
    "claims.QUEUED_KEYS",
    "SELECT reviews.review_id, reviews.due_at, reviews.place FROM reviews WHERE reviews.status = 'open' AND reviews.replayed = 0 AND {conditions} ORDER BY reviews.due_at, reviews.place LIMIT :most OFFSET 0",
    "SELECT reviews.review_id, reviews.due_at, reviews.place FROM reviews WHERE reviews.status = 'open' AND reviews.replayed = 0 AND {conditions} ORDER BY reviews.due_at, reviews.place LIMIT %(most)s",
)
QUEUED_COUNT = Statement(
    "claims.QUEUED_COUNT",
    "SELECT count(*) AS number FROM reviews WHERE reviews.status = 'open' AND reviews.replayed = 0 AND {conditions}",
    "SELECT count(*) AS number FROM reviews WHERE reviews.status = 'open' AND reviews.replayed = 0 AND {conditions}",
)
QUEUED_KEYS_OF_BRANCHES = Statement(
    "claims.QUEUED_KEYS_OF_BRANCHES",
    "{branches} ORDER BY due_at, place LIMIT :most",
    "{branches} ORDER BY due_at, place LIMIT %(most)s",
)
QUEUED_OF_BRANCHES = Statement(
    "claims.QUEUED_OF_BRANCHES",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews JOIN ({branches} ORDER BY due_at, place LIMIT :most) AS keys ON reviews.review_id = keys.review_id ORDER BY reviews.due_at, reviews.place",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews JOIN ({branches} ORDER BY due_at, place LIMIT %(most)s) AS keys ON reviews.review_id = keys.review_id ORDER BY reviews.due_at, reviews.place",
)
SOME_REVIEWS = Statement(
    "claims.SOME_REVIEWS",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.status = 'open' AND reviews.replayed = 0 AND reviews.review_id IN (:id_0, :id_1, :id_2, :id_3, :id_4, :id_5, :id_6, :id_7, :id_8, :id_9, :id_10, :id_11, :id_12, :id_13, :id_14, :id_15, :id_16, :id_17, :id_18, :id_19, :id_20, :id_21, :id_22, :id_23, :id_24, :id_25, :id_26, :id_27, :id_28, :id_29, :id_30, :id_31, :id_32, :id_33, :id_34, :id_35, :id_36, :id_37, :id_38, :id_39, :id_40, :id_41, :id_42, :id_43, :id_44, :id_45, :id_46, :id_47, :id_48, :id_49, :id_50, :id_51, :id_52, :id_53, :id_54, :id_55, :id_56, :id_57, :id_58, :id_59, :id_60, :id_61, :id_62, :id_63, :id_64, :id_65, :id_66, :id_67, :id_68, :id_69, :id_70, :id_71, :id_72, :id_73, :id_74, :id_75, :id_76, :id_77, :id_78, :id_79, :id_80, :id_81, :id_82, :id_83, :id_84, :id_85, :id_86, :id_87, :id_88, :id_89, :id_90, :id_91, :id_92, :id_93, :id_94, :id_95, :id_96, :id_97, :id_98, :id_99) ORDER BY reviews.due_at, reviews.place",
    "SELECT reviews.review_id, reviews.case_id, reviews.level, reviews.role, reviews.domain, reviews.status, reviews.version, reviews.digest, reviews.shown, reviews.opened_at, reviews.queued_at, reviews.place, reviews.due_at, reviews.expires_at, reviews.verdict, reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.delegated_by, reviews.claim_seal, reviews.remind_at, reviews.task_type, reviews.risk_level, reviews.policy_hash, reviews.confidence, reviews.replayed, reviews.answer, reviews.answered_by, reviews.answered_at, reviews.needed_role, reviews.needed_under, reviews.needed_seal, reviews.affinity, reviews.answer_key, reviews.seal FROM reviews WHERE reviews.status = 'open' AND reviews.replayed = 0 AND reviews.review_id IN (%(id_0)s, %(id_1)s, %(id_2)s, %(id_3)s, %(id_4)s, %(id_5)s, %(id_6)s, %(id_7)s, %(id_8)s, %(id_9)s, %(id_10)s, %(id_11)s, %(id_12)s, %(id_13)s, %(id_14)s, %(id_15)s, %(id_16)s, %(id_17)s, %(id_18)s, %(id_19)s, %(id_20)s, %(id_21)s, %(id_22)s, %(id_23)s, %(id_24)s, %(id_25)s, %(id_26)s, %(id_27)s, %(id_28)s, %(id_29)s, %(id_30)s, %(id_31)s, %(id_32)s, %(id_33)s, %(id_34)s, %(id_35)s, %(id_36)s, %(id_37)s, %(id_38)s, %(id_39)s, %(id_40)s, %(id_41)s, %(id_42)s, %(id_43)s, %(id_44)s, %(id_45)s, %(id_46)s, %(id_47)s, %(id_48)s, %(id_49)s, %(id_50)s, %(id_51)s, %(id_52)s, %(id_53)s, %(id_54)s, %(id_55)s, %(id_56)s, %(id_57)s, %(id_58)s, %(id_59)s, %(id_60)s, %(id_61)s, %(id_62)s, %(id_63)s, %(id_64)s, %(id_65)s, %(id_66)s, %(id_67)s, %(id_68)s, %(id_69)s, %(id_70)s, %(id_71)s, %(id_72)s, %(id_73)s, %(id_74)s, %(id_75)s, %(id_76)s, %(id_77)s, %(id_78)s, %(id_79)s, %(id_80)s, %(id_81)s, %(id_82)s, %(id_83)s, %(id_84)s, %(id_85)s, %(id_86)s, %(id_87)s, %(id_88)s, %(id_89)s, %(id_90)s, %(id_91)s, %(id_92)s, %(id_93)s, %(id_94)s, %(id_95)s, %(id_96)s, %(id_97)s, %(id_98)s, %(id_99)s) ORDER BY reviews.due_at, reviews.place",
)
