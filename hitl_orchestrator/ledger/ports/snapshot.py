"""The rows that a verification reads, exactly as they are stored."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from hitl_orchestrator.ledger.database.ports import SchemaDefect
from hitl_orchestrator.ledger.events.chain import Entry, HeadRow
from hitl_orchestrator.ledger.events.outcomes import Outcome


class CaseRow(NamedTuple):
    """A row of `cases`."""

    case_id: str
    task_id: str
    submitter: str
    attempt: int
    content: str
    stage: str
    submitted_seq: int
    fence: int | None
    holder: str | None
    lease_seal: str | None
    held_since: str | None
    held_until: str | None


class ReviewTableRow(NamedTuple):
    """A row of `reviews` before parsing. `StoredReview` is the parsed form."""

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
    queued_at: str
    remind_at: str
    verdict: str | None
    answer_key: str | None
    seal: str
    claimed_by: str | None
    claimed_since: str | None
    claimed_until: str | None
    delegated_by: str | None
    claim_seal: str | None
    needed_role: str
    needed_under: str
    needed_seal: str | None
    place: int
    affinity: str | None
    task_type: str
    risk_level: str
    policy_hash: str
    confidence: float | None
    replayed: int
    answer: str | None
    answered_by: str | None
    answered_at: str | None


class StoredContents(NamedTuple):
    """A row of `contents`: the key and the texts of a case."""

    key: str
    body: str


class StoredPolicy(NamedTuple):
    """A row of `policies`."""

    policy_hash: str
    policy_id: str
    body: str
    recorded_seq: int


class StoredScrub(NamedTuple):
    """A row of `scrubs`."""

    case_id: str
    due: int
    seal: str


class StoredWakeup(NamedTuple):
    """A row of `wakeups`."""

    case_id: str
    address: str
    state: str
    attempts: int
    next_at: str
    holder: str | None
    error: str | None
    seal: str


class StoredPayload(NamedTuple):
    """A row of `payloads`."""

    case_id: str
    digest: str
    body: str
    seal: str


class StoredMeasure(NamedTuple):
    """A row of `measures`."""

    measure: str
    covered_seq: int
    seal: str


class TallyRow(NamedTuple):
    """A row of `tallies`, of one case."""

    name: str
    at: str
    action: str
    amount: int | None


class ExecutionRow(NamedTuple):
    """A row of `executions`."""

    case_id: str
    status: str
    started_seq: int
    ended_seq: int | None
    fence: int
    holder: str
    held_until: str
    check_id: str | None
    seal: str


class CaseEntry(NamedTuple):
    """A ledger entry of a case."""

    seq: int
    kind: str
    entry: str


class CaseRows(NamedTuple):
    """All rows of one case: entries in order, reviews by level, refusals by attempt. `contents` is None once erased."""

    case: CaseRow
    entries: Sequence[CaseEntry]
    reviews: Sequence[ReviewTableRow]
    refusals: dict[str, int]
    contents: StoredContents | None
    outcomes: Sequence[Outcome]
    executions: Sequence[ExecutionRow] = ()
    tallies: Sequence[TallyRow] = ()


class CaseRange(NamedTuple):
    """The cases from `first` on and before `end`, a later case, in the order in which the store sorts them.

    No id is before an empty text; without `end` the last case ends the range.
    """

    first: str = ""
    end: str | None = None


ALL_CASES = CaseRange()


class LedgerSnapshot(Protocol):
    """One consistent state of a store. Each method reads its tables once and holds a few rows at a time."""

    def entries(self, after: int = 0, up_to: int | None = None) -> Iterator[Entry]:
        """Yield the entries after this number, and up to one, in the order of their numbers."""

    def governing(self) -> Iterator[Entry]:
        """Yield the entries that concern all cases, in order."""

    def head_rows(self) -> Iterator[HeadRow]:
        """Yield the rows of `ledger_head`, of which there must be one."""

    def digests(self, up_to: int) -> Iterator[str]:
        """Yield the stored digests of the entries up to this number, in order."""

    def of_case(self, case_id: str) -> Iterator[Entry]:
        """Yield the entries of one case, in order."""

    def contents(self, case_id: str) -> StoredContents | None:
        """Return the contents of one case; None once erased."""

    def case_starts(self, size: int) -> list[str]:
        """Return the first cases of ranges that cover all cases, of `size` cases each."""

    def counts(self) -> tuple[int, int]:
        """Return the numbers of entries and of cases."""

    def cases(self, within: CaseRange = ALL_CASES) -> Iterator[CaseRows]:
        """Yield every case of a range with all of its rows."""

    def orphans(self) -> Iterator[tuple[str, str]]:
        """Yield the table and the case id of rows whose case has no row in `cases`."""

    def policies(self) -> Iterator[StoredPolicy]:
        """Yield the rows of `policies`."""

    def stray_head_rows(self) -> int:
        """Return the number of rows of `ledger_head` under another key than that of the one row of a ledger."""

    def spot_checks(self) -> Iterator[tuple[str, int]]:
        """Yield the cases that are due for a spot check, with the numbers of their final entries."""

    def scrubs(self) -> Iterator[StoredScrub]:
        """Yield the rows of `scrubs`."""

    def scrubs_due(self) -> Iterator[str]:
        """Yield the ids of redacted cases of which the database may still hold copies."""

    def wakeups(self) -> Iterator[StoredWakeup]:
        """Yield the rows of `wakeups`."""

    def payloads(self) -> Iterator[StoredPayload]:
        """Yield the rows of `payloads`."""

    def measures(self) -> Iterator[StoredMeasure]:
        """Yield the rows of `measures`."""

    def schema_defects(self) -> Iterator[SchemaDefect]:
        """Yield the differences between the schema of the database and the one that the migrations make."""

    def integrity_errors(self) -> Iterator[str]:
        """Yield the defects that the database reports in its own storage, such as an index that lost a row."""
