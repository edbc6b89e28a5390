"""Whether the tables say of every case what the ledger says of it. Pure.

The tables are what people and programs work with. Each of their rows comes from an entry, so that a row which was
changed, and a ledger whose end was cut off, disagree.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from hitl_orchestrator.domain.enums import CaseStage, EventKind, OnTimeout, ReviewStatus
from hitl_orchestrator.domain.value import digest, read_canonical
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.chain import NEVER, Entry, body_of
from hitl_orchestrator.ledger.events.contents import Contents, content_digest, named_in, restored
from hitl_orchestrator.ledger.events.redaction import ReviewTexts
from hitl_orchestrator.ledger.ports.snapshot import Account, CaseRow, LedgerSnapshot, ReviewTableRow, Told
from hitl_orchestrator.ledger.ports.spot_checks import SpotCheckAccounts
from hitl_orchestrator.ledger.verification.reconcile_policies import PolicyAccounts

Problem = tuple[int | None, str]
"""The entry that a problem is known by, where there is one, and a sentence."""

# From which stage an entry may be written, and at which the case is then. Routing alone moves nothing.
_MOVES: Mapping[str, tuple[str | None, str]] = {
    EventKind.SUBMITTED: (None, CaseStage.RECEIVED),
    EventKind.ROUTED: (CaseStage.RECEIVED, CaseStage.RECEIVED),
    EventKind.REVIEW_OPENED: (CaseStage.RECEIVED, CaseStage.WAITING),
    EventKind.DECIDED: (CaseStage.WAITING, CaseStage.DECIDED),
    EventKind.EXPIRED: (CaseStage.WAITING, CaseStage.DECIDED),
    EventKind.CANCELED: (CaseStage.WAITING, CaseStage.DECIDED),
    EventKind.SUPERSEDED: (CaseStage.WAITING, CaseStage.DECIDED),
    EventKind.RESUMED: (CaseStage.DECIDED, CaseStage.DECIDED),
    EventKind.REDACTED: (CaseStage.FINISHED, CaseStage.FINISHED),
}

_ENDING = (OnTimeout.ESCALATE.value, OnTimeout.REJECT.value)
# The versions of a review's row: as it was opened, and as it was answered.
_OPENED, _ANSWERED = 1, 2


class TableReconciler:
    """The tables, held against entries that were heard of one by one, and found good."""

    def __init__(self) -> None:
        self.last: Entry | None = None
        self._told_of_cases = 0
        self._policies, self._spot_checks = PolicyAccounts(), SpotCheckAccounts()

    def hear(self, entry: Entry) -> None:
        """Take note of an entry. Of cases only the number is kept: they are compared one after the other."""
        self.last = entry
        if entry.case_id is not None:
            self._told_of_cases += 1
        self._policies.hear(entry)
        self._spot_checks.hear(entry)

    def problem(self, books: LedgerSnapshot, on_entries: Callable[[int], None]) -> Problem | None:
        """Say which row is not what the ledger says; None where all are. `on_entries` hears how many were compared."""
        compared = 0
        for account in books.accounts():
            problem = account_problem(account)
            if problem is not None:
                return problem
            compared += len(account.told)
            on_entries(len(account.told))
        if compared != self._told_of_cases or any(True for _ in books.strays()):
            table, name = next(books.strays())
            return None, f"{table}: what is there of case {name!r} belongs to no row of the cases"
        found = self._policies.problem({row.policy_hash: row for row in books.policies()})
        return found or self._spot_checks.problem(books.spot_checks())


def account_problem(account: Account) -> Problem | None:
    """Say what is wrong about one case, and by which entry; None where its rows are what the ledger says."""
    case = account.row
    if not account.told:
        return None, f"case {case.case_id!r} stands in the table, and no entry tells of it: the ledger lost its end"
    problem = _contents_problem(account)
    if problem is not None:
        return account.told[-1].seq, f"case {case.case_id!r}: {problem}"
    reading = _Reading(account)
    for told in account.told:
        problem = reading.problem_of(told)
        if problem is not None:
            return told.seq, f"entry {told.seq}, {told.kind} of case {case.case_id!r}: {problem}"
    last = account.told[-1].seq
    problem = next(reading.left_over(), None)
    return None if problem is None else (last, f"case {case.case_id!r}, last told of by entry {last}: {problem}")


class _Reading:
    """One case, as its entries tell it, ticked off against its rows."""

    def __init__(self, account: Account) -> None:
        self._case = account.row
        self._stage: str | None = None
        self._reviews = {review.review_id: review for review in account.reviews}
        self._refusals = dict(account.refusals)
        self._open: str | None = None
        self._claimed_by: str | None = None
        self._contents = account.contents
        self._erased = next((_erased_by(told) for told in account.told if told.kind == EventKind.REDACTED), None)
        self._is_erased = False

    def problem_of(self, told: Told) -> str | None:
        """Say what is wrong with one entry; None where it fits what came before and the row that it speaks of."""
        if told.kind == EventKind.FINISHED:
            return self._finished()
        problem = self._moved(told.kind)
        if problem is not None:
            return problem
        if told.kind == EventKind.SUBMITTED and _is_intake_of(self._case, told):
            return None
        compare = _COMPARE.get(told.kind)
        return None if compare is None else compare(self, read_canonical(told.entry))

    def left_over(self) -> Iterator[str]:
        """Yield what the rows say beyond the entries."""
        if self._case.stage != self._stage:
            yield f"its stage is {self._case.stage!r} in the table, and {self._stage!r} by the ledger"
        for review in self._reviews.values():
            if review.review_id != self._open:
                yield f"no entry tells of the review {review.review_id!r}, or of its verdict"
            elif review.claimed_by != self._claimed_by:
                yield f"the review {review.review_id!r} is claimed by another than the ledger says"
            elif review.status != ReviewStatus.OPEN or review.verdict is not None:
                yield f"the review {review.review_id!r} is answered in the table, and no entry tells of the answer"
        for key in self._refusals:
            yield f"no entry tells of the refusal {key[:12]!r} in the table"

    def _moved(self, kind: str) -> str | None:
        if kind not in _MOVES:
            return None
        before, behind = _MOVES[kind]
        if kind == EventKind.REVIEW_OPENED and self._stage == CaseStage.WAITING and self._open is None:
            return None
        if self._stage != before:
            return f"the case was at {self._stage!r}, and such an entry is written at {before!r} alone"
        self._stage = behind
        return None

    def _finished(self) -> str | None:
        if self._stage not in (CaseStage.RECEIVED, CaseStage.DECIDED):
            return f"the case was at {self._stage!r}, from where it does not finish: there is one outcome a case"
        self._stage = CaseStage.FINISHED
        return None

    def _submitted(self, said: dict[str, Any]) -> str | None:
        body = said["body"]
        case = self._case
        row = (case.task_id, case.attempt, case.content, case.submitted_seq)
        if row != (body["task"]["task_id"], body["attempt"], content_digest(body), said["seq"]):
            return "its row in the cases says another task, attempt, content or entry"
        return None

    def _opened(self, said: dict[str, Any]) -> str | None:
        body = said["body"]
        self._open, self._claimed_by = body["review_id"], None
        review = self._reviews.get(body["review_id"])
        if review is None:
            return f"its review {body['review_id']!r} is missing"
        if review.version != (_OPENED if review.status == ReviewStatus.OPEN else _ANSWERED):
            return f"the row of its review {review.review_id!r} says {review.status}, at version {review.version}"
        shown = _read(review.shown)
        due = body.get("due_at", NEVER)
        ends = due if shown and shown.get("on_timeout") in _ENDING else NEVER
        row = (review.level, review.role, review.digest, review.opened_at, review.due_at, review.expires_at)
        opened = (body["level"], body["role"], body["digest"], said["at"], due, ends)
        if row != opened or shown is None or not _is_found_by(review, shown):
            return f"the row of its review {review.review_id!r} says another level, role, digest, time, type or risk"
        if self._erased is not None:
            return self._erased_problem(review, self._erased)
        if digest(shown) != review.digest or shown["task"]["domain"] != review.domain:
            return f"what its review {review.review_id!r} shows is not what was shown"
        return None

    def _erased_problem(self, review: ReviewTableRow, left: dict[str, str]) -> str | None:
        if ReviewTexts(review.shown, review.verdict).digest != left.get(review.review_id):
            return f"the row of its review {review.review_id!r} is not what was left of it when its case was redacted"
        return None

    def _redacted(self, said: dict[str, Any]) -> str | None:
        if self._is_erased:
            return "what was said in the case was erased before"
        self._is_erased = True
        return None

    def _claimed(self, said: dict[str, Any]) -> str | None:
        body = said["body"]
        self._claimed_by = {
            EventKind.CLAIMED: body.get("for", said["actor"]["id"]),
            EventKind.DELEGATED: body.get("to"),
            EventKind.RELEASED: body.get("back_to"),
        }[said["kind"]]
        return self._about_open(said)

    def _about_open(self, said: dict[str, Any]) -> str | None:
        return None if said["body"]["review_id"] == self._open else "that review was not open"

    def _refused(self, said: dict[str, Any]) -> str | None:
        known = self._refusals.pop(said["body"]["key"], None) == said["seq"]
        return None if known else "its row among the refusals is missing, or speaks of another entry"

    def _answered(self, said: dict[str, Any]) -> str | None:
        body, status = said["body"], ReviewStatus(said["kind"])
        review = self._reviews.pop(body["review_id"], None)
        if review is None or self._open != body["review_id"]:
            return f"its review {body['review_id']!r} was not open"
        self._open = None
        if review.claimed_by is not None:
            return f"the row of its review {review.review_id!r} says that somebody is still at it"
        if self._erased is not None:
            same = (review.status, review.seal) == (status, body["seal"])
            return None if same else f"the row of its review {review.review_id!r} says {review.status}"
        return _other_verdict(review, self._restored(body), status)

    def _restored(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of an answer with what was said in it, as far as it is there."""
        try:
            return restored(EventKind.DECIDED, body, Contents(*self._contents) if self._contents else None)
        except (LedgerDamaged, ValueError, TypeError):
            return body


