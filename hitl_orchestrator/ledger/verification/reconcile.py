"""Reconciliation of the tables with the ledger: every row must follow from an entry, and every entry must have its row.

People and programs work with the tables. An altered row, or a ledger with a truncated end, makes the two disagree.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import EventKind, OnTimeout, ReviewStatus
from hitl_orchestrator.domain.lifecycle import ANSWERED, STAGE_MOVES
from hitl_orchestrator.domain.value import digest, read_canonical
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.chain import NEVER, Entry, body_of, time_of, time_text
from hitl_orchestrator.ledger.events.contents import Contents, content_digest, is_payload, named_in, restored
from hitl_orchestrator.ledger.events.outcomes import AGENT_FIELDS, outcome_of
from hitl_orchestrator.ledger.events.redaction import ReviewTexts
from hitl_orchestrator.ledger.ports.claims import DERIVED
from hitl_orchestrator.ledger.ports.snapshot import CaseEntry, CaseRows, LedgerSnapshot, ReviewTableRow
from hitl_orchestrator.ledger.verification.reconcile_head import HeadReconciler
from hitl_orchestrator.ledger.verification.reconcile_people import PeopleReconciler
from hitl_orchestrator.ledger.verification.reconcile_policies import PolicyReconciler
from hitl_orchestrator.ledger.verification.reconcile_spot_checks import SpotCheckReconciler

Problem = tuple[int | None, str]
"""The number of the entry concerned, if there is one, and a sentence."""

_EXPIRING = (OnTimeout.ESCALATE.value, OnTimeout.REJECT.value)
# The versions of a review row: as opened, and as answered.
_OPENED, _ANSWERED = 1, 2
_REVIEW_TIMES = "queued_at", "remind_at", "claimed_since", "claimed_until"


class TableReconciler:
    """Compares the tables with the verified entries."""

    def __init__(self) -> None:
        self.last: Entry | None = None
        self._entries_of_cases = 0
        self._policies, self._spot_checks = PolicyReconciler(), SpotCheckReconciler()
        self.head = HeadReconciler()
        self._people = PeopleReconciler()

    def add(self, entry: Entry) -> None:
        """Add the next verified entry. Entries of cases are only counted here: each case is compared on its own."""
        self.last = entry
        if entry.case_id is not None:
            self._entries_of_cases += 1
        self._policies.add(entry)
        self._people.add(entry)
        self._spot_checks.add(entry)
        self.head.add(entry)

    def problem(self, snapshot: LedgerSnapshot, on_entries: Callable[[int], None]) -> Problem | None:
        """Return the first difference between tables and ledger, None if there is none.

        `on_entries` is called with the number of entries of each compared case.
        """
        compared = 0
        for rows in snapshot.cases():
            problem = case_problem(rows)
            if problem is not None:
                return problem
            compared += len(rows.entries)
            on_entries(len(rows.entries))
        orphan = next(snapshot.orphans(), None)
        if compared != self._entries_of_cases or orphan is not None:
            table, case_id = orphan or ("events", None)
            return None, f"{table}: rows of case {case_id!r} have no row in cases"
        problem = self._policies.problem({row.policy_hash: row for row in snapshot.policies()})
        problem = problem or self._people.problem()
        return problem or self._spot_checks.problem(snapshot.spot_checks()) or _payload_problem(snapshot)


def _payload_problem(snapshot: LedgerSnapshot) -> Problem | None:
    """Return the first large payload that was altered. Running its case again repairs it."""
    for case_id, name, body in snapshot.payloads():
        if not is_payload(body, name):
            why = "was altered; 'hitl recover' repairs it if the case needs it"
            return None, f"payloads: the text {str(name)[:12]!r} of case {case_id!r} {why}"
    return None


def case_problem(rows: CaseRows) -> Problem | None:
    """Return the first difference between the rows of one case and its entries, None if there is none."""
    case_id = rows.case.case_id
    if not rows.entries:
        return None, f"case {case_id!r} has a row and no entry: the end of the ledger is missing"
    problem = _contents_problem(rows)
    last = rows.entries[-1].seq
    if problem is not None:
        return last, f"case {case_id!r}: {problem}"
    problem = _time_problem(rows)
    if problem is not None:
        return last, f"case {case_id!r}: {problem}"
    replay = _CaseReplay(rows)
    for entry in rows.entries:
        problem = replay.problem_of(entry)
        if problem is not None:
            return entry.seq, f"entry {entry.seq}, {entry.kind} of case {case_id!r}: {problem}"
    problem = next(replay.unexplained_rows(), None)
    return None if problem is None else (last, f"case {case_id!r}, whose last entry is {last}: {problem}")


class _CaseReplay:
    """The state of one case after each of its entries, compared with its rows."""

    def __init__(self, rows: CaseRows) -> None:
        self._case = rows.case
        self._stage: str | None = None
        self._reviews = {review.review_id: review for review in rows.reviews}
        self._refusals = dict(rows.refusals)
        self._outcomes = list(rows.outcomes)
        self._open: str | None = None
        self._claimed_by: str | None = None
        self._contents = rows.contents
        redactions = (entry for entry in rows.entries if entry.kind == EventKind.REDACTED)
        self._erased = next((_erased_by(entry) for entry in redactions), None)
        self._is_erased = False
        self._intake: dict[str, Any] = {}

    def problem_of(self, entry: CaseEntry) -> str | None:
        """Return the problem with an entry; None if it follows from the previous ones and its row agrees."""
        problem = self._move(entry.kind)
        compare = None if problem else _COMPARE.get(entry.kind)
        return problem if compare is None else compare(self, read_canonical(entry.entry))

    def unexplained_rows(self) -> Iterator[str]:
        """Yield the facts of the rows that no entry records."""
        if self._case.stage != self._stage:
            yield f"its stage is '{self._case.stage}' in the table and '{self._stage}' in the ledger"
        for review in self._reviews.values():
            if review.review_id != self._open:
                yield f"no entry records the review {review.review_id!r}, or its answer"
            elif review.claimed_by != self._claimed_by:
                yield f"the review {review.review_id!r} is claimed by another reviewer than in the ledger"
            elif review.status != ReviewStatus.OPEN or review.verdict is not None:
                yield f"the review {review.review_id!r} is answered in the table, and no entry records the answer"
        for key in self._refusals:
            yield f"no entry records the rejected attempt {key[:12]!r} in the table"
        if self._outcomes:
            yield "it has a row in the outcomes that no entry records"

    def _move(self, kind: str) -> str | None:
        if kind not in STAGE_MOVES:
            return None
        move = STAGE_MOVES[kind]
        is_open_already = kind == EventKind.REVIEW_OPENED and self._open is not None
        if self._stage not in move.before or is_open_already:
            stages = " or ".join(repr(str(stage)) for stage in sorted(filter(None, move.before)))
            return f"the case was at '{self._stage}', and such an entry is written at {stages or 'its start'} only"
        self._stage = move.after
        return None

    def _finished(self, entry: dict[str, Any]) -> str | None:
        expected = outcome_of(entry["seq"], self._with_agent(entry["body"]), self._intake)
        if self._outcomes != [expected]:
            return "its row in the outcomes is missing, or differs"
        self._outcomes = []
        return None

    def _submitted(self, entry: dict[str, Any]) -> str | None:
        self._intake = body = entry["body"]
        case = self._case
        row = {"task": case.task_id, "submitter": case.submitter, "attempt": case.attempt}
        row |= {"content": case.content, "entry": case.submitted_seq}
        whose = (body["task"]["task_id"], body["submitted_by"] or "")
        submitted = (*whose, body["attempt"], content_digest(body), entry["seq"])
        other = _differing(row, submitted)
        return f"its row in the cases has another {other}" if other else None

    def _opened(self, entry: dict[str, Any]) -> str | None:
        body = entry["body"]
        self._open, self._claimed_by = body["review_id"], None
        review = self._reviews.get(body["review_id"])
        if review is None:
            return f"its review {body['review_id']!r} is missing"
        if review.version != (_OPENED if review.status == ReviewStatus.OPEN else _ANSWERED):
            return f"the row of its review {review.review_id!r} is {review.status}, at version {review.version}"
        shown = _read(review.shown)
        due = body.get("due_at", NEVER)
        expires = due if shown and shown.get("on_timeout") in _EXPIRING else NEVER
        row = {name: getattr(review, name) for name in ("level", "role", "digest", "opened_at", "due_at", "expires_at")}
        other = _differing(row, (body["level"], body["role"], body["digest"], entry["at"], due, expires))
        other = other or _differing_search_columns(review, shown)
        if other:
            return f"the row of its review {review.review_id!r} has another {other}"
        if self._erased is not None:
            return _erased_problem(review, self._erased)
        if digest(shown) != review.digest or shown["task"]["domain"] != review.domain:
            return f"the snapshot of its review {review.review_id!r} was altered"
        return None

    def _redacted(self, entry: dict[str, Any]) -> str | None:
        if self._is_erased:
            return "the case was redacted before"
        self._is_erased = True
        return None

    def _claimed(self, entry: dict[str, Any]) -> str | None:
        body = entry["body"]
        self._claimed_by = {
            EventKind.CLAIMED: body.get("for", entry["actor"]["id"]),
            EventKind.DELEGATED: body.get("to"),
            EventKind.RELEASED: body.get("back_to"),
        }[entry["kind"]]
        return self._of_open_review(entry)

    def _of_open_review(self, entry: dict[str, Any]) -> str | None:
        return None if entry["body"]["review_id"] == self._open else "that review was not open"

    def _refused(self, entry: dict[str, Any]) -> str | None:
        matches = self._refusals.pop(entry["body"]["key"], None) == entry["seq"]
        return None if matches else "its row in the refusals is missing, or names another entry"

    def _answered(self, entry: dict[str, Any]) -> str | None:
        body, status = entry["body"], ReviewStatus(entry["kind"])
        review = self._reviews.pop(body["review_id"], None)
        if review is None or self._open != body["review_id"]:
            return f"its review {body['review_id']!r} was not open"
        self._open = None
        if review.claimed_by is not None:
            return f"the row of its review {review.review_id!r} still has a claim"
        if self._erased is not None:
            same = (review.status, review.seal) == (status, body["seal"])
            return None if same else f"the row of its review {review.review_id!r} is {review.status}"
        return _verdict_problem(review, self._restored(body), status)

    def _restored(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of an answer with its texts, if they are intact."""
        try:
            return restored(EventKind.DECIDED, body, Contents(*self._contents) if self._contents else None)
        except (LedgerDamaged, ValueError, TypeError):
            return body

    def _with_agent(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of an outcome with the names of the agent, if they are intact; None once erased."""
        named = {name: body[name] for name in AGENT_FIELDS if body[name] is not None}
        if not named:
            return body
        contents = None if self._erased is not None or self._contents is None else Contents(*self._contents)
        return body | {name: None if contents is None else contents.value(mark) for name, mark in named.items()}


_COMPARE: Mapping[str, Callable[[_CaseReplay, dict[str, Any]], str | None]] = {
    EventKind.SUBMITTED: _CaseReplay._submitted,
    EventKind.REVIEW_OPENED: _CaseReplay._opened,
    EventKind.CLAIMED: _CaseReplay._claimed,
    EventKind.DELEGATED: _CaseReplay._claimed,
    EventKind.RELEASED: _CaseReplay._claimed,
    EventKind.VIEWED: _CaseReplay._of_open_review,
    EventKind.LABELED: _CaseReplay._of_open_review,
    EventKind.REMINDED: _CaseReplay._of_open_review,
    **{EventKind(status.value): _CaseReplay._answered for status in ANSWERED},
    EventKind.REFUSED: _CaseReplay._refused,
    EventKind.FINISHED: _CaseReplay._finished,
    EventKind.REDACTED: _CaseReplay._redacted,
}


def _contents_problem(rows: CaseRows) -> str | None:
    """Return the problem with the texts of a case: all must exist, unless an entry records that they were erased."""
    digests: list[str] = []
    is_erased = False
    for entry in rows.entries:
        named = named_in(entry.entry)
        if "" in named and not is_erased:
            return f"a text of entry {entry.seq} is not stored, and the case was not redacted before"
        digests += named
        is_erased = is_erased or entry.kind == EventKind.REDACTED
    if is_erased:
        return None if rows.contents is None else "its contents were erased, and exist again"
    if rows.contents is None:
        return "its contents are missing, and no entry records that they were erased"
    try:
        return Contents(*rows.contents).problem(digests)
    except (ValueError, TypeError):
        return "the key of its contents is invalid"


def _time_problem(rows: CaseRows) -> str | None:
    """Return the first time that no entry records and that is none, as of a lease, a claim or a reminder."""
    named: list[tuple[str, NamedTuple, tuple[str, ...]]] = [("cases", rows.case, ("held_since", "held_until"))]
    named += [(f"reviews of {review.review_id!r}", review, _REVIEW_TIMES) for review in rows.reviews]
    for table, row, columns in named:
        for name in columns:
            text = getattr(row, name)
            if text is not None and not _is_time(text):
                return f"its row of {table} has the {name} {str(text)[:40]!r}, which is not a time"
    return None


def _is_time(text: Any) -> bool:
    try:
        return bool(time_text(time_of(text)) == text)
    except (ValueError, TypeError, OverflowError):
        return False


def _erased_by(entry: CaseEntry) -> dict[str, str]:
    """Return the digests of the remaining reviews that a redaction records."""
    remaining: dict[str, str] = body_of(entry.entry)["reviews"]
    return remaining


def _erased_problem(review: ReviewTableRow, remaining: dict[str, str]) -> str | None:
    if ReviewTexts(review.shown, review.verdict).digest != remaining.get(review.review_id):
        return f"the row of its review {review.review_id!r} was altered after the redaction of its case"
    return None


def _verdict_problem(review: ReviewTableRow, body: dict[str, Any], status: ReviewStatus) -> str | None:
    verdict = None if review.verdict is None else _read(review.verdict)
    same = (review.status, review.seal) == (status, body["seal"]) and verdict == body["verdict"]
    if verdict is None or not same or not _has_answer_columns_of(review, verdict["review"]):
        return f"the row of its review {review.review_id!r} is {review.status}, or has another verdict or seal"
    return None


def _has_answer_columns_of(review: ReviewTableRow, answer: dict[str, Any]) -> bool:
    key = answer["idempotency_key"]
    stored_key = None if key is None else f"{answer['reviewer_id']}/{key}"
    expected = (answer["human_decision"], answer["reviewer_id"], stored_key)
    return expected == (review.answer, review.answered_by, review.answer_key)


def _differing(row: Mapping[str, Any], recorded: Sequence[Any]) -> str:
    """Return the columns of a row that differ from the recorded values, in words; empty if none does."""
    return " and ".join(name for (name, value), other in zip(row.items(), recorded, strict=True) if value != other)


_SEARCHED = ("task_type", "risk_level", "policy_hash", "confidence", "replayed")


def _differing_search_columns(review: ReviewTableRow, shown: Any) -> str:
    """Return the search columns that differ from the snapshot. A snapshot of another form has none."""
    row = {name: getattr(review, name) for name in _SEARCHED}
    if review.needed_role != review.role and not review.needed_under.startswith(DERIVED):
        return "needed role"
    try:
        routing = shown["routing"]
        decided_under, confidence = routing["decision"]["policy_hash"], routing["score"]["confidence"]
        task_type, replayed = shown["task"]["task_type"], int(shown.get("replayed", False))
        return _differing(row, (task_type, routing["risk_level"], decided_under, confidence, replayed))
    except (KeyError, TypeError):
        return "form of its snapshot"


def _read(text: str) -> Any:
    """Return the object of a canonical text in a row; None if it cannot be parsed."""
    try:
        value = read_canonical(text)
    except (ValueError, TypeError):
        return None
    return value if isinstance(value, dict) else None
