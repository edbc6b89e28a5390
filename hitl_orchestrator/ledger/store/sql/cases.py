"""SQL texts of `statements/cases.py`, written by `tools/statements.py`."""

from hitl_orchestrator.ledger.database.statement import Statement

CLOCK = Statement(
    "cases.CLOCK",
    "SELECT (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AS now",
    "SELECT to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now",
)
ADD_CASE = Statement(
    "cases.ADD_CASE",
    "INSERT INTO cases (case_id, task_id, submitter, attempt, content, stage, submitted_seq, fence, holder, held_since, held_until, lease_seal) VALUES (:case_id, :task_id, :submitter, :attempt, :content, :stage, :submitted_seq, :fence, :holder, :held_since, :held_until, :lease_seal)",
    "INSERT INTO cases (case_id, task_id, submitter, attempt, content, stage, submitted_seq, fence, holder, held_since, held_until, lease_seal) VALUES (%(case_id)s, %(task_id)s, %(submitter)s, %(attempt)s, %(content)s, %(stage)s, %(submitted_seq)s, %(fence)s, %(holder)s, %(held_since)s, %(held_until)s, %(lease_seal)s)",
)
INTAKE = Statement(
    "cases.INTAKE",
    "SELECT (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head, (SELECT cases.case_id FROM cases WHERE cases.case_id = :wanted_task) AS named_case, (SELECT cases.submitter FROM cases WHERE cases.task_id = :wanted_task AND cases.submitter != :wanted_submitter ORDER BY cases.submitter DESC LIMIT 1 OFFSET 0) AS other, (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AS now",
    "SELECT (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head, (SELECT cases.case_id FROM cases WHERE cases.case_id = %(wanted_task)s) AS named_case, (SELECT cases.submitter FROM cases WHERE cases.task_id = %(wanted_task)s AND cases.submitter != %(wanted_submitter)s ORDER BY cases.submitter DESC LIMIT 1) AS other, to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now",
)
TASKS_IN_USE = Statement(
    "cases.TASKS_IN_USE",
    "SELECT cases.task_id, cases.submitter, cases.case_id FROM cases WHERE cases.task_id IN (:id_0, :id_1, :id_2, :id_3, :id_4, :id_5, :id_6, :id_7, :id_8, :id_9, :id_10, :id_11, :id_12, :id_13, :id_14, :id_15, :id_16, :id_17, :id_18, :id_19, :id_20, :id_21, :id_22, :id_23, :id_24, :id_25, :id_26, :id_27, :id_28, :id_29, :id_30, :id_31, :id_32, :id_33, :id_34, :id_35, :id_36, :id_37, :id_38, :id_39, :id_40, :id_41, :id_42, :id_43, :id_44, :id_45, :id_46, :id_47, :id_48, :id_49, :id_50, :id_51, :id_52, :id_53, :id_54, :id_55, :id_56, :id_57, :id_58, :id_59, :id_60, :id_61, :id_62, :id_63, :id_64, :id_65, :id_66, :id_67, :id_68, :id_69, :id_70, :id_71, :id_72, :id_73, :id_74, :id_75, :id_76, :id_77, :id_78, :id_79, :id_80, :id_81, :id_82, :id_83, :id_84, :id_85, :id_86, :id_87, :id_88, :id_89, :id_90, :id_91, :id_92, :id_93, :id_94, :id_95, :id_96, :id_97, :id_98, :id_99) ORDER BY cases.attempt",
    "SELECT cases.task_id, cases.submitter, cases.case_id FROM cases WHERE cases.task_id IN (%(id_0)s, %(id_1)s, %(id_2)s, %(id_3)s, %(id_4)s, %(id_5)s, %(id_6)s, %(id_7)s, %(id_8)s, %(id_9)s, %(id_10)s, %(id_11)s, %(id_12)s, %(id_13)s, %(id_14)s, %(id_15)s, %(id_16)s, %(id_17)s, %(id_18)s, %(id_19)s, %(id_20)s, %(id_21)s, %(id_22)s, %(id_23)s, %(id_24)s, %(id_25)s, %(id_26)s, %(id_27)s, %(id_28)s, %(id_29)s, %(id_30)s, %(id_31)s, %(id_32)s, %(id_33)s, %(id_34)s, %(id_35)s, %(id_36)s, %(id_37)s, %(id_38)s, %(id_39)s, %(id_40)s, %(id_41)s, %(id_42)s, %(id_43)s, %(id_44)s, %(id_45)s, %(id_46)s, %(id_47)s, %(id_48)s, %(id_49)s, %(id_50)s, %(id_51)s, %(id_52)s, %(id_53)s, %(id_54)s, %(id_55)s, %(id_56)s, %(id_57)s, %(id_58)s, %(id_59)s, %(id_60)s, %(id_61)s, %(id_62)s, %(id_63)s, %(id_64)s, %(id_65)s, %(id_66)s, %(id_67)s, %(id_68)s, %(id_69)s, %(id_70)s, %(id_71)s, %(id_72)s, %(id_73)s, %(id_74)s, %(id_75)s, %(id_76)s, %(id_77)s, %(id_78)s, %(id_79)s, %(id_80)s, %(id_81)s, %(id_82)s, %(id_83)s, %(id_84)s, %(id_85)s, %(id_86)s, %(id_87)s, %(id_88)s, %(id_89)s, %(id_90)s, %(id_91)s, %(id_92)s, %(id_93)s, %(id_94)s, %(id_95)s, %(id_96)s, %(id_97)s, %(id_98)s, %(id_99)s) ORDER BY cases.attempt",
)
CASES_IN_USE = Statement(
    "cases.CASES_IN_USE",
    "SELECT cases.case_id FROM cases WHERE cases.case_id IN (:id_0, :id_1, :id_2, :id_3, :id_4, :id_5, :id_6, :id_7, :id_8, :id_9, :id_10, :id_11, :id_12, :id_13, :id_14, :id_15, :id_16, :id_17, :id_18, :id_19, :id_20, :id_21, :id_22, :id_23, :id_24, :id_25, :id_26, :id_27, :id_28, :id_29, :id_30, :id_31, :id_32, :id_33, :id_34, :id_35, :id_36, :id_37, :id_38, :id_39, :id_40, :id_41, :id_42, :id_43, :id_44, :id_45, :id_46, :id_47, :id_48, :id_49, :id_50, :id_51, :id_52, :id_53, :id_54, :id_55, :id_56, :id_57, :id_58, :id_59, :id_60, :id_61, :id_62, :id_63, :id_64, :id_65, :id_66, :id_67, :id_68, :id_69, :id_70, :id_71, :id_72, :id_73, :id_74, :id_75, :id_76, :id_77, :id_78, :id_79, :id_80, :id_81, :id_82, :id_83, :id_84, :id_85, :id_86, :id_87, :id_88, :id_89, :id_90, :id_91, :id_92, :id_93, :id_94, :id_95, :id_96, :id_97, :id_98, :id_99)",
    "SELECT cases.case_id FROM cases WHERE cases.case_id IN (%(id_0)s, %(id_1)s, %(id_2)s, %(id_3)s, %(id_4)s, %(id_5)s, %(id_6)s, %(id_7)s, %(id_8)s, %(id_9)s, %(id_10)s, %(id_11)s, %(id_12)s, %(id_13)s, %(id_14)s, %(id_15)s, %(id_16)s, %(id_17)s, %(id_18)s, %(id_19)s, %(id_20)s, %(id_21)s, %(id_22)s, %(id_23)s, %(id_24)s, %(id_25)s, %(id_26)s, %(id_27)s, %(id_28)s, %(id_29)s, %(id_30)s, %(id_31)s, %(id_32)s, %(id_33)s, %(id_34)s, %(id_35)s, %(id_36)s, %(id_37)s, %(id_38)s, %(id_39)s, %(id_40)s, %(id_41)s, %(id_42)s, %(id_43)s, %(id_44)s, %(id_45)s, %(id_46)s, %(id_47)s, %(id_48)s, %(id_49)s, %(id_50)s, %(id_51)s, %(id_52)s, %(id_53)s, %(id_54)s, %(id_55)s, %(id_56)s, %(id_57)s, %(id_58)s, %(id_59)s, %(id_60)s, %(id_61)s, %(id_62)s, %(id_63)s, %(id_64)s, %(id_65)s, %(id_66)s, %(id_67)s, %(id_68)s, %(id_69)s, %(id_70)s, %(id_71)s, %(id_72)s, %(id_73)s, %(id_74)s, %(id_75)s, %(id_76)s, %(id_77)s, %(id_78)s, %(id_79)s, %(id_80)s, %(id_81)s, %(id_82)s, %(id_83)s, %(id_84)s, %(id_85)s, %(id_86)s, %(id_87)s, %(id_88)s, %(id_89)s, %(id_90)s, %(id_91)s, %(id_92)s, %(id_93)s, %(id_94)s, %(id_95)s, %(id_96)s, %(id_97)s, %(id_98)s, %(id_99)s)",
)
OTHER_SUBMITTERS = Statement(
    "cases.OTHER_SUBMITTERS",
    "SELECT DISTINCT cases.submitter FROM cases WHERE cases.task_id = :wanted_task AND cases.submitter != :wanted_submitter ORDER BY cases.submitter DESC LIMIT :most OFFSET 0",
    "SELECT DISTINCT cases.submitter FROM cases WHERE cases.task_id = %(wanted_task)s AND cases.submitter != %(wanted_submitter)s ORDER BY cases.submitter DESC LIMIT %(most)s",
)
LATEST_ATTEMPT = Statement(
    "cases.LATEST_ATTEMPT",
    'SELECT cases.case_id, cases.attempt, cases.content, contents."key", contents.body FROM cases LEFT OUTER JOIN contents ON contents.case_id = cases.case_id WHERE cases.task_id = :wanted_task AND cases.submitter = :wanted_submitter ORDER BY cases.attempt DESC LIMIT 1 OFFSET 0',
    "SELECT cases.case_id, cases.attempt, cases.content, contents.key, contents.body FROM cases LEFT OUTER JOIN contents ON contents.case_id = cases.case_id WHERE cases.task_id = %(wanted_task)s AND cases.submitter = %(wanted_submitter)s ORDER BY cases.attempt DESC LIMIT 1",
)
CASES_NAMED = Statement(
    "cases.CASES_NAMED",
    "SELECT cases.case_id FROM cases WHERE cases.case_id LIKE :wanted_prefix ORDER BY cases.case_id LIMIT :most OFFSET 0",
    "SELECT cases.case_id FROM cases WHERE cases.case_id LIKE %(wanted_prefix)s ORDER BY cases.case_id LIMIT %(most)s",
)
LATEST_ATTEMPTS = Statement(
    "cases.LATEST_ATTEMPTS",
    "SELECT cases.case_id, cases.submitter FROM cases WHERE cases.task_id = :wanted_task AND NOT (EXISTS (SELECT later.case_id FROM cases AS later WHERE later.task_id = cases.task_id AND later.submitter = cases.submitter AND later.attempt > cases.attempt)) ORDER BY cases.submitted_seq LIMIT :most OFFSET 0",
    "SELECT cases.case_id, cases.submitter FROM cases WHERE cases.task_id = %(wanted_task)s AND NOT (EXISTS (SELECT later.case_id FROM cases AS later WHERE later.task_id = cases.task_id AND later.submitter = cases.submitter AND later.attempt > cases.attempt)) ORDER BY cases.submitted_seq LIMIT %(most)s",
)
CASE = Statement(
    "cases.CASE",
    'SELECT cases.case_id, cases.stage, events.seq, events.entry, events.digest, events.mac, contents."key", contents.body FROM cases JOIN events ON events.seq = cases.submitted_seq LEFT OUTER JOIN contents ON contents.case_id = cases.case_id WHERE cases.case_id = :wanted_case',
    "SELECT cases.case_id, cases.stage, events.seq, events.entry, events.digest, events.mac, contents.key, contents.body FROM cases JOIN events ON events.seq = cases.submitted_seq LEFT OUTER JOIN contents ON contents.case_id = cases.case_id WHERE cases.case_id = %(wanted_case)s",
)
SOME_CASES = Statement(
    "cases.SOME_CASES",
    'SELECT cases.case_id, cases.stage, events.seq, events.entry, events.digest, events.mac, contents."key", contents.body FROM cases JOIN events ON events.seq = cases.submitted_seq LEFT OUTER JOIN contents ON contents.case_id = cases.case_id WHERE cases.case_id IN (:id_0, :id_1, :id_2, :id_3, :id_4, :id_5, :id_6, :id_7, :id_8, :id_9, :id_10, :id_11, :id_12, :id_13, :id_14, :id_15, :id_16, :id_17, :id_18, :id_19, :id_20, :id_21, :id_22, :id_23, :id_24, :id_25, :id_26, :id_27, :id_28, :id_29, :id_30, :id_31, :id_32, :id_33, :id_34, :id_35, :id_36, :id_37, :id_38, :id_39, :id_40, :id_41, :id_42, :id_43, :id_44, :id_45, :id_46, :id_47, :id_48, :id_49, :id_50, :id_51, :id_52, :id_53, :id_54, :id_55, :id_56, :id_57, :id_58, :id_59, :id_60, :id_61, :id_62, :id_63, :id_64, :id_65, :id_66, :id_67, :id_68, :id_69, :id_70, :id_71, :id_72, :id_73, :id_74, :id_75, :id_76, :id_77, :id_78, :id_79, :id_80, :id_81, :id_82, :id_83, :id_84, :id_85, :id_86, :id_87, :id_88, :id_89, :id_90, :id_91, :id_92, :id_93, :id_94, :id_95, :id_96, :id_97, :id_98, :id_99)',
    "SELECT cases.case_id, cases.stage, events.seq, events.entry, events.digest, events.mac, contents.key, contents.body FROM cases JOIN events ON events.seq = cases.submitted_seq LEFT OUTER JOIN contents ON contents.case_id = cases.case_id WHERE cases.case_id IN (%(id_0)s, %(id_1)s, %(id_2)s, %(id_3)s, %(id_4)s, %(id_5)s, %(id_6)s, %(id_7)s, %(id_8)s, %(id_9)s, %(id_10)s, %(id_11)s, %(id_12)s, %(id_13)s, %(id_14)s, %(id_15)s, %(id_16)s, %(id_17)s, %(id_18)s, %(id_19)s, %(id_20)s, %(id_21)s, %(id_22)s, %(id_23)s, %(id_24)s, %(id_25)s, %(id_26)s, %(id_27)s, %(id_28)s, %(id_29)s, %(id_30)s, %(id_31)s, %(id_32)s, %(id_33)s, %(id_34)s, %(id_35)s, %(id_36)s, %(id_37)s, %(id_38)s, %(id_39)s, %(id_40)s, %(id_41)s, %(id_42)s, %(id_43)s, %(id_44)s, %(id_45)s, %(id_46)s, %(id_47)s, %(id_48)s, %(id_49)s, %(id_50)s, %(id_51)s, %(id_52)s, %(id_53)s, %(id_54)s, %(id_55)s, %(id_56)s, %(id_57)s, %(id_58)s, %(id_59)s, %(id_60)s, %(id_61)s, %(id_62)s, %(id_63)s, %(id_64)s, %(id_65)s, %(id_66)s, %(id_67)s, %(id_68)s, %(id_69)s, %(id_70)s, %(id_71)s, %(id_72)s, %(id_73)s, %(id_74)s, %(id_75)s, %(id_76)s, %(id_77)s, %(id_78)s, %(id_79)s, %(id_80)s, %(id_81)s, %(id_82)s, %(id_83)s, %(id_84)s, %(id_85)s, %(id_86)s, %(id_87)s, %(id_88)s, %(id_89)s, %(id_90)s, %(id_91)s, %(id_92)s, %(id_93)s, %(id_94)s, %(id_95)s, %(id_96)s, %(id_97)s, %(id_98)s, %(id_99)s)",
)
STAGE = Statement(
    "cases.STAGE",
    "SELECT cases.stage FROM cases WHERE cases.case_id = :wanted_case",
    "SELECT cases.stage FROM cases WHERE cases.case_id = %(wanted_case)s",
)
TOUCH_CASE = Statement(
    "cases.TOUCH_CASE",
    "UPDATE cases SET stage=cases.stage WHERE cases.case_id = :wanted_case",
    "UPDATE cases SET stage=cases.stage WHERE cases.case_id = %(wanted_case)s",
)
NEWER_ATTEMPT = Statement(
    "cases.NEWER_ATTEMPT",
    "SELECT other.case_id FROM cases AS other WHERE other.task_id = (SELECT same.task_id FROM cases AS same WHERE same.case_id = :wanted_case) AND other.submitter = (SELECT same.submitter FROM cases AS same WHERE same.case_id = :wanted_case) AND other.attempt > (SELECT same.attempt FROM cases AS same WHERE same.case_id = :wanted_case) ORDER BY other.attempt DESC LIMIT 1 OFFSET 0",
    "SELECT other.case_id FROM cases AS other WHERE other.task_id = (SELECT same.task_id FROM cases AS same WHERE same.case_id = %(wanted_case)s) AND other.submitter = (SELECT same.submitter FROM cases AS same WHERE same.case_id = %(wanted_case)s) AND other.attempt > (SELECT same.attempt FROM cases AS same WHERE same.case_id = %(wanted_case)s) ORDER BY other.attempt DESC LIMIT 1",
)
MOVE_CASE = Statement(
    "cases.MOVE_CASE",
    "UPDATE cases SET stage=:to_stage, fence=NULL, holder=NULL, held_since=NULL, held_until=NULL, lease_seal=NULL WHERE cases.case_id = :wanted_case AND cases.stage = :from_stage AND (cases.fence = :fence OR :fence = -1 AND (cases.held_until IS NULL OR cases.held_until <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') OR cases.held_until > '9999-12-31T23:59:59.999999Z' OR cases.held_since > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z'))) RETURNING (SELECT events.entry FROM events WHERE seq = submitted_seq) AS intake, (SELECT reviews.review_id FROM reviews WHERE case_id = :wanted_case AND status IN ('decided', 'expired', 'canceled', 'superseded') LIMIT 1 OFFSET 0) AS settled_by, (SELECT other.case_id FROM cases AS other WHERE task_id = (SELECT same.task_id FROM cases AS same WHERE case_id = :wanted_case) AND submitter = (SELECT same.submitter FROM cases AS same WHERE case_id = :wanted_case) AND attempt > (SELECT same.attempt FROM cases AS same WHERE case_id = :wanted_case) ORDER BY attempt DESC LIMIT 1 OFFSET 0) AS newer, (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AS now, (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE row_id = 1) AS head, (SELECT contents.\"key\" FROM contents WHERE case_id = :wanted_case) AS \"key\", (SELECT contents.body FROM contents WHERE case_id = :wanted_case) AS body",
    "UPDATE cases SET stage=%(to_stage)s, fence=NULL, holder=NULL, held_since=NULL, held_until=NULL, lease_seal=NULL WHERE cases.case_id = %(wanted_case)s AND cases.stage = %(from_stage)s AND (cases.fence = %(fence)s OR %(fence)s = -1 AND (cases.held_until IS NULL OR cases.held_until <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR cases.held_until > '9999-12-31T23:59:59.999999Z' OR cases.held_since > to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))) RETURNING (SELECT events.entry FROM events WHERE events.seq = cases.submitted_seq) AS intake, (SELECT reviews.review_id FROM reviews WHERE reviews.case_id = %(wanted_case)s AND reviews.status IN ('decided', 'expired', 'canceled', 'superseded') LIMIT 1) AS settled_by, (SELECT other.case_id FROM cases AS other WHERE other.task_id = (SELECT same.task_id FROM cases AS same WHERE same.case_id = %(wanted_case)s) AND other.submitter = (SELECT same.submitter FROM cases AS same WHERE same.case_id = %(wanted_case)s) AND other.attempt > (SELECT same.attempt FROM cases AS same WHERE same.case_id = %(wanted_case)s) ORDER BY other.attempt DESC LIMIT 1) AS newer, to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now, (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head, (SELECT contents.key FROM contents WHERE contents.case_id = %(wanted_case)s) AS key, (SELECT contents.body FROM contents WHERE contents.case_id = %(wanted_case)s) AS body",
)
DECIDE_CASE = Statement(
    "cases.DECIDE_CASE",
    "UPDATE cases SET stage='decided', fence=:new_fence, holder=:new_holder, held_since=:new_held_since, held_until=:new_held_until, lease_seal=:new_lease_seal WHERE cases.case_id = :wanted_case AND cases.stage IN ('waiting') RETURNING (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE row_id = 1) AS head, (SELECT contents.\"key\" FROM contents WHERE case_id = :wanted_case) AS \"key\", (SELECT contents.body FROM contents WHERE case_id = :wanted_case) AS body",
    "UPDATE cases SET stage='decided', fence=%(new_fence)s, holder=%(new_holder)s, held_since=%(new_held_since)s, held_until=%(new_held_until)s, lease_seal=%(new_lease_seal)s WHERE cases.case_id = %(wanted_case)s AND cases.stage IN ('waiting') RETURNING (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head, (SELECT contents.key FROM contents WHERE contents.case_id = %(wanted_case)s) AS key, (SELECT contents.body FROM contents WHERE contents.case_id = %(wanted_case)s) AS body",
)
SETTLE_CASE = Statement(
    "cases.SETTLE_CASE",
    "UPDATE cases SET stage='finished', fence=NULL, holder=NULL, held_since=NULL, held_until=NULL, lease_seal=NULL WHERE cases.case_id = :wanted_case AND cases.stage IN ('waiting') RETURNING (SELECT events.entry FROM events WHERE seq = submitted_seq) AS intake, (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE row_id = 1) AS head, (SELECT contents.\"key\" FROM contents WHERE case_id = :wanted_case) AS \"key\", (SELECT contents.body FROM contents WHERE case_id = :wanted_case) AS body",
    "UPDATE cases SET stage='finished', fence=NULL, holder=NULL, held_since=NULL, held_until=NULL, lease_seal=NULL WHERE cases.case_id = %(wanted_case)s AND cases.stage IN ('waiting') RETURNING (SELECT events.entry FROM events WHERE events.seq = cases.submitted_seq) AS intake, (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head, (SELECT contents.key FROM contents WHERE contents.case_id = %(wanted_case)s) AS key, (SELECT contents.body FROM contents WHERE contents.case_id = %(wanted_case)s) AS body",
)
LEASE = Statement(
    "cases.LEASE",
    "SELECT cases.holder, cases.held_since, cases.held_until, cases.held_until IS NULL OR cases.held_until <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') OR cases.held_until > '9999-12-31T23:59:59.999999Z' OR cases.held_since > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') AS free, (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AS now FROM cases WHERE cases.case_id = :wanted_case",
    "SELECT cases.holder, cases.held_since, cases.held_until, cases.held_until IS NULL OR cases.held_until <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR cases.held_until > '9999-12-31T23:59:59.999999Z' OR cases.held_since > to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS free, to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now FROM cases WHERE cases.case_id = %(wanted_case)s",
)
TAKE_CASE = Statement(
    "cases.TAKE_CASE",
    "UPDATE cases SET fence=:new_fence, holder=:new_holder, held_since=:new_held_since, held_until=:new_held_until, lease_seal=:new_lease_seal WHERE cases.case_id = :wanted_case AND cases.stage IN ('received', 'decided') AND (cases.held_until IS NULL OR cases.held_until <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') OR cases.held_until > '9999-12-31T23:59:59.999999Z' OR cases.held_since > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') OR cases.holder = :gone)",
    "UPDATE cases SET fence=%(new_fence)s, holder=%(new_holder)s, held_since=%(new_held_since)s, held_until=%(new_held_until)s, lease_seal=%(new_lease_seal)s WHERE cases.case_id = %(wanted_case)s AND cases.stage IN ('received', 'decided') AND (cases.held_until IS NULL OR cases.held_until <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR cases.held_until > '9999-12-31T23:59:59.999999Z' OR cases.held_since > to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR cases.holder = %(gone)s)",
)
RELEASE_CASE = Statement(
    "cases.RELEASE_CASE",
    "UPDATE cases SET fence=NULL, holder=NULL, held_since=NULL, held_until=NULL, lease_seal=NULL WHERE cases.case_id = :wanted_case AND cases.fence = :fence",
    "UPDATE cases SET fence=NULL, holder=NULL, held_since=NULL, held_until=NULL, lease_seal=NULL WHERE cases.case_id = %(wanted_case)s AND cases.fence = %(fence)s",
)
FINISHED_CASES = Statement(
    "cases.FINISHED_CASES",
    "SELECT cases.case_id, cases.submitted_seq FROM cases WHERE cases.stage = :wanted_stage ORDER BY cases.submitted_seq",
    "SELECT cases.case_id, cases.submitted_seq FROM cases WHERE cases.stage = %(wanted_stage)s ORDER BY cases.submitted_seq",
)
UNFINISHED_CASES = Statement(
    "cases.UNFINISHED_CASES",
    "SELECT cases.case_id, cases.submitted_seq FROM cases WHERE cases.stage = :wanted_stage AND cases.stage != 'finished' ORDER BY cases.submitted_seq",
    "SELECT cases.case_id, cases.submitted_seq FROM cases WHERE cases.stage = %(wanted_stage)s AND cases.stage != 'finished' ORDER BY cases.submitted_seq",
)
STRANDED = Statement(
    "cases.STRANDED",
    "SELECT cases.case_id, cases.stage FROM cases WHERE cases.stage != 'finished' AND ((cases.stage NOT IN ('received', 'waiting', 'decided', 'finished')) OR cases.stage = 'waiting' AND NOT (EXISTS (SELECT reviews.review_id FROM reviews WHERE reviews.case_id = cases.case_id AND reviews.status = 'open'))) ORDER BY cases.submitted_seq",
    "SELECT cases.case_id, cases.stage FROM cases WHERE cases.stage != 'finished' AND ((cases.stage NOT IN ('received', 'waiting', 'decided', 'finished')) OR cases.stage = 'waiting' AND NOT (EXISTS (SELECT reviews.review_id FROM reviews WHERE reviews.case_id = cases.case_id AND reviews.status = 'open'))) ORDER BY cases.submitted_seq",
)
MISTIMED = Statement(
    "cases.MISTIMED",
    "SELECT cases.case_id, cases.case_id AS \"row\", 'cases' AS \"table\", 'held_since' AS name, cases.held_since AS text FROM cases WHERE cases.stage IN ('received', 'decided') AND cases.held_since > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT cases.case_id, cases.case_id AS \"row\", 'cases' AS \"table\", 'held_since' AS name, cases.held_since AS text FROM cases WHERE cases.stage IN ('received', 'decided') AND cases.held_since < '0' UNION ALL SELECT cases.case_id, cases.case_id AS \"row\", 'cases' AS \"table\", 'held_until' AS name, cases.held_until AS text FROM cases WHERE cases.stage IN ('received', 'decided') AND cases.held_until > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT cases.case_id, cases.case_id AS \"row\", 'cases' AS \"table\", 'held_until' AS name, cases.held_until AS text FROM cases WHERE cases.stage IN ('received', 'decided') AND cases.held_until < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'due_at' AS name, reviews.due_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.due_at > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'due_at' AS name, reviews.due_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.due_at < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'expires_at' AS name, reviews.expires_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.expires_at > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'expires_at' AS name, reviews.expires_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.expires_at < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'remind_at' AS name, reviews.remind_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.remind_at > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'remind_at' AS name, reviews.remind_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.remind_at < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'claimed_since' AS name, reviews.claimed_since AS text FROM reviews WHERE reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'claimed_since' AS name, reviews.claimed_since AS text FROM reviews WHERE reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'claimed_until' AS name, reviews.claimed_until AS text FROM reviews WHERE reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_until > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS \"row\", 'reviews' AS \"table\", 'claimed_until' AS name, reviews.claimed_until AS text FROM reviews WHERE reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_until < '0'",
    "SELECT cases.case_id, cases.case_id AS row, 'cases' AS \"table\", 'held_since' AS name, cases.held_since AS text FROM cases WHERE cases.stage IN ('received', 'decided') AND cases.held_since > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT cases.case_id, cases.case_id AS row, 'cases' AS \"table\", 'held_since' AS name, cases.held_since AS text FROM cases WHERE cases.stage IN ('received', 'decided') AND cases.held_since < '0' UNION ALL SELECT cases.case_id, cases.case_id AS row, 'cases' AS \"table\", 'held_until' AS name, cases.held_until AS text FROM cases WHERE cases.stage IN ('received', 'decided') AND cases.held_until > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT cases.case_id, cases.case_id AS row, 'cases' AS \"table\", 'held_until' AS name, cases.held_until AS text FROM cases WHERE cases.stage IN ('received', 'decided') AND cases.held_until < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'due_at' AS name, reviews.due_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.due_at > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'due_at' AS name, reviews.due_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.due_at < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'expires_at' AS name, reviews.expires_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.expires_at > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'expires_at' AS name, reviews.expires_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.expires_at < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'remind_at' AS name, reviews.remind_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.remind_at > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'remind_at' AS name, reviews.remind_at AS text FROM reviews WHERE reviews.status = 'open' AND reviews.remind_at < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'claimed_since' AS name, reviews.claimed_since AS text FROM reviews WHERE reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'claimed_since' AS name, reviews.claimed_since AS text FROM reviews WHERE reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_since < '0' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'claimed_until' AS name, reviews.claimed_until AS text FROM reviews WHERE reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_until > '9999-12-31T23:59:59.999999Z' UNION ALL SELECT reviews.case_id, reviews.review_id AS row, 'reviews' AS \"table\", 'claimed_until' AS name, reviews.claimed_until AS text FROM reviews WHERE reviews.status = 'open' AND reviews.claimed_by IS NOT NULL AND reviews.claimed_until < '0'",
)
WORK = Statement(
    "cases.WORK",
    "SELECT cases.case_id, cases.task_id, cases.stage, cases.holder, cases.held_until IS NULL OR cases.held_until <= (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') OR cases.held_until > '9999-12-31T23:59:59.999999Z' OR cases.held_since > (strftime('%Y-%m-%dT%H:%M:%f', 'now', 300 || ' seconds') || '000Z') AS free FROM cases WHERE cases.stage IN ('received', 'decided') ORDER BY cases.submitted_seq",
    "SELECT cases.case_id, cases.task_id, cases.stage, cases.holder, cases.held_until IS NULL OR cases.held_until <= to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') OR cases.held_until > '9999-12-31T23:59:59.999999Z' OR cases.held_since > to_char((statement_timestamp() + make_interval(secs => 300)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS free FROM cases WHERE cases.stage IN ('received', 'decided') ORDER BY cases.submitted_seq",
)
ADD_REFUSAL = Statement(
    "cases.ADD_REFUSAL",
    "INSERT INTO refusals (case_id, attempt, refused_seq) VALUES (:case_id, :attempt, :refused_seq)",
    "INSERT INTO refusals (case_id, attempt, refused_seq) VALUES (%(case_id)s, %(attempt)s, %(refused_seq)s)",
)
REFUSAL = Statement(
    "cases.REFUSAL",
    "SELECT refusals.refused_seq FROM refusals WHERE refusals.case_id = :wanted_case AND refusals.attempt = :wanted_attempt",
    "SELECT refusals.refused_seq FROM refusals WHERE refusals.case_id = %(wanted_case)s AND refusals.attempt = %(wanted_attempt)s",
)
ADD_OUTCOME = Statement(
    "cases.ADD_OUTCOME",
    "INSERT INTO outcomes (finished_seq, case_id, task_id, task_type, domain, risk_level, confidence_score, confidence_source, signals, has_proposal, routing_decision, rule_id, policy_id, policy_hash, review_probability, drawn, assigned_human_role, approvals_needed, escalations, final_decision, decision_source, human_decision, reviewer_id, human_role, votes, confidence_assessment, reason_code, quality_check, quality_check_expected, quality_check_of, replayed, submitted_by, predicted_label, label_changed, shown_length, classifier_failed, unreadable, redacted, agent_id, model, model_version, prompt_version, task_timestamp, received_at, review_opened_at, due_at, timestamp, latency_seconds, review_seconds, seconds_looked_at, metadata_digest) VALUES (:finished_seq, :case_id, :task_id, :task_type, :domain, :risk_level, :confidence_score, :confidence_source, :signals, :has_proposal, :routing_decision, :rule_id, :policy_id, :policy_hash, :review_probability, :drawn, :assigned_human_role, :approvals_needed, :escalations, :final_decision, :decision_source, :human_decision, :reviewer_id, :human_role, :votes, :confidence_assessment, :reason_code, :quality_check, :quality_check_expected, :quality_check_of, :replayed, :submitted_by, :predicted_label, :label_changed, :shown_length, :classifier_failed, :unreadable, :redacted, :agent_id, :model, :model_version, :prompt_version, :task_timestamp, :received_at, :review_opened_at, :due_at, :timestamp, :latency_seconds, :review_seconds, :seconds_looked_at, :metadata_digest)",
    "INSERT INTO outcomes (finished_seq, case_id, task_id, task_type, domain, risk_level, confidence_score, confidence_source, signals, has_proposal, routing_decision, rule_id, policy_id, policy_hash, review_probability, drawn, assigned_human_role, approvals_needed, escalations, final_decision, decision_source, human_decision, reviewer_id, human_role, votes, confidence_assessment, reason_code, quality_check, quality_check_expected, quality_check_of, replayed, submitted_by, predicted_label, label_changed, shown_length, classifier_failed, unreadable, redacted, agent_id, model, model_version, prompt_version, task_timestamp, received_at, review_opened_at, due_at, timestamp, latency_seconds, review_seconds, seconds_looked_at, metadata_digest) VALUES (%(finished_seq)s, %(case_id)s, %(task_id)s, %(task_type)s, %(domain)s, %(risk_level)s, %(confidence_score)s, %(confidence_source)s, %(signals)s, %(has_proposal)s, %(routing_decision)s, %(rule_id)s, %(policy_id)s, %(policy_hash)s, %(review_probability)s, %(drawn)s, %(assigned_human_role)s, %(approvals_needed)s, %(escalations)s, %(final_decision)s, %(decision_source)s, %(human_decision)s, %(reviewer_id)s, %(human_role)s, %(votes)s, %(confidence_assessment)s, %(reason_code)s, %(quality_check)s, %(quality_check_expected)s, %(quality_check_of)s, %(replayed)s, %(submitted_by)s, %(predicted_label)s, %(label_changed)s, %(shown_length)s, %(classifier_failed)s, %(unreadable)s, %(redacted)s, %(agent_id)s, %(model)s, %(model_version)s, %(prompt_version)s, %(task_timestamp)s, %(received_at)s, %(review_opened_at)s, %(due_at)s, %(timestamp)s, %(latency_seconds)s, %(review_seconds)s, %(seconds_looked_at)s, %(metadata_digest)s)",
)
ERASE_OUTCOME = Statement(
    "cases.ERASE_OUTCOME",
    "UPDATE outcomes SET predicted_label=NULL, redacted=1, agent_id=NULL, model=NULL, model_version=NULL, prompt_version=NULL WHERE outcomes.case_id = :wanted_case",
    "UPDATE outcomes SET predicted_label=NULL, redacted=1, agent_id=NULL, model=NULL, model_version=NULL, prompt_version=NULL WHERE outcomes.case_id = %(wanted_case)s",
)
COPIES = Statement(
    "cases.COPIES",
    "SELECT outcomes.case_id, 'finished' AS stage FROM outcomes WHERE outcomes.quality_check_of = :wanted_case UNION ALL SELECT cases.case_id, cases.stage FROM cases JOIN events ON events.seq = cases.submitted_seq WHERE cases.stage != 'finished' AND events.entry LIKE :wanted_text",
    "SELECT outcomes.case_id, 'finished' AS stage FROM outcomes WHERE outcomes.quality_check_of = %(wanted_case)s UNION ALL SELECT cases.case_id, cases.stage FROM cases JOIN events ON events.seq = cases.submitted_seq WHERE cases.stage != 'finished' AND events.entry LIKE %(wanted_text)s",
)
ADD_SCRUB = Statement(
    "cases.ADD_SCRUB",
    "INSERT INTO scrubs (case_id, due, seal) VALUES (:case_id, :due, :seal)",
    "INSERT INTO scrubs (case_id, due, seal) VALUES (%(case_id)s, %(due)s, %(seal)s)",
)
SCRUBS_DUE = Statement(
    "cases.SCRUBS_DUE",
    "SELECT scrubs.case_id FROM scrubs WHERE scrubs.due != 0 ORDER BY scrubs.case_id",
    "SELECT scrubs.case_id FROM scrubs WHERE scrubs.due != 0 ORDER BY scrubs.case_id",
)
SCRUBBED = Statement(
    "cases.SCRUBBED",
    "UPDATE scrubs SET due=0, seal=:new_seal WHERE scrubs.case_id = :wanted_case",
    "UPDATE scrubs SET due=0, seal=%(new_seal)s WHERE scrubs.case_id = %(wanted_case)s",
)
OUTCOMES = Statement(
    "cases.OUTCOMES",
    "SELECT {columns} FROM outcomes ORDER BY outcomes.finished_seq",
    "SELECT {columns} FROM outcomes ORDER BY outcomes.finished_seq",
)
OUTCOMES_WITH_CONTENTS = Statement(
    "cases.OUTCOMES_WITH_CONTENTS",
    "SELECT {columns}, outcomes.metadata_digest, contents.body FROM outcomes LEFT OUTER JOIN contents ON contents.case_id = outcomes.case_id ORDER BY outcomes.finished_seq",
    "SELECT {columns}, outcomes.metadata_digest, contents.body FROM outcomes LEFT OUTER JOIN contents ON contents.case_id = outcomes.case_id ORDER BY outcomes.finished_seq",
)
OUTCOMES_WITH_ROUTING = Statement(
    "cases.OUTCOMES_WITH_ROUTING",
    "SELECT {columns}, outcomes.metadata_digest, contents.body, routed.entry FROM outcomes LEFT OUTER JOIN contents ON contents.case_id = outcomes.case_id LEFT OUTER JOIN events AS routed ON routed.case_id = outcomes.case_id AND routed.kind = 'routed' ORDER BY outcomes.finished_seq",
    "SELECT {columns}, outcomes.metadata_digest, contents.body, routed.entry FROM outcomes LEFT OUTER JOIN contents ON contents.case_id = outcomes.case_id LEFT OUTER JOIN events AS routed ON routed.case_id = outcomes.case_id AND routed.kind = 'routed' ORDER BY outcomes.finished_seq",
)
ADD_SPOT_CHECK = Statement(
    "cases.ADD_SPOT_CHECK",
    "INSERT INTO spot_checks (case_id, finished_seq) VALUES (:case_id, :finished_seq)",
    "INSERT INTO spot_checks (case_id, finished_seq) VALUES (%(case_id)s, %(finished_seq)s)",
)
SPOT_CHECKS = Statement(
    "cases.SPOT_CHECKS",
    "SELECT spot_checks.case_id FROM spot_checks ORDER BY spot_checks.finished_seq LIMIT :most OFFSET 0",
    "SELECT spot_checks.case_id FROM spot_checks ORDER BY spot_checks.finished_seq LIMIT %(most)s",
)
DELETE_SPOT_CHECK = Statement(
    "cases.DELETE_SPOT_CHECK",
    "DELETE FROM spot_checks WHERE spot_checks.case_id = :wanted_case",
    "DELETE FROM spot_checks WHERE spot_checks.case_id = %(wanted_case)s",
)
ADD_TALLY = Statement(
    "cases.ADD_TALLY",
    "INSERT INTO tallies (case_id, name, at, action, amount) VALUES (:case_id, :name, :at, :action, :amount)",
    "INSERT INTO tallies (case_id, name, at, action, amount) VALUES (%(case_id)s, %(name)s, %(at)s, %(action)s, %(amount)s)",
)
DELETE_TALLIES = Statement(
    "cases.DELETE_TALLIES",
    "DELETE FROM tallies WHERE tallies.case_id = :wanted_case",
    "DELETE FROM tallies WHERE tallies.case_id = %(wanted_case)s",
)
COUNT = Statement(
    "cases.COUNT",
    "SELECT {place} AS place, count(*) AS cases, count(tallies.amount) AS readable, sum(tallies.amount >> 20) AS high, sum(tallies.amount & 1048575) AS low FROM tallies LEFT OUTER JOIN outcomes ON outcomes.case_id = tallies.case_id WHERE tallies.name = :name_{place} AND tallies.at > :since_{place} AND (outcomes.final_decision IS NULL OR outcomes.final_decision != 'superseded') AND ('' = :of_{place} OR tallies.action = :of_{place} OR 'approved' = :of_{place} AND (outcomes.final_decision IS NULL OR outcomes.final_decision IN ('approved', 'modified_and_approved', 'override_approved')))",
    "SELECT {place} AS place, count(*) AS cases, count(tallies.amount) AS readable, sum(tallies.amount >> 20) AS high, sum(tallies.amount & 1048575) AS low FROM tallies LEFT OUTER JOIN outcomes ON outcomes.case_id = tallies.case_id WHERE tallies.name = %(name_{place})s AND tallies.at > %(since_{place})s AND (outcomes.final_decision IS NULL OR outcomes.final_decision != 'superseded') AND ('' = %(of_{place})s OR tallies.action = %(of_{place})s OR 'approved' = %(of_{place})s AND (outcomes.final_decision IS NULL OR outcomes.final_decision IN ('approved', 'modified_and_approved', 'override_approved')))",
)
MEASURES = Statement(
    "cases.MEASURES",
    "SELECT measures.measure, measures.covered_seq, measures.seal FROM measures",
    "SELECT measures.measure, measures.covered_seq, measures.seal FROM measures",
)
ADD_MEASURE = Statement(
    "cases.ADD_MEASURE",
    "INSERT INTO measures (measure, covered_seq, seal) VALUES (:measure, :covered_seq, :seal)",
    "INSERT INTO measures (measure, covered_seq, seal) VALUES (%(measure)s, %(covered_seq)s, %(seal)s)",
)
COVER_MEASURE = Statement(
    "cases.COVER_MEASURE",
    "UPDATE measures SET covered_seq=:covered_seq, seal=:seal WHERE measures.measure = :measure",
    "UPDATE measures SET covered_seq=%(covered_seq)s, seal=%(seal)s WHERE measures.measure = %(measure)s",
)
TALLIES_OF_CASES = Statement(
    "cases.TALLIES_OF_CASES",
    "SELECT tallies.case_id, tallies.name FROM tallies WHERE tallies.case_id IN (:id_0, :id_1, :id_2, :id_3, :id_4, :id_5, :id_6, :id_7, :id_8, :id_9, :id_10, :id_11, :id_12, :id_13, :id_14, :id_15, :id_16, :id_17, :id_18, :id_19, :id_20, :id_21, :id_22, :id_23, :id_24, :id_25, :id_26, :id_27, :id_28, :id_29, :id_30, :id_31, :id_32, :id_33, :id_34, :id_35, :id_36, :id_37, :id_38, :id_39, :id_40, :id_41, :id_42, :id_43, :id_44, :id_45, :id_46, :id_47, :id_48, :id_49, :id_50, :id_51, :id_52, :id_53, :id_54, :id_55, :id_56, :id_57, :id_58, :id_59, :id_60, :id_61, :id_62, :id_63, :id_64, :id_65, :id_66, :id_67, :id_68, :id_69, :id_70, :id_71, :id_72, :id_73, :id_74, :id_75, :id_76, :id_77, :id_78, :id_79, :id_80, :id_81, :id_82, :id_83, :id_84, :id_85, :id_86, :id_87, :id_88, :id_89, :id_90, :id_91, :id_92, :id_93, :id_94, :id_95, :id_96, :id_97, :id_98, :id_99)",
    "SELECT tallies.case_id, tallies.name FROM tallies WHERE tallies.case_id IN (%(id_0)s, %(id_1)s, %(id_2)s, %(id_3)s, %(id_4)s, %(id_5)s, %(id_6)s, %(id_7)s, %(id_8)s, %(id_9)s, %(id_10)s, %(id_11)s, %(id_12)s, %(id_13)s, %(id_14)s, %(id_15)s, %(id_16)s, %(id_17)s, %(id_18)s, %(id_19)s, %(id_20)s, %(id_21)s, %(id_22)s, %(id_23)s, %(id_24)s, %(id_25)s, %(id_26)s, %(id_27)s, %(id_28)s, %(id_29)s, %(id_30)s, %(id_31)s, %(id_32)s, %(id_33)s, %(id_34)s, %(id_35)s, %(id_36)s, %(id_37)s, %(id_38)s, %(id_39)s, %(id_40)s, %(id_41)s, %(id_42)s, %(id_43)s, %(id_44)s, %(id_45)s, %(id_46)s, %(id_47)s, %(id_48)s, %(id_49)s, %(id_50)s, %(id_51)s, %(id_52)s, %(id_53)s, %(id_54)s, %(id_55)s, %(id_56)s, %(id_57)s, %(id_58)s, %(id_59)s, %(id_60)s, %(id_61)s, %(id_62)s, %(id_63)s, %(id_64)s, %(id_65)s, %(id_66)s, %(id_67)s, %(id_68)s, %(id_69)s, %(id_70)s, %(id_71)s, %(id_72)s, %(id_73)s, %(id_74)s, %(id_75)s, %(id_76)s, %(id_77)s, %(id_78)s, %(id_79)s, %(id_80)s, %(id_81)s, %(id_82)s, %(id_83)s, %(id_84)s, %(id_85)s, %(id_86)s, %(id_87)s, %(id_88)s, %(id_89)s, %(id_90)s, %(id_91)s, %(id_92)s, %(id_93)s, %(id_94)s, %(id_95)s, %(id_96)s, %(id_97)s, %(id_98)s, %(id_99)s)",
)
ROUTED_CASES = Statement(
    "cases.ROUTED_CASES",
    "SELECT events.seq, events.entry, events.digest, events.mac, intake.seq AS intake_seq, intake.entry AS intake_entry, intake.digest AS intake_digest, intake.mac AS intake_mac, contents.\"key\", contents.body FROM events JOIN cases ON cases.case_id = events.case_id JOIN events AS intake ON intake.seq = cases.submitted_seq JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'routed' AND events.seq > :after AND events.seq <= :up_to ORDER BY events.seq",
    "SELECT events.seq, events.entry, events.digest, events.mac, intake.seq AS intake_seq, intake.entry AS intake_entry, intake.digest AS intake_digest, intake.mac AS intake_mac, contents.key, contents.body FROM events JOIN cases ON cases.case_id = events.case_id JOIN events AS intake ON intake.seq = cases.submitted_seq JOIN contents ON contents.case_id = events.case_id WHERE events.kind = 'routed' AND events.seq > %(after)s AND events.seq <= %(up_to)s ORDER BY events.seq",
)
