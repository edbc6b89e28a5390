"""Queries on open reviews under any of several filters, by due time and then as they were opened.

A branch of a query has the names of its filters, and the branches exclude each other. The parameters of each end in its
number, so that every branch reads one index in order, and no more of it than is asked for.
"""

from functools import cache

from hitl_orchestrator.ledger.database.statement import Statement, all_of, joined
from hitl_orchestrator.ledger.store.sql import claims as statements


@cache
def open_reviews(*branches: tuple[str, ...]) -> Statement:
    """Return the statement for the rows of the open reviews of any of these branches."""
    if len(branches) == 1:
        return _of_branch(statements.QUEUED, 0, branches[0])
    return statements.QUEUED_OF_BRANCHES.filled(branches=_keys(branches))


@cache
def open_review_keys(*branches: tuple[str, ...]) -> Statement:
    """Return the statement for the ids and places of the same reviews, which is faster by far."""
    if len(branches) == 1:
        return _of_branch(statements.QUEUED_KEYS, 0, branches[0])
    return statements.QUEUED_KEYS_OF_BRANCHES.filled(branches=_keys(branches))


@cache
def open_review_counts(*branches: tuple[str, ...]) -> Statement:
    """Return the statement for the number of the same reviews."""
    counts = [_of_branch(statements.QUEUED_COUNT, number, filters) for number, filters in enumerate(branches)]
    return _TOTAL.filled(counts=joined(") + (", counts))


_TOTAL = Statement("queue.TOTAL", "SELECT ({counts}) AS number", "SELECT ({counts}) AS number")
_PART = "SELECT review_id, due_at, place FROM ({keys}) AS branch_{number}"


def _keys(branches: tuple[tuple[str, ...], ...]) -> Statement:
    part = Statement("queue.PART", _PART, _PART)
    keys = (_of_branch(statements.QUEUED_KEYS, number, filters) for number, filters in enumerate(branches))
    return joined(" UNION ALL ", (part.filled(keys=each, number=str(number)) for number, each in enumerate(keys)))


def _of_branch(template: Statement, number: int, filters: tuple[str, ...]) -> Statement:
    if not filters:
        return template.filled(conditions="1 = 1")
    conditions = all_of(statements.CONDITIONS[name] for name in filters)
    return template.filled(conditions=conditions).filled(number=str(number))
