"""What the ledger in memory is made of. Nothing that is asked of one case looks through the others."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from heapq import nsmallest
from operator import is_
from typing import Any, TypeVar, cast

from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.enums import EventKind, ReviewStatus
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.value import Value, canonical_json
from hitl_orchestrator.ledger.events.chain import GENESIS, Draft, Entry, Head, body_of, event_of, link
from hitl_orchestrator.ledger.events.contents import Contents, marked, restored
from hitl_orchestrator.ledger.events.policy_builders import KINDS
from hitl_orchestrator.ledger.ports.snapshot import StoredPolicy
from hitl_orchestrator.ledger.store.leases import Holder, Lease, is_gone

_NO_TIME = datetime.max.replace(tzinfo=UTC)


Held = TypeVar("Held")


def apart(value: Held) -> Held:
    """Return a value for others to keep. It is frozen but for the free JSON in it, so that this alone is copied."""
    copied: Any = value
    kind = _kind(copied.__class__)
    if kind is Value:
        own = {name: mine for name, held in copied.__dict__.items() if (mine := apart(held)) is not held}
        if copied.__pydantic_extra__:
            copied = copied.model_copy(deep=True)
        elif own:
            copied = copied.model_copy()
            copied.__dict__.update(own)
    elif kind is tuple:
        members = [apart(member) for member in copied]
        copied = copied if all(map(is_, members, copied)) else tuple(members)
    elif kind is dict:
        copied = deepcopy(copied)
    return cast("Held", copied)


@cache
def _kind(kind: type) -> type:
    """Return how values of a type are copied; `object` where they cannot be changed."""
    return next((known for known in (Value, tuple, dict) if issubclass(kind, known)), dict if kind is list else object)


class Journal:
    """The entries, all of them and by case, and the contents that they name."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.contents: dict[str, Contents] = {}
        self._of_case: dict[str | None, list[Entry]] = defaultdict(list)
        self._finished: list[Entry] = []
        self._policies: list[Entry] = []

    def append(self, *drafts: Draft) -> None:
        """Write entries behind the last one."""
        written = link(self.head, [marked(draft, self.contents.get(draft.case_id or "")) for draft in drafts])
        self.entries += written
        for entry in written:
            self._of_case[entry.case_id].append(entry)
            if entry.kind == EventKind.FINISHED:
                self._finished.append(entry)
            if entry.kind in KINDS:
                self._policies.append(entry)

    @property
    def head(self) -> Head:
        """Where the ledger ends."""
        return Head(self.entries[-1].seq, self.entries[-1].digest) if self.entries else Head(0, GENESIS)

    @property
    def latest_of_policies(self) -> int:
        """The number of the last entry about a policy."""
        return self._policies[-1].seq if self._policies else 0

    def about_policies(self, behind: int) -> Iterator[Event]:
        """Yield the entries about policies behind this one."""
        if behind < self.latest_of_policies:
            yield from (event_of(one.entry, one.digest) for one in self._policies if one.seq > behind)

    def events(self, case_id: str | None = None) -> Iterator[Event]:
        """Yield the events of one case or of all, with what was said."""
        for entry in tuple(self.entries if case_id is None else self._of_case.get(case_id, ())):
            event = event_of(entry.entry, entry.digest)
            said = self.contents.get(entry.case_id or "")
            yield event.model_copy(update={"body": restored(event.kind, event.body, said)})

    def records(self) -> Iterator[AuditRecord]:
        """Yield the outcomes, with what was said."""
        for entry in tuple(self._finished):
            said = self.contents.get(entry.case_id or "")
            yield AuditRecord.model_validate(restored(entry.kind, body_of(entry.entry), said))


