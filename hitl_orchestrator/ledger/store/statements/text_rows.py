"""Many rows as one text, which the database builds: reading each value into Python would take several times as long."""

from sqlalchemy import BindParameter, bindparam, func, select

from hitl_orchestrator.ledger.database.tables import outcomes
from hitl_orchestrator.ledger.store.statements.literals import mark

# The number of outcomes, and the entries of the first and the last one.
SPAN = select(
    func.count().label("rows"),
    func.min(outcomes.c.finished_seq).label("first"),
    func.max(outcomes.c.finished_seq).label("last"),
).select_from(outcomes)

# The next outcomes after an entry, up to another one: their number, the entry of the last one, and a text of them all.
_SEQ = outcomes.c.finished_seq
_AFTER: BindParameter[int] = bindparam("after")
_NEXT = select(_SEQ).where(_SEQ > _AFTER, bindparam("up_to") >= _SEQ).order_by(_SEQ).limit(bindparam("most")).subquery()
_LAST = select(func.max(_NEXT.c.finished_seq)).scalar_subquery()
OUTCOMES_AS_TEXT = (
    select(func.count().label("rows"), func.max(_SEQ).label("last"), mark("text").label("text"))
    .select_from(outcomes)
    .where(_SEQ > _AFTER, _SEQ <= _LAST)
)
