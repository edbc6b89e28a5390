"""What a verification reads: everything that is kept, row by row as it is stored, whatever has become of it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from hitl_orchestrator.ledger.events.chain import Entry


class CaseRow(NamedTuple):
    """A row of `cases`."""

    case_id: str
    task_id: str
    attempt: int
    content: str
    stage: str
    submitted_seq: int


class ReviewTableRow(NamedTuple):
    """A row of `reviews`."""

    review_id: str
    case_id: str
    level: int
    role: str
    domain: str
    status: str
    version: int
    digest: str
    shown: str
    opened_at: str
    due_at: str
    expires_at: str
    verdict: str | None
    answer_key: str | None
    seal: str
    claimed_by: str | None
    task_type: str
    risk_level: str
    confidence: float | None
    answer: str | None
    answered_by: str | None
    answered_at: str | None


class StoredContents(NamedTuple):
    """A row of `contents`: the key of a case, and what was said in it."""

    key: str
    body: str


class StoredPolicy(NamedTuple):
    """A row of `policies`."""

    policy_hash: str
    policy_id: str
    body: str
    recorded_seq: int


class Told(NamedTuple):
    """What an entry tells of a case."""

    seq: int
    kind: str
    entry: str


class Account(NamedTuple):
    """One case: its row, what the ledger tells of it in order, its reviews by level, and its refusals by attempt.

    `contents` are None where the table has none of it.
    """

    row: CaseRow
    told: Sequence[Told]
    reviews: Sequence[ReviewTableRow]
    refusals: dict[str, int]
    contents: StoredContents | None


class LedgerSnapshot(Protocol):
    """One consistent state of a store. Each method reads it once from end to end, and holds a few rows at a time."""

    def entries(self, behind: int = 0) -> Iterator[Entry]:
        """Yield the entries behind the one with this number, in the order of their numbers, as they are stored."""

    def digests(self, up_to: int) -> Iterator[str]:
        """Yield the stored digests of the entries up to this number, in order."""

    def of_case(self, case_id: str) -> Iterator[Entry]:
        """Yield the entries of one case, in order."""

    def contents(self, case_id: str) -> StoredContents | None:
        """Return what was said in one case; None where it was erased."""

    def accounts(self) -> Iterator[Account]:
        """Yield every case of the table."""

    def strays(self) -> Iterator[tuple[str, str]]:
        """Yield table and id of rows that belong to no case: entries, reviews, refusals, contents."""

    def policies(self) -> Iterator[StoredPolicy]:
        """Yield the rows of the policies."""

    def spot_checks(self) -> Iterator[str]:
        """Yield the ids of the cases that are noted as to be looked at afterwards."""

    def faults(self) -> Iterator[str]:
        """Yield what the database itself finds broken in its file, such as an index that lost a row."""