_COMPARE: Mapping[str, Callable[[_Reading, dict[str, Any]], str | None]] = {
    EventKind.SUBMITTED: _Reading._submitted,
    EventKind.REVIEW_OPENED: _Reading._opened,
    EventKind.CLAIMED: _Reading._claimed,
    EventKind.DELEGATED: _Reading._claimed,
    EventKind.RELEASED: _Reading._claimed,
    EventKind.VIEWED: _Reading._about_open,
    EventKind.LABELED: _Reading._about_open,
    EventKind.REMINDED: _Reading._about_open,
    EventKind.VOTED: _Reading._answered,
    EventKind.ESCALATED: _Reading._answered,
    EventKind.DECIDED: _Reading._answered,
    EventKind.EXPIRED: _Reading._answered,
    EventKind.CANCELED: _Reading._answered,
    EventKind.SUPERSEDED: _Reading._answered,
    EventKind.REFUSED: _Reading._refused,
    EventKind.REDACTED: _Reading._redacted,
}


def _is_intake_of(case: CaseRow, told: Told) -> bool:
    """Whether an entry is the intake that a row speaks of, seen from its text alone; False where that is not sure.

    Most entries of a busy ledger are intakes and outcomes, and reading them costs more than all else. The keys of
    a canonical text stand in order, quotation marks in strings are escaped, and what is free is not said in an entry.
    """
    found = _INTAKE.search(told.entry)
    if found is None:
        return False
    output, task = found["output"], found["task"]
    content = sha256(f'{{"output":{output},"task":{task}}}'.encode()).hexdigest()
    name = task.rpartition(',"task_id":"')[2].partition('"')[0]
    row = (case.task_id, case.attempt, case.content, case.submitted_seq)
    return row == (name, int(found["attempt"]), content, told.seq)


