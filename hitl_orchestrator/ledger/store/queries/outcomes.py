"""Queries on some columns of the outcomes, as rows, or as one text that the database builds."""

from collections.abc import Sequence
from functools import cache

from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.ledger.events.outcomes import Outcome
from hitl_orchestrator.ledger.ports.records import ROW_END, VALUE_END
from hitl_orchestrator.ledger.store.sql.cases import OUTCOMES, OUTCOMES_WITH_CONTENTS, OUTCOMES_WITH_ROUTING
from hitl_orchestrator.ledger.store.sql.text_rows import OUTCOMES_AS_TEXT

_FLOATS = frozenset(name for name, kind in Outcome.__annotations__.items() if kind in (float, float | None))


@cache
def outcomes_of(columns: Sequence[str], *, with_contents: bool, with_routing: bool = False) -> Statement:
    """Return the statement for these columns of all outcomes, in the order of finishing.

    With contents, each row ends with the digest of the metadata and with the contents that hold it; with routing also
    with the entry of the routing.
    """
    template = OUTCOMES_WITH_ROUTING if with_routing else OUTCOMES_WITH_CONTENTS if with_contents else OUTCOMES
    return template.filled(columns=", ".join(map(_column, columns)))


@cache
def outcomes_as_text(columns: Sequence[str]) -> Statement:
    """Return the statement for the next outcomes after an entry, up to another one, as one text.

    Its row has their number, the entry of the last one and the text, whose first column is `finished_seq`.
    """
    names = ["finished_seq", *columns]
    return OUTCOMES_AS_TEXT.filled(text=Statement("outcomes.TEXT", _on_sqlite(names), _on_postgres(names)))


def _on_sqlite(names: Sequence[str]) -> str:
    # Only `quote` writes a number exactly.
    values = [f"quote({_column(name)})" if name in _FLOATS else _column(name) for name in names]
    return f"group_concat(printf('{VALUE_END.join(['%s'] * len(values))}', {', '.join(values)}), '{ROW_END}')"


def _on_postgres(names: Sequence[str]) -> str:
    # The driver reads %% as a percent sign.
    row = f"format('{VALUE_END.join(['%%s'] * len(names))}', {', '.join(map(_column, names))})"
    return f"string_agg({row}, '{ROW_END}' ORDER BY {_column(names[0])})"


def _column(name: str) -> str:
    """Return the name of a column in a text. Raises `KeyError` for a name that is none."""
    if name not in Outcome._fields:
        raise KeyError(name)
    return f"outcomes.{name}"
