"""Reconciliation of one review: every column of its row follows from the entries about it, or bears a seal."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any

from hitl_orchestrator.domain.enums import EventKind, OnTimeout, ReviewStatus
from hitl_orchestrator.domain.review import ReviewSnapshot
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.ledger.events.builders import reminder_before
from hitl_orchestrator.ledger.events.chain import NEVER, instant_text, time_of, time_text
from hitl_orchestrator.ledger.events.redaction import ReviewTexts
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.ports.claims import DERIVED
from hitl_orchestrator.ledger.ports.snapshot import ReviewTableRow
from hitl_orchestrator.ledger.store.claims import CLAIM_SEAL, NEEDED_SEAL
from hitl_orchestrator.ledger.store.rows import as_review, customer_in

_EXPIRING = (OnTimeout.ESCALATE.value, OnTimeout.REJECT.value)
_CLAIM = ("claimed_by", "claimed_since", "claimed_until", "delegated_by", "claim_seal")
# The versions of a review row: as opened, and as answered.
_OPENED, _ANSWERED = 1, 2
# A review is placed behind the last entry before its transaction, which writes its routing, or the answer to the one
# before, and then its opening.
_BEFORE_OPENING = 2


class ReviewFacts:
    """The facts about a review that the entries of its case record, one after the other."""

    def __init__(self, opened: Mapping[str, Any], jumps: Collection[int] = ()) -> None:
        """Begin with the entry of the opening; `jumps` are the entries that note a clock that moved back."""
        self._opened, self._body = opened, opened["body"]
        first = opened["seq"] - _BEFORE_OPENING
        self._place = first - 1 if first in jumps else first
        self.claimed_by: str | None = None
        self._delegated_by: str | None = None
        self._until = ""
        self._is_reminded = False
        self._answer: tuple[ReviewStatus, Mapping[str, Any]] | None = None
        self._written = opened["seq"]

    def add_claim(self, entry: Mapping[str, Any]) -> None:
        """Add a claim, a delegation or a release."""
        body, before = entry["body"], self.claimed_by
        match entry["kind"]:
            case EventKind.CLAIMED:
                self.claimed_by = body.get("for", entry["actor"]["id"])
                self._delegated_by = self._delegated_by if before == self.claimed_by else None
            case EventKind.DELEGATED:
                self.claimed_by, self._delegated_by = body["to"], before
            case _:
                self.claimed_by, self._delegated_by = body.get("back_to"), None
        self._until = body.get("until") or self._until

    def add_reminder(self) -> None:
        """Add a reminder, of which there is one."""
        self._is_reminded = True

    def add_answer(self, seq: int, status: ReviewStatus, body: Mapping[str, Any]) -> None:
        """Add the answer of an entry, with its texts."""
        self._answer, self._written = (status, body), seq

    def problem(self, row: ReviewTableRow, erased: str | None, seals: Seals | None) -> str | None:
        """Return the difference between a row and these facts; None if there is none.

        `erased` is the digest of the texts of the row after a redaction. Without `seals` no seal is verified.
        """
        shown = _object_in(row.shown)
        named = f"the row of its review {row.review_id!r}"
        if erased is not None and ReviewTexts(row.shown, row.verdict).digest != erased:
            return f"{named} was altered after the redaction of its case"
        if shown is None or (erased is None and _digest(row.shown) != self._body["digest"]):
            return f"the snapshot of its review {row.review_id!r} was altered"
        try:
            expected = self._opened_columns(shown) | self._answer_columns(row, is_erased=erased is not None)
            differing = [name for name, value in expected.items() if getattr(row, name) != value]
        except (KeyError, TypeError, ValueError, OverflowError):
            return f"{named}: its snapshot or its answer has another form"
        if differing:
            return f"{named} has another {' and '.join(differing)}"
        problem = self._claim_problem(row, seals) or _needed_problem(row, seals) or _customer_problem(row, shown, seals)
        problem = problem or (_seal_problem(row, seals, self._written) if erased is None else None)
        return None if problem is None else f"{named}: {problem}"

    def _opened_columns(self, shown: Mapping[str, Any]) -> dict[str, Any]:
        body, routing, due = self._body, shown["routing"], self._body.get("due_at", NEVER)
        return {
            **{name: body[name] for name in ("level", "role", "digest", "queued_at")},
            "opened_at": self._opened["at"],
            "place": self._place,
            "due_at": due,
            "expires_at": due if shown["on_timeout"] in _EXPIRING else NEVER,
            "remind_at": NEVER if self._is_reminded else _reminder(shown, due),
            "domain": shown["task"]["domain"],
            "task_type": shown["task"]["task_type"],
            "risk_level": routing["risk_level"],
            "policy_hash": routing["decision"]["policy_hash"],
            "confidence": routing["score"]["confidence"],
            "replayed": int(shown["replayed"]),
        }

    def _answer_columns(self, row: ReviewTableRow, *, is_erased: bool) -> dict[str, Any]:
        if self._answer is None:
            absent = dict.fromkeys(("verdict", "answer", "answered_by", "answered_at", "answer_key"))
            return absent | {"status": ReviewStatus.OPEN, "version": _OPENED, "claimed_by": self.claimed_by}
        status, body = self._answer
        verdict = body["verdict"]
        answer, key = verdict["review"], verdict["review"]["idempotency_key"]
        return {
            "status": status.value,
            "version": _ANSWERED,
            "seal": body["seal"],
            "verdict": row.verdict if is_erased else canonical_json(verdict),
            "answer": answer["human_decision"],
            "answered_by": answer["reviewer_id"],
            "answered_at": _time_text(verdict["decided_at"]),
            "answer_key": None if key is None or is_erased else f"{answer['reviewer_id']}/{key}",
            **dict.fromkeys(_CLAIM),
        }

    def _claim_problem(self, row: ReviewTableRow, seals: Seals | None) -> str | None:
        if row.claimed_by is None:
            left = [name for name in _CLAIM if getattr(row, name) is not None]
            return f"it has a {' and a '.join(left)}, and no entry records a claim" if left else None
        if row.delegated_by != self._delegated_by:
            return "it has another delegated_by"
        times = str(row.claimed_since), str(row.claimed_until)
        for name, time in zip(("claimed_since", "claimed_until"), times, strict=True):
            if not _is_time(time):
                return f"its {name} {time[:40]!r} is not a time"
        if times[1] < self._until:
            return "its claimed_until is earlier than the entry of the claim says"
        if seals is not None and not seals.is_of_columns(row.claim_seal, CLAIM_SEAL, row.review_id, *times):
            return "its claimed_since, claimed_until or claim_seal was altered"
        return None


def _needed_problem(row: ReviewTableRow, seals: Seals | None) -> str | None:
    """Return the problem with the role that a row needs: its own as at its opening, or a sealed one."""
    if row.needed_seal is None:
        usual = (row.needed_role, row.needed_under) == (row.role, row.policy_hash)
        return None if usual else "it has another needed_role or needed_under"
    if seals is None:
        known = isinstance(row.needed_under, str) and row.needed_under.startswith((DERIVED, row.policy_hash))
        return None if known else "it has another needed_under"
    needed = row.review_id, row.needed_role, row.needed_under
    if not seals.is_of_columns(row.needed_seal, NEEDED_SEAL, *needed):
        return "its needed_role, needed_under or needed_seal was altered"
    return None


def _customer_problem(row: ReviewTableRow, shown: Mapping[str, Any], seals: Seals | None) -> str | None:
    customer = customer_in(shown["task"].get("metadata") or {})
    expected = [None] if customer is None else [row.affinity] if seals is None else seals.names_of(customer)
    return None if row.affinity in expected else "it has another affinity"


def _seal_problem(row: ReviewTableRow, seals: Seals | None, seq: int) -> str | None:
    if not isinstance(row.seal, str):
        return "its seal is not a text"
    if seals is None:
        return None
    try:
        seals.check_review(as_review(row._asdict()), seq)
    except HitlError as exc:
        return str(exc)
    except (ValueError, TypeError, ArithmeticError):
        return "it cannot be read"
    return None


def _reminder(shown: Mapping[str, Any], due: str) -> str:
    if shown["routing"]["decision"]["requirements"].get("remind_before") is None or due == NEVER:
        return NEVER
    before, due_at = reminder_before(ReviewSnapshot.model_validate(shown)), time_of(due)
    return time_text(None if before is None or due_at is None else due_at - before)


def _digest(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()


def _time_text(value: str) -> str:
    at = time_of(value)
    return NEVER if at is None else instant_text(at)


def _is_time(text: Any) -> bool:
    try:
        return bool(time_text(time_of(text)) == text)
    except (ValueError, TypeError, OverflowError):
        return False


def _object_in(text: Any) -> dict[str, Any] | None:
    """Return the object of a canonical text in a row; None for any other value."""
    try:
        value = read_canonical(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