# The body of an intake, from its first key to its last.
_INTAKE = re.compile(
    r'"body":\{"attempt":(?P<attempt>[0-9]+),"graph_version":"[^"]*","output":(?P<output>.*),"policy_hash":"[^"]*",'
    r'"policy_id":"[^"]*","quality_check":(?:null|\{[^{}]*\}),"received_at":"[^"]*","replayed":(?:true|false),'
    r'"submitted_by":(?:null|"[^"]*"),"supersedes":(?:null|"[^"]*"),"task":(?P<task>\{.*\})\},"case_id":"',
    re.DOTALL,
)


def _contents_problem(account: Account) -> str | None:
    """Say what is wrong with what was said in a case: it is all there under its digests, or an entry erased it all."""
    named: list[str] = []
    is_erased = False
    for told in account.told:
        names = named_in(told.entry)
        if "" in names and not is_erased:
            return f"what entry {told.seq} says is not kept, and nobody had erased it by then"
        named += names
        is_erased = is_erased or told.kind == EventKind.REDACTED
    if is_erased:
        return None if account.contents is None else "what was said in it was erased, and is there again"
    if account.contents is None:
        return "what was said in it is missing, and no entry tells that it was erased"
    try:
        return Contents(*account.contents).problem(named)
    except (ValueError, TypeError):
        return "the key of what was said in it is none"


def _erased_by(told: Told) -> dict[str, str]:
    """Return what an entry about a redaction tells of the reviews that are left."""
    left: dict[str, str] = body_of(told.entry)["reviews"]
    return left


def _other_verdict(review: ReviewTableRow, body: dict[str, Any], status: ReviewStatus) -> str | None:
    verdict = None if review.verdict is None else _read(review.verdict)
    same = (review.status, review.seal) == (status, body["seal"]) and verdict == body["verdict"]
    if verdict is None or not same or not _is_found_by_answer(review, verdict["review"]):
        return f"the row of its review {review.review_id!r} says {review.status}, or another verdict or seal"
    return None


def _is_found_by_answer(review: ReviewTableRow, answer: dict[str, Any]) -> bool:
    told = (answer["human_decision"], answer["reviewer_id"], _key(answer))
    return told == (review.answer, review.answered_by, review.answer_key)


def _is_found_by(review: ReviewTableRow, shown: Any) -> bool:
    """Whether an open review is found by what it shows; what shows something else than reviews do is none."""
    try:
        routing = shown["routing"]
        told = (shown["task"]["task_type"], routing["risk_level"], routing["score"]["confidence"])
    except (KeyError, TypeError):
        return False
    return told == (review.task_type, review.risk_level, review.confidence)


def _key(answer: dict[str, Any]) -> str | None:
    key = answer["idempotency_key"]
    return None if key is None else f"{answer['reviewer_id']}/{key}"


def _read(text: str) -> Any:
    """Return what a text in a row says; None where it says nothing that can be read."""
    try:
        return read_canonical(text)
    except (ValueError, TypeError):
        return None
