"""SQL texts of `statements/text_rows.py`, written by `tools/statements.py`."""

from hitl_orchestrator.ledger.database.statement import Statement

SPAN = Statement(
    "text_rows.SPAN",
    "SELECT count(*) AS rows, min(outcomes.finished_seq) AS first, max(outcomes.finished_seq) AS last FROM outcomes",
    "SELECT count(*) AS rows, min(outcomes.finished_seq) AS first, max(outcomes.finished_seq) AS last FROM outcomes",
)
OUTCOMES_AS_TEXT = Statement(
    "text_rows.OUTCOMES_AS_TEXT",
    "SELECT count(*) AS rows, max(outcomes.finished_seq) AS last, {text} AS text FROM outcomes WHERE outcomes.finished_seq > :after AND outcomes.finished_seq <= (SELECT max(anon_1.finished_seq) AS max_1 FROM (SELECT outcomes.finished_seq AS finished_seq FROM outcomes WHERE outcomes.finished_seq > :after AND :up_to >= outcomes.finished_seq ORDER BY outcomes.finished_seq LIMIT :most OFFSET 0) AS anon_1)",
    "SELECT count(*) AS rows, max(outcomes.finished_seq) AS last, {text} AS text FROM outcomes WHERE outcomes.finished_seq > %(after)s AND outcomes.finished_seq <= (SELECT max(anon_1.finished_seq) AS max_1 FROM (SELECT outcomes.finished_seq AS finished_seq FROM outcomes WHERE outcomes.finished_seq > %(after)s AND %(up_to)s >= outcomes.finished_seq ORDER BY outcomes.finished_seq LIMIT %(most)s) AS anon_1)",
)
