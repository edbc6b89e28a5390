"""SQL texts of `statements/wakeups.py`, written by `tools/statements.py`."""

from hitl_orchestrator.ledger.database.statement import Statement

CASE_AND_WAKEUP = Statement(
    "wakeups.CASE_AND_WAKEUP",
    "SELECT cases.stage, (strftime('%Y-%m-%dT%H:%M:%f', 'now', 0 || ' seconds') || '000Z') AS now, wakeups.case_id, wakeups.address, wakeups.state, wakeups.attempts, wakeups.next_at, wakeups.holder, wakeups.error, wakeups.seal FROM cases LEFT OUTER JOIN wakeups ON wakeups.case_id = cases.case_id WHERE cases.case_id = :wanted_case",
    "SELECT cases.stage, to_char((statement_timestamp() + make_interval(secs => 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now, wakeups.case_id, wakeups.address, wakeups.state, wakeups.attempts, wakeups.next_at, wakeups.holder, wakeups.error, wakeups.seal FROM cases LEFT OUTER JOIN wakeups ON wakeups.case_id = cases.case_id WHERE cases.case_id = %(wanted_case)s",
)
ADD_WAKEUP = Statement(
    "wakeups.ADD_WAKEUP",
    "INSERT INTO wakeups (case_id, address, state, attempts, next_at, holder, error, seal) VALUES (:case_id, :address, :state, :attempts, :next_at, :holder, :error, :seal)",
    "INSERT INTO wakeups (case_id, address, state, attempts, next_at, holder, error, seal) VALUES (%(case_id)s, %(address)s, %(state)s, %(attempts)s, %(next_at)s, %(holder)s, %(error)s, %(seal)s)",
)
CHANGE_WAKEUP = Statement(
    "wakeups.CHANGE_WAKEUP",
    "UPDATE wakeups SET address=:new_address, state=:new_state, attempts=:new_attempts, next_at=:new_next_at, holder=:new_holder, error=:new_error, seal=:new_seal WHERE wakeups.case_id = :wanted_case",
    "UPDATE wakeups SET address=%(new_address)s, state=%(new_state)s, attempts=%(new_attempts)s, next_at=%(new_next_at)s, holder=%(new_holder)s, error=%(new_error)s, seal=%(new_seal)s WHERE wakeups.case_id = %(wanted_case)s",
)
WAKEUP = Statement(
    "wakeups.WAKEUP",
    "SELECT wakeups.case_id, wakeups.address, wakeups.state, wakeups.attempts, wakeups.next_at, wakeups.holder, wakeups.error, wakeups.seal FROM wakeups WHERE wakeups.case_id = :wanted_case",
    "SELECT wakeups.case_id, wakeups.address, wakeups.state, wakeups.attempts, wakeups.next_at, wakeups.holder, wakeups.error, wakeups.seal FROM wakeups WHERE wakeups.case_id = %(wanted_case)s",
)
PENDING_WAKEUPS = Statement(
    "wakeups.PENDING_WAKEUPS",
    "SELECT wakeups.case_id, wakeups.address, wakeups.state, wakeups.attempts, wakeups.next_at, wakeups.holder, wakeups.error, wakeups.seal FROM wakeups JOIN outcomes ON outcomes.case_id = wakeups.case_id WHERE wakeups.state = 'pending' ORDER BY wakeups.next_at, wakeups.case_id",
    "SELECT wakeups.case_id, wakeups.address, wakeups.state, wakeups.attempts, wakeups.next_at, wakeups.holder, wakeups.error, wakeups.seal FROM wakeups JOIN outcomes ON outcomes.case_id = wakeups.case_id WHERE wakeups.state = 'pending' ORDER BY wakeups.next_at, wakeups.case_id",
)
ERASE_WAKEUP = Statement(
    "wakeups.ERASE_WAKEUP",
    "UPDATE wakeups SET error=NULL, seal=:new_seal WHERE wakeups.case_id = :wanted_case",
    "UPDATE wakeups SET error=NULL, seal=%(new_seal)s WHERE wakeups.case_id = %(wanted_case)s",
)
FINISHED_AMONG = Statement(
    "wakeups.FINISHED_AMONG",
    "SELECT cases.case_id FROM cases WHERE cases.case_id IN (:id_0, :id_1, :id_2, :id_3, :id_4, :id_5, :id_6, :id_7, :id_8, :id_9, :id_10, :id_11, :id_12, :id_13, :id_14, :id_15, :id_16, :id_17, :id_18, :id_19, :id_20, :id_21, :id_22, :id_23, :id_24, :id_25, :id_26, :id_27, :id_28, :id_29, :id_30, :id_31, :id_32, :id_33, :id_34, :id_35, :id_36, :id_37, :id_38, :id_39, :id_40, :id_41, :id_42, :id_43, :id_44, :id_45, :id_46, :id_47, :id_48, :id_49, :id_50, :id_51, :id_52, :id_53, :id_54, :id_55, :id_56, :id_57, :id_58, :id_59, :id_60, :id_61, :id_62, :id_63, :id_64, :id_65, :id_66, :id_67, :id_68, :id_69, :id_70, :id_71, :id_72, :id_73, :id_74, :id_75, :id_76, :id_77, :id_78, :id_79, :id_80, :id_81, :id_82, :id_83, :id_84, :id_85, :id_86, :id_87, :id_88, :id_89, :id_90, :id_91, :id_92, :id_93, :id_94, :id_95, :id_96, :id_97, :id_98, :id_99) AND cases.stage = 'finished'",
    "SELECT cases.case_id FROM cases WHERE cases.case_id IN (%(id_0)s, %(id_1)s, %(id_2)s, %(id_3)s, %(id_4)s, %(id_5)s, %(id_6)s, %(id_7)s, %(id_8)s, %(id_9)s, %(id_10)s, %(id_11)s, %(id_12)s, %(id_13)s, %(id_14)s, %(id_15)s, %(id_16)s, %(id_17)s, %(id_18)s, %(id_19)s, %(id_20)s, %(id_21)s, %(id_22)s, %(id_23)s, %(id_24)s, %(id_25)s, %(id_26)s, %(id_27)s, %(id_28)s, %(id_29)s, %(id_30)s, %(id_31)s, %(id_32)s, %(id_33)s, %(id_34)s, %(id_35)s, %(id_36)s, %(id_37)s, %(id_38)s, %(id_39)s, %(id_40)s, %(id_41)s, %(id_42)s, %(id_43)s, %(id_44)s, %(id_45)s, %(id_46)s, %(id_47)s, %(id_48)s, %(id_49)s, %(id_50)s, %(id_51)s, %(id_52)s, %(id_53)s, %(id_54)s, %(id_55)s, %(id_56)s, %(id_57)s, %(id_58)s, %(id_59)s, %(id_60)s, %(id_61)s, %(id_62)s, %(id_63)s, %(id_64)s, %(id_65)s, %(id_66)s, %(id_67)s, %(id_68)s, %(id_69)s, %(id_70)s, %(id_71)s, %(id_72)s, %(id_73)s, %(id_74)s, %(id_75)s, %(id_76)s, %(id_77)s, %(id_78)s, %(id_79)s, %(id_80)s, %(id_81)s, %(id_82)s, %(id_83)s, %(id_84)s, %(id_85)s, %(id_86)s, %(id_87)s, %(id_88)s, %(id_89)s, %(id_90)s, %(id_91)s, %(id_92)s, %(id_93)s, %(id_94)s, %(id_95)s, %(id_96)s, %(id_97)s, %(id_98)s, %(id_99)s) AND cases.stage = 'finished'",
)
FINISHED_SINCE = Statement(
    "wakeups.FINISHED_SINCE",
    "SELECT outcomes.finished_seq, outcomes.case_id, outcomes.domain, cases.submitter FROM outcomes JOIN cases ON cases.case_id = outcomes.case_id WHERE outcomes.finished_seq > :after AND outcomes.quality_check IS NULL AND (outcomes.task_type IS NULL OR (outcomes.task_type NOT IN ('policy_change', 'people_change', 'execution_check'))) ORDER BY outcomes.finished_seq LIMIT :most OFFSET 0",
    "SELECT outcomes.finished_seq, outcomes.case_id, outcomes.domain, cases.submitter FROM outcomes JOIN cases ON cases.case_id = outcomes.case_id WHERE outcomes.finished_seq > %(after)s AND outcomes.quality_check IS NULL AND (outcomes.task_type IS NULL OR (outcomes.task_type NOT IN ('policy_change', 'people_change', 'execution_check'))) ORDER BY outcomes.finished_seq LIMIT %(most)s",
)