class ReviewTable:
    """The reviews by id, those of each case in the order in which they were opened, and those that are open."""

    def __init__(self) -> None:
        self._rows: dict[str, StoredReview] = {}
        self._of_case: dict[str, dict[str, None]] = defaultdict(dict)
        self._open: dict[str, StoredReview] = {}
        self._decided: dict[str, dict[str, StoredReview]] = defaultdict(dict)

    def __getitem__(self, review_id: str) -> StoredReview:
        """Return a review. Raises `KeyError`."""
        return self._rows[review_id]

    def __iter__(self) -> Iterator[StoredReview]:
        """Go through all reviews."""
        return iter(self._rows.values())

    def get(self, review_id: str) -> StoredReview | None:
        """Return a review, None where there is none."""
        return self._rows.get(review_id)

    def put(self, row: StoredReview) -> None:
        """Keep a review as it stands now."""
        self._rows[row.review_id] = row
        self._of_case[row.case_id][row.review_id] = None
        if row.status is ReviewStatus.OPEN:
            self._open[row.review_id] = row
        else:
            self._open.pop(row.review_id, None)
        if row.status is ReviewStatus.DECIDED:
            self._decided[row.shown.task.task_type][row.review_id] = row

    def decided(self, task_type: str) -> Iterator[StoredReview]:
        """Go through the decided reviews of a type."""
        return iter(self._decided.get(task_type, {}).values())

    def of_case(self, case_id: str) -> tuple[StoredReview, ...]:
        """Return the reviews of a case, the latest last."""
        return tuple(self._rows[review_id] for review_id in self._of_case.get(case_id, ()))

    def open_ones(self, wanted: Callable[[StoredReview], bool], limit: int) -> list[StoredReview]:
        """Return open reviews, the soonest due first, then the longest waiting."""
        fitting = (row for row in self._open.values() if wanted(row))
        return nsmallest(limit, fitting, key=lambda row: (row.due_at or _NO_TIME, row.opened_at))


def is_open(row: StoredReview, seen: StoredReview) -> bool:
    """Whether a review still asks, and just as it was seen."""
    return row.status is ReviewStatus.OPEN and (row.version, row.digest) == (seen.version, seen.digest)


def is_up(row: StoredReview, now: datetime) -> bool:
    """Whether the time of a review is up."""
    return row.expires_at is not None and row.expires_at <= now


def is_anothers(row: StoredReview, who: str | None, now: datetime) -> bool:
    """Whether somebody else holds a review."""
    return row.claimed_by not in (None, who) and (row.claimed_until or _NO_TIME) > now


class PolicyTable:
    """The policies by hash, with the id that each had first, and the entry that tells of it last."""

    def __init__(self) -> None:
        self.current: str | None = None
        self._bodies: dict[str, dict[str, Any]] = {}
        self._first: dict[str, tuple[str, int]] = {}

    def __getitem__(self, policy_hash: str) -> dict[str, Any]:
        """Return a policy. Raises `KeyError`."""
        return deepcopy(self._bodies[policy_hash])

    def record(self, policy_id: str, policy_hash: str, body: dict[str, Any], seq: int) -> None:
        """Keep a policy under its hash."""
        first_id, _ = self._first.get(policy_hash, (policy_id, 0))
        self._first[policy_hash] = first_id, seq
        self._bodies.setdefault(policy_hash, deepcopy(body))

    def stored(self) -> list[StoredPolicy]:
        """Return them in the form of rows."""
        return [
            StoredPolicy(name, self._first[name][0], canonical_json(body), self._first[name][1])
            for name, body in self._bodies.items()
        ]


class LeaseTable:
    """Who drives which case, judged by the clock of the store."""

    def __init__(self, lease: float, clock: Callable[[], datetime]) -> None:
        self.holder, self.now = Holder(lease), clock
        self._leases: dict[str, Lease] = {}

    def begin(self, case_id: str) -> None:
        """Note a new case, which nobody drives yet."""
        self._leases[case_id] = Lease(1)

    def give_back(self, case_id: str, fence: int | None = None) -> None:
        """Let a case be taken by anybody; with a fence, only if it was taken with it last."""
        lease = self._leases[case_id]
        if fence in (None, lease.fence):
            self._leases[case_id] = Lease(lease.fence)

    def hold(self, case_id: str, *, next_fence: bool = True) -> None:
        """Hold a case in this run, by the next fence or by the one that it has."""
        fence = self._leases[case_id].fence + next_fence
        until = self.now() + timedelta(seconds=self.holder.seconds)
        self._leases[case_id] = Lease(fence, self.holder.name, until)
        self.holder.hold(case_id, fence)

    def can_be_taken(self, case_id: str) -> bool:
        """Whether nobody drives a case, or nobody any more."""
        lease = self._leases.get(case_id)
        return lease is not None and (
            self.is_free(case_id) or lease.holder == self.holder.name or is_gone(lease.holder)
        )

    def is_free(self, case_id: str) -> bool:
        """Whether the time of whoever drove a case is up."""
        until = self._leases.get(case_id, Lease(0)).until
        return until is None or until <= self.now()

    def has_fence(self, case_id: str, fence: int) -> bool:
        """Whether a case was taken with this fence last."""
        return self._leases.get(case_id, Lease(0)).fence == fence
