"""The form in which differences between two schemas are reported, and the tables of LangGraph beside ours."""

from typing import NamedTuple

from hitl_orchestrator.ledger.database.tables import metadata

REVISION_TABLE = "alembic_version"
OURS = frozenset({*metadata.tables, REVISION_TABLE})
"""The names of the tables that the migrations make."""


class SchemaDefect(NamedTuple):
    """A difference between the schema of a store and the one that the migrations make, in a sentence.

    `is_unreadable` states that a table of ours is missing or of another form, so that reading it would fail, or never
    end.
    """

    sentence: str
    is_unreadable: bool = False
