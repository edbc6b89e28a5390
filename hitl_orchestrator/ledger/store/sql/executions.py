"""SQL texts of `statements/executions.py`, written by `tools/statements.py`."""

from hitl_orchestrator.ledger.database.statement import Statement

BEFORE_START = Statement(
    "executions.BEFORE_START",
    "SELECT (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1 OFFSET 0) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head, (SELECT contents.\"key\" FROM contents WHERE contents.case_id = :wanted_case) AS \"key\", (SELECT contents.body FROM contents WHERE contents.case_id = :wanted_case) AS body, (SELECT cases.stage FROM cases WHERE cases.case_id = :wanted_case) AS stage, (SELECT other.case_id FROM cases AS other WHERE other.task_id = (SELECT same.task_id FROM cases AS same WHERE same.case_id = :wanted_case) AND other.submitter = (SELECT same.submitter FROM cases AS same WHERE same.case_id = :wanted_case) AND other.attempt > (SELECT same.attempt FROM cases AS same WHERE same.case_id = :wanted_case) ORDER BY other.attempt DESC LIMIT 1 OFFSET 0) AS newer, (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AS now",
    "SELECT (SELECT anon_1.seq FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS seq, (SELECT anon_1.digest FROM (SELECT events.seq AS seq, events.digest AS digest FROM events ORDER BY events.seq DESC LIMIT 1) AS anon_1) AS digest, (SELECT ledger_head.ledger_id || ' ' || CAST(ledger_head.seq AS VARCHAR) || ' ' || ledger_head.digest || ' ' || ledger_head.governed || ' ' || ledger_head.latest || ' ' || ledger_head.mac AS anon_2 FROM ledger_head WHERE ledger_head.row_id = 1) AS head, (SELECT contents.key FROM contents WHERE contents.case_id = %(wanted_case)s) AS key, (SELECT contents.body FROM contents WHERE contents.case_id = %(wanted_case)s) AS body, (SELECT cases.stage FROM cases WHERE cases.case_id = %(wanted_case)s) AS stage, (SELECT other.case_id FROM cases AS other WHERE other.task_id = (SELECT same.task_id FROM cases AS same WHERE same.case_id = %(wanted_case)s) AND other.submitter = (SELECT same.submitter FROM cases AS same WHERE same.case_id = %(wanted_case)s) AND other.attempt > (SELECT same.attempt FROM cases AS same WHERE same.case_id = %(wanted_case)s) ORDER BY other.attempt DESC LIMIT 1) AS newer, to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now",
)
ADD_EXECUTION = Statement(
    "executions.ADD_EXECUTION",
    "INSERT INTO executions (case_id, status, started_seq, ended_seq, fence, holder, held_until, check_id, seal) VALUES (:case_id, :status, :started_seq, :ended_seq, :fence, :holder, :held_until, :check_id, :seal)",
    "INSERT INTO executions (case_id, status, started_seq, ended_seq, fence, holder, held_until, check_id, seal) VALUES (%(case_id)s, %(status)s, %(started_seq)s, %(ended_seq)s, %(fence)s, %(holder)s, %(held_until)s, %(check_id)s, %(seal)s)",
)
EXECUTION = Statement(
    "executions.EXECUTION",
    "SELECT executions.case_id, executions.status, executions.started_seq, executions.ended_seq, executions.fence, executions.holder, executions.held_until, executions.check_id, executions.seal, cases.task_id, (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AS now FROM executions JOIN cases ON cases.case_id = executions.case_id WHERE executions.case_id = :wanted_case",
    "SELECT executions.case_id, executions.status, executions.started_seq, executions.ended_seq, executions.fence, executions.holder, executions.held_until, executions.check_id, executions.seal, cases.task_id, to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now FROM executions JOIN cases ON cases.case_id = executions.case_id WHERE executions.case_id = %(wanted_case)s",
)
EXECUTIONS = Statement(
    "executions.EXECUTIONS",
    "SELECT executions.case_id, executions.status, executions.started_seq, executions.ended_seq, executions.fence, executions.holder, executions.held_until, executions.check_id, executions.seal, cases.task_id, (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AS now FROM executions JOIN cases ON cases.case_id = executions.case_id WHERE executions.started_seq > :after ORDER BY executions.started_seq LIMIT :most OFFSET 0",
    "SELECT executions.case_id, executions.status, executions.started_seq, executions.ended_seq, executions.fence, executions.holder, executions.held_until, executions.check_id, executions.seal, cases.task_id, to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now FROM executions JOIN cases ON cases.case_id = executions.case_id WHERE executions.started_seq > %(after)s ORDER BY executions.started_seq LIMIT %(most)s",
)
EXECUTIONS_WITH = Statement(
    "executions.EXECUTIONS_WITH",
    "SELECT executions.case_id, executions.status, executions.started_seq, executions.ended_seq, executions.fence, executions.holder, executions.held_until, executions.check_id, executions.seal, cases.task_id, (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AS now FROM executions JOIN cases ON cases.case_id = executions.case_id WHERE executions.started_seq > :after AND executions.status = :wanted_status ORDER BY executions.started_seq LIMIT :most OFFSET 0",
    "SELECT executions.case_id, executions.status, executions.started_seq, executions.ended_seq, executions.fence, executions.holder, executions.held_until, executions.check_id, executions.seal, cases.task_id, to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now FROM executions JOIN cases ON cases.case_id = executions.case_id WHERE executions.started_seq > %(after)s AND executions.status = %(wanted_status)s ORDER BY executions.started_seq LIMIT %(most)s",
)
STARTED_SEQ = Statement(
    "executions.STARTED_SEQ",
    "SELECT executions.started_seq FROM executions WHERE executions.case_id = :wanted_case",
    "SELECT executions.started_seq FROM executions WHERE executions.case_id = %(wanted_case)s",
)
ENTRIES_OF_EXECUTIONS = Statement(
    "executions.ENTRIES_OF_EXECUTIONS",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.\"key\", contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.case_id IN (:id_0, :id_1, :id_2, :id_3, :id_4, :id_5, :id_6, :id_7, :id_8, :id_9, :id_10, :id_11, :id_12, :id_13, :id_14, :id_15, :id_16, :id_17, :id_18, :id_19, :id_20, :id_21, :id_22, :id_23, :id_24, :id_25, :id_26, :id_27, :id_28, :id_29, :id_30, :id_31, :id_32, :id_33, :id_34, :id_35, :id_36, :id_37, :id_38, :id_39, :id_40, :id_41, :id_42, :id_43, :id_44, :id_45, :id_46, :id_47, :id_48, :id_49, :id_50, :id_51, :id_52, :id_53, :id_54, :id_55, :id_56, :id_57, :id_58, :id_59, :id_60, :id_61, :id_62, :id_63, :id_64, :id_65, :id_66, :id_67, :id_68, :id_69, :id_70, :id_71, :id_72, :id_73, :id_74, :id_75, :id_76, :id_77, :id_78, :id_79, :id_80, :id_81, :id_82, :id_83, :id_84, :id_85, :id_86, :id_87, :id_88, :id_89, :id_90, :id_91, :id_92, :id_93, :id_94, :id_95, :id_96, :id_97, :id_98, :id_99) AND events.kind IN ('execution_started', 'execution_finished', 'execution_failed', 'execution_unknown') ORDER BY events.seq",
    "SELECT events.seq, events.case_id, events.entry, events.digest, events.mac, contents.key, contents.body FROM events LEFT OUTER JOIN contents ON contents.case_id = events.case_id WHERE events.case_id IN (%(id_0)s, %(id_1)s, %(id_2)s, %(id_3)s, %(id_4)s, %(id_5)s, %(id_6)s, %(id_7)s, %(id_8)s, %(id_9)s, %(id_10)s, %(id_11)s, %(id_12)s, %(id_13)s, %(id_14)s, %(id_15)s, %(id_16)s, %(id_17)s, %(id_18)s, %(id_19)s, %(id_20)s, %(id_21)s, %(id_22)s, %(id_23)s, %(id_24)s, %(id_25)s, %(id_26)s, %(id_27)s, %(id_28)s, %(id_29)s, %(id_30)s, %(id_31)s, %(id_32)s, %(id_33)s, %(id_34)s, %(id_35)s, %(id_36)s, %(id_37)s, %(id_38)s, %(id_39)s, %(id_40)s, %(id_41)s, %(id_42)s, %(id_43)s, %(id_44)s, %(id_45)s, %(id_46)s, %(id_47)s, %(id_48)s, %(id_49)s, %(id_50)s, %(id_51)s, %(id_52)s, %(id_53)s, %(id_54)s, %(id_55)s, %(id_56)s, %(id_57)s, %(id_58)s, %(id_59)s, %(id_60)s, %(id_61)s, %(id_62)s, %(id_63)s, %(id_64)s, %(id_65)s, %(id_66)s, %(id_67)s, %(id_68)s, %(id_69)s, %(id_70)s, %(id_71)s, %(id_72)s, %(id_73)s, %(id_74)s, %(id_75)s, %(id_76)s, %(id_77)s, %(id_78)s, %(id_79)s, %(id_80)s, %(id_81)s, %(id_82)s, %(id_83)s, %(id_84)s, %(id_85)s, %(id_86)s, %(id_87)s, %(id_88)s, %(id_89)s, %(id_90)s, %(id_91)s, %(id_92)s, %(id_93)s, %(id_94)s, %(id_95)s, %(id_96)s, %(id_97)s, %(id_98)s, %(id_99)s) AND events.kind IN ('execution_started', 'execution_finished', 'execution_failed', 'execution_unknown') ORDER BY events.seq",
)
EXTEND = Statement(
    "executions.EXTEND",
    "UPDATE executions SET held_until=:new_held_until, seal=:new_seal WHERE executions.case_id = :wanted_case AND executions.fence = :wanted_fence AND executions.status = 'started'",
    "UPDATE executions SET held_until=%(new_held_until)s, seal=%(new_seal)s WHERE executions.case_id = %(wanted_case)s AND executions.fence = %(wanted_fence)s AND executions.status = 'started'",
)
MOVE = Statement(
    "executions.MOVE",
    "UPDATE executions SET status=:new_status, ended_seq=:new_ended_seq, check_id=:new_check_id, seal=:new_seal WHERE executions.case_id = :wanted_case AND executions.fence = :wanted_fence",
    "UPDATE executions SET status=%(new_status)s, ended_seq=%(new_ended_seq)s, check_id=%(new_check_id)s, seal=%(new_seal)s WHERE executions.case_id = %(wanted_case)s AND executions.fence = %(wanted_fence)s",
)
OPEN_EXECUTIONS = Statement(
    "executions.OPEN_EXECUTIONS",
    "SELECT executions.case_id FROM executions WHERE executions.status IN ('started', 'unknown') ORDER BY executions.started_seq",
    "SELECT executions.case_id FROM executions WHERE executions.status IN ('started', 'unknown') ORDER BY executions.started_seq",
)
