"""The books of the ledger in memory, in the form of rows: the same verification reads both stores."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.ledger.events.builders import answer_key
from hitl_orchestrator.ledger.events.chain import Entry, time_text
from hitl_orchestrator.ledger.events.contents import Contents
from hitl_orchestrator.ledger.events.redaction import texts_of
from hitl_orchestrator.ledger.ports.snapshot import Account, CaseRow, ReviewTableRow, StoredContents, StoredPolicy, Told
from hitl_orchestrator.ledger.store.rows import found_by_answer


class MemoryBooks:
    """The `LedgerSnapshot` over what a ledger in memory holds, while it stands still."""

    def __init__(
        self,
        entries: Sequence[Entry],
        cases: Sequence[tuple[Case, str, Contents | None]],
        reviews: Iterable[StoredReview],
        refusals: Mapping[tuple[str, str], int],
        policies: Sequence[StoredPolicy],
        *,
        spot_checks: Sequence[str] = (),
    ) -> None:
        """`cases` come with the digest of what they were submitted as, and with what was said in them."""
        self._entries, self._policies, self._spot_checks = entries, policies, spot_checks
        self._cases = {case.case_id: (case, content, said) for case, content, said in cases}
        self._reviews: dict[str, list[ReviewTableRow]] = defaultdict(list)
        for review in reviews:
            self._reviews[review.case_id].append(_stored(review))
        self._refusals: dict[str, dict[str, int]] = defaultdict(dict)
        for (case_id, attempt), seq in refusals.items():
            self._refusals[case_id][attempt] = seq

    def entries(self, behind: int = 0) -> Iterator[Entry]:
        """Yield entries in the order of their numbers."""
        return iter(self._entries[behind:])

    def digests(self, up_to: int) -> Iterator[str]:
        """Yield the digests, in order."""
        return (entry.digest for entry in self._entries[:up_to])

    def of_case(self, case_id: str) -> Iterator[Entry]:
        """Yield the entries of one case, in order."""
        return (entry for entry in self._entries if entry.case_id == case_id)

    def accounts(self) -> Iterator[Account]:
        """Yield every case."""
        told: dict[str | None, list[Told]] = defaultdict(list)
        for entry in self._entries:
            told[entry.case_id].append(Told(entry.seq, entry.kind, entry.entry))
        for case, content, _ in self._cases.values():
            mine = told[case.case_id]
            first = next((one.seq for one in mine if one.kind == EventKind.SUBMITTED), 0)
            row = CaseRow(case.case_id, case.task_id, case.submission.attempt, content, case.stage.value, first)
            said = self.contents(case.case_id)
            yield Account(row, mine, self._reviews[case.case_id], self._refusals[case.case_id], said)

    def contents(self, case_id: str) -> StoredContents | None:
        """Return what was said in a case."""
        *_, found = self._cases.get(case_id, (None,))
        return None if found is None else StoredContents(found.key, found.body)

    def strays(self) -> Iterator[tuple[str, str]]:
        """Yield what belongs to no case."""
        ids = (entry.case_id for entry in self._entries if entry.case_id is not None)
        return (("events", case_id) for case_id in ids if case_id not in self._cases)

    def policies(self) -> Iterator[StoredPolicy]:
        """Yield the policies."""
        return iter(self._policies)

    def spot_checks(self) -> Iterator[str]:
        """Yield the cases that are to be looked at."""
        return iter(self._spot_checks)

    def faults(self) -> Iterator[str]:
        """Yield nothing: there is no file."""
        return iter(())


def _stored(review: StoredReview) -> ReviewTableRow:
    shown, verdict = texts_of(review)
    return ReviewTableRow(
        review_id=review.review_id,
        case_id=review.case_id,
        level=review.level,
        role=review.role,
        domain=review.domain,
        status=review.status.value,
        version=review.version,
        digest=review.digest,
        shown=shown,
        opened_at=time_text(review.opened_at),
        due_at=time_text(review.due_at),
        expires_at=time_text(review.expires_at),
        verdict=verdict,
        answer_key=None if review.verdict is None else answer_key(review.verdict.review),
        seal=review.seal,
        claimed_by=review.claimed_by,
        task_type=review.shown.task.task_type,
        risk_level=review.shown.routing.risk_level.value,
        confidence=review.shown.routing.score.confidence,
        **_answer(review),
    )


def _answer(review: StoredReview) -> dict[str, str | None]:
    if review.verdict is None:
        return {"answer": None, "answered_by": None, "answered_at": None}
    return found_by_answer(review.verdict)
