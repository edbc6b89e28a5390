"""Finished cases in the order of the ledger, for pollers: complete, and each once."""

from typing import NamedTuple

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import Page
from hitl_orchestrator.domain.value import MAX_INTEGER, public
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.wakeups import FinishedCase
from hitl_orchestrator.services.authorization import Filter
from hitl_orchestrator.services.reviews.inbox import check_limit

__all__ = ["DecidedCase", "DecidedPage", "decided_since"]

_BATCH, _MOST_READ = 500, 20_000


class DecidedCase(NamedTuple):
    """A finished case, and the number of its final entry in the ledger."""

    seq: int
    case: Case


@public
class DecidedPage(Page[DecidedCase]):
    """Finished cases in the order of the ledger. `seq` is the number from which the next call goes on.

    It is also set in an empty page: the entries up to it hold no other case for the caller.
    """

    seq: int = 0


def decided_since(ledger: Ledger, seq: int, limit: int, mine: Filter | None) -> DecidedPage:
    """Return the first cases that finished after an entry, of those that the filter reaches.

    Raises:
        InvalidInput: `seq` is no number of an entry, or the limit is not in [1, 100,000].
    """
    if type(seq) is not int or not 0 <= seq <= MAX_INTEGER:
        raise InvalidInput([f"decided_since: seq: {seq!r} is not the number of an entry"])
    check_limit("decided_since", limit)
    as_of = ledger.now()
    listed, last, more = _listed(ledger, seq, limit, mine)
    if listed:
        # A number that is handed out must not be given to another entry after a power failure.
        ledger.flush(listed[-1].case_id)
    page = DecidedPage(map(DecidedCase._make, ledger.finished_cases(listed)), more=more, as_of=as_of)
    page.seq = last
    return page


def _listed(ledger: Ledger, seq: int, limit: int, mine: Filter | None) -> tuple[list[FinishedCase], int, bool]:
    """Return the first cases, the number up to which was read, and whether there are more."""
    listed, last = list[FinishedCase](), seq
    batch = limit + 1 if mine is None else _BATCH
    for _ in range(max(1, _MOST_READ // batch)):
        rows = ledger.finished_since(last, batch)
        for row in rows:
            if mine is None or mine(row.domain, row.submitted_by):
                if len(listed) == limit:
                    return listed, last, True
                listed.append(row)
            last = row.seq
        if len(rows) < batch:
            return listed, last, False
    return listed, last, True
