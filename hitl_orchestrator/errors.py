"""All errors that this package raises on purpose: one tree under `HitlError`.

    HitlError                     500
    |-- InvalidInput              422  the input cannot be used, and nothing of it was stored; CLI exit code 2
    |   `-- PolicyMissing
    |-- RequestRejected           409  the request is valid, and the answer is no; CLI exit code 1
    |   |-- UnknownCase           404
    |   |-- NotAuthorized         403
    |   |-- TaskConflict, KeyReused, CaseNotWaiting, ClassifierMissing, CaseUnfinished, GraphVersionMismatch, TopOfChain
    |   |-- CaseBusy
    |   |-- CaseChanged
    |   |   `-- LeaseLost
    |   |-- ReviewAlreadyDecided
    |   |   `-- ReviewEscalated
    |   |-- ReviewExpired, ReviewWithdrawn 410
    |   |-- ReviewClaimed         423
    |   |-- StaleReview           412
    |   |-- PolicyMismatch, NoPreviousPolicy
    |   |-- LedgerDamaged         500
    |   `-- RecoveryIncomplete    500
    |-- StoreUnavailable, HeadFileUnavailable 503
    |   `-- StoreClosed, of StoreUnavailable
    |-- InvalidKey, SealKeyMissing, IncompatibleRecord, IncompleteOutcome, ClassifierFailed, CaseNotMoved
    |-- PolicyUnreadable                                a recorded policy that this installation cannot read
    |-- TamperedPolicy, TamperedReview, ForgedState     an altered row or state; an alarm is in the ledger
    |   `-- UnknownSealKey, of TamperedReview           or this machine lacks the key of the row
    |-- CheckpointUnreadable, UnsafeRow, UnsafeSerializer     a refused checkpoint
    `-- InvalidState
        `-- ThreadLost

`http_status` is the status that a server answers with. Every error keeps the ids in its message as attributes, and its
message names the object, the value and the remedy.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import ClassVar

_UNFINISHED = ("received", "decided")
_MAX_CAUSES = 20
_WITH_CLASSIFIER = "call recover() in the application that opens the store with its classifier"


MOST_PROBLEMS, MOST_IN_A_PROBLEM, MOST_IN_A_MESSAGE = 20, 400, 8_400
"""The largest number of problems in one error, and of characters in one of them and in a whole message."""


def shortened(text: str, most: int = 60) -> str:
    """Return a text of at most this many characters; a longer one ends in `...`."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def without_middle(text: str, most: int = MOST_IN_A_PROBLEM) -> str:
    """Return a text of at most this many characters; a longer one keeps its begin, a place, and its end, a remedy."""
    kept = (most - 5) // 2
    return text if len(text) <= most else f"{text[:kept]} ... {text[-kept:]}"


class HitlError(Exception):
    """The root of all errors that this package raises on purpose."""

    http_status: ClassVar[int] = 500

    def __init__(self, message: str = "") -> None:
        """Keep the message; the middle of a very long one is left out."""
        super().__init__(without_middle(message, MOST_IN_A_MESSAGE))

    def __init_subclass__(cls, http_status: int | None = None) -> None:
        """Set the status that a server answers with; a subclass inherits it."""
        cls.http_status = http_status or cls.http_status


class InvalidInput(HitlError, http_status=422):
    """The input cannot be used, and nothing of it was stored. `problems` has a sentence per problem, with its place.

    At most 20 problems are listed, and then their number. `total` counts all of them. The middle of a longer sentence
    is left out, so that its place and its remedy remain.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        listed, self.total = list[str](), 0
        for problem in problems:
            more = 1
            if isinstance(problem, _More):
                more = problem.number
            elif len(listed) < MOST_PROBLEMS:
                listed.append(without_middle(problem))
            self.total += more
        left = self.total - len(listed)
        self.problems = (*listed, _More(left)) if left else tuple(listed)
        super().__init__("\n".join(self.problems))


class _More(str):
    """The sentence that stands for the problems beyond the largest number."""

    number: int

    def __new__(cls, number: int) -> "_More":
        text = super().__new__(cls, f"... and {number} more")
        text.number = number
        return text


def install_hint(extra: str) -> str:
    """Return how to install an optional extra: from a clone and from a wheel file, since no package index has it."""
    wheel = f"pip install 'WHEEL[{extra}]' with the path of the wheel file"
    return f"install the extra {extra!r}: pip install '.[{extra}]' in a clone, or {wheel}"


class PolicyMissing(InvalidInput):
    """No policy is active, and the bundled default does not define the roles of the reviewers."""

    def __init__(self, roles: Iterable[str]) -> None:
        why = f"no policy is active, and the bundled default does not define the roles {', '.join(roles)}"
        remedy = "pass --policy (HITL_POLICY; policy= in the library), or run 'hitl policy activate'"
        super().__init__([f"policy: {why}; {remedy}"])


class StoreUnavailable(HitlError, http_status=503):
    """The store cannot be opened, read or written."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(f"store {url!r} cannot be used: {cause}")
        self.url, self.cause = url, cause


class StoreClosed(StoreUnavailable):
    """The store was used after `close`."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "it was closed; open it again")


class IncompatibleRecord(HitlError):
    """A stored case has a form that this version cannot read: another version wrote it, or the row was altered."""

    def __init__(self, case_id: str, graph_version: str | None, why: str) -> None:
        under = f" under graph {graph_version!r}" if graph_version else ""
        remedy = "'hitl audit verify' names altered rows; read a row of another version with that version"
        super().__init__(f"case {case_id!r} was stored{under} in a form that this version cannot read: {why}; {remedy}")
        self.case_id, self.graph_version, self.why = case_id, graph_version, why


class HeadFileUnavailable(HitlError, http_status=503):
    """The file of signed tree heads cannot be read or written."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"the file of signed heads {where!r} cannot be used: {why}")
        self.where = where


class IncompleteOutcome(HitlError):
    """A case was about to finish without the human decision that it needs. This is a fault, never a normal answer."""

    def __init__(self, case_id: str, why: str) -> None:
        super().__init__(f"case {case_id!r} cannot be finished: {why}")
        self.case_id = case_id


class ClassifierFailed(HitlError):
    """The classifier gave no answer to a task, and a second call would give none either."""

    def __init__(self, task_id: str, why: str) -> None:
        super().__init__(f"the classifier gave no answer to task {task_id!r}: {why}")
        self.task_id, self.why = task_id, why


class CaseNotMoved(HitlError):
    """A run of a case ended without an error at the stage where it began."""

    def __init__(self, case_id: str, stage: str) -> None:
        why = "a step of its graph paused that must not pause; resume it with an unchanged graph"
        super().__init__(f"case {case_id!r} was run and is still {stage}: {why}")
        self.case_id, self.stage = case_id, stage


class InvalidKey(HitlError):
    """A key cannot be used: it is malformed, or its file is unreadable or readable by other users."""

    def __init__(self, where: object, why: str) -> None:
        super().__init__(f"key {str(where)!r} cannot be used: {why}")
        self.where, self.why = str(where), why


class TamperedPolicy(HitlError):
    """A policy in the store differs from the one recorded under its hash. It routes and decides nothing.

    `policy_hash` is None for the active policy if its hash cannot be determined.
    """

    def __init__(self, policy_hash: str | None, why: str) -> None:
        which = "the current policy" if policy_hash is None else f"policy {policy_hash[:12]!r}"
        super().__init__(
            f"{which} in the store differs from the recorded one: {why}; it decides nothing. "
            "Find out who changed the database, and restore the row from a backup"
        )
        self.policy_hash, self.why = policy_hash, why


class PolicyUnreadable(HitlError):
    """A policy is stored as it was recorded, and this version or this machine cannot read it. It decides nothing.

    `policy_hash` is None for the current policy of a store in which none was activated.
    """

    def __init__(self, policy_hash: str | None, why: str) -> None:
        which = "the current policy" if policy_hash is None else f"policy {policy_hash[:12]!r}"
        super().__init__(
            f"{which} is stored as the ledger records it, and this installation cannot read it: {why}; "
            "correct that, or use the version that recorded it"
        )
        self.policy_hash, self.why = policy_hash, why


class SealKeyMissing(HitlError):
    """The store has sealed reviews of unfinished cases, and the key that sealed them is missing."""

    def __init__(self, url: str, where: object) -> None:
        super().__init__(
            f"store {url!r} has unfinished cases whose reviews were sealed with a key that is missing: there is no "
            f"{str(where)!r}; restore it from a backup, or give the key with HITL_SEAL_KEY"
        )
        self.url, self.where = url, str(where)


class TamperedReview(HitlError):
    """A review row is not what this code wrote: it was forged, altered, moved or reverted. No case finishes from it."""

    def __init__(self, review_id: str, why: str) -> None:
        super().__init__(
            f"review {review_id!r} was altered outside of this code: {why}; it decides nothing. "
            "Find out who changed the database, and restore the row from a backup"
        )
        self.review_id, self.why = review_id, why


class UnknownSealKey(TamperedReview):
    """A review row was sealed with a key that is not configured: this machine lacks it, or the row is forged."""

    def __init__(self, review_id: str, key_id: str) -> None:
        self.review_id, self.why = review_id, f"it was sealed with the key {key_id!r}, which is not configured here"
        HitlError.__init__(
            self,
            f"review {review_id!r} decides nothing: {self.why}; add that key to HITL_SEAL_KEY (seal_key). "
            "If no machine ever had it, the row is forged: restore it from a backup",
        )
        self.key_id = key_id


class ForgedState(HitlError):
    """The graph state of a case contradicts the ledger or belongs to another case. No case finishes from it."""

    def __init__(self, case_id: str, why: str) -> None:
        super().__init__(f"the state of case {case_id!r} is forged: {why}; 'hitl recover' resumes it from the tables")
        self.case_id, self.why = case_id, why


class InvalidState(HitlError):
    """The state of a case does not validate: a fault or a forgery, never a normal answer."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the state of this case is invalid: {why}")


class ThreadLost(InvalidState):
    """The thread of a case was deleted while another process was about to resume it."""

    def __init__(self, missing: Iterable[str]) -> None:
        super().__init__(f"it has no {' and no '.join(missing)}; the thread was deleted while the case ran")


class CheckpointUnreadable(HitlError):
    """The checkpoint of a case cannot be read, or was refused. It can be rebuilt from the tables."""

    def __init__(self, case_id: str, why: str) -> None:
        super().__init__(f"the checkpoint of case {case_id!r} cannot be read: {why}; 'hitl recover' rebuilds it")
        self.case_id, self.why = case_id, why


class UnsafeRow(HitlError):
    """A checkpoint row has a form that this code never writes. Nothing that it names was imported or called."""

    def __init__(self, why: str) -> None:
        super().__init__(f"a checkpoint row has a form that this code never writes: {why}")


class UnsafeSerializer(HitlError):
    """A poisoned row was read at start-up, so stored rows could run foreign code."""


class RequestRejected(HitlError, http_status=409):
    """The request is valid, and the answer is no."""


class UnknownCase(RequestRejected, http_status=404):
    """No case and no task has this id, or `is_task`: a task has it, and the call wants the id of a case."""

    def __init__(self, given_id: str, *, is_task: bool = False) -> None:
        ids = "'hitl audit list' and 'hitl inbox' show the ids"
        named = f"{given_id!r} is the id of a task, not of a case; pass it as task_id={given_id!r}"
        super().__init__(named if is_task else f"no case or task {shortened(given_id)!r} in this store; {ids}")
        self.given_id = given_id


class PolicyMismatch(RequestRejected):
    """A store with an active policy was opened with another one."""

    def __init__(self, active: str, given: str, policy_id: str) -> None:
        super().__init__(
            f"policy {policy_id!r} ({given[:12]}) cannot be used here: policy {active[:12]!r} is active in this store; "
            "leave out --policy (HITL_POLICY), or activate yours with 'hitl policy activate'"
        )
        self.active, self.given, self.policy_id = active, given, policy_id


class NoPreviousPolicy(RequestRejected):
    """The policy has no earlier version to roll back to."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the policy cannot be rolled back: {why}; 'hitl policy versions' lists the versions")


class TaskConflict(RequestRejected):
    """A task id was submitted again with other content. `stays`: the earlier case allows no resubmission either.

    `differences` has a phrase for each field that differs, with its earlier and its new value.
    """

    def __init__(self, task_id: str, case_id: str, differences: Sequence[str] = (), *, stays: bool = False) -> None:
        listed = "".join(f"; {each}" for each in differences)
        remedy = ", and allows no resubmission; give it a new task_id"
        again = "; give it a new task_id, or replace the case with resubmit=True (--resubmit)"
        super().__init__(
            f"task {task_id!r} was already submitted with other content as case {case_id!r}"
            + (remedy if stays else f"{listed}{again}")
        )
        self.task_id, self.case_id, self.differences = task_id, case_id, tuple(differences)


class ClassifierMissing(RequestRejected):
    """A case waits for the classifier of the application that submitted it, and this process has none."""

    def __init__(self, case_id: str) -> None:
        super().__init__(f"case {case_id!r} is not routed yet, and this process has no classifier: {_WITH_CLASSIFIER}")
        self.case_id = case_id


class CaseNotWaiting(RequestRejected):
    """A decision was made on a case that has no open review. `classifier`: it waits for the classifier."""

    def __init__(self, case_id: str, status: str, *, classifier: bool = False) -> None:
        resumes = _WITH_CLASSIFIER if classifier else "'hitl recover' resumes it"
        super().__init__(
            f"case {case_id!r} is not waiting for a decision: it is {status}; "
            + (resumes if status in _UNFINISHED else f"'hitl show {case_id}' shows its history")
        )
        self.case_id, self.status = case_id, status


class CaseUnfinished(RequestRejected):
    """A case cannot be redacted before it is finished: its reviewer needs the contents."""

    def __init__(self, case_id: str, status: str) -> None:
        remedy = (
            "'hitl recover' resumes it" if status in _UNFINISHED else f"decide it first, with 'hitl decide {case_id}'"
        )
        super().__init__(f"case {case_id!r} cannot be redacted: it is {status}, not finished; {remedy}")
        self.case_id, self.status = case_id, status


class CaseChanged(RequestRejected):
    """Another process moved this case to its next stage first. Read the case again."""

    def __init__(self, case_id: str, status: str) -> None:
        super().__init__(f"case {case_id!r} was moved to {status!r} by another process; read it again")
        self.case_id, self.status = case_id, status


class LeaseLost(CaseChanged):
    """Another process holds the lease of this case: the lease of this one expired, or it never had one."""

    def __init__(self, case_id: str, status: str) -> None:
        super().__init__(case_id, status)
        self.args = (f"case {case_id!r} is {status}, and another process holds its lease; read it again in a moment",)


class CaseBusy(RequestRejected):
    """Another worker runs this case, and did not finish in time. The case and its decision are stored."""

    def __init__(self, case_id: str, holder: str, since: datetime, until: datetime) -> None:
        super().__init__(
            f"case {case_id!r} is run by {holder} since {since.isoformat(timespec='seconds')}; it is stored, and what "
            f"was decided stands: read it later, or run 'hitl recover' after {until.isoformat(timespec='seconds')}, "
            "when that lease ends"
        )
        self.case_id, self.holder, self.since, self.until = case_id, holder, since, until


class ReviewAlreadyDecided(RequestRejected):
    """The review already has a decision, from another reviewer or with other content."""

    def __init__(self, review_id: str, reviewer: str, decision: str, decided_at: datetime) -> None:
        super().__init__(
            f"review {review_id!r} was already decided by {reviewer!r}: {decision} at "
            f"{decided_at.isoformat(timespec='seconds')}; the first decision stands"
        )
        self.review_id, self.reviewer, self.decision, self.decided_at = review_id, reviewer, decision, decided_at


class ReviewEscalated(ReviewAlreadyDecided):
    """The review already has a vote, whose content stays hidden, and a later review of the case is open."""

    def __init__(self, review_id: str, reviewer: str, decided_at: datetime) -> None:
        super().__init__(review_id, reviewer, "a vote", decided_at)
        self.args = (
            f"review {review_id!r} was answered by {reviewer!r} at {decided_at.isoformat(timespec='seconds')}, and the "
            "case now has another open review; read the case again, and decide that one",
        )


class ReviewExpired(RequestRejected, http_status=410):
    """The review expired before this decision."""

    def __init__(self, review_id: str, expired_at: datetime) -> None:
        super().__init__(
            f"review {review_id!r} expired at {expired_at.isoformat(timespec='seconds')} and no longer accepts "
            "decisions; 'hitl sweep' moves the case on, 'hitl show' names the role that decides now"
        )
        self.review_id, self.expired_at = review_id, expired_at


class ReviewClaimed(RequestRejected, http_status=423):
    """Another reviewer holds a claim on this review."""

    def __init__(self, review_id: str, reviewer: str, until: datetime) -> None:
        super().__init__(
            f"review {review_id!r} is claimed by {reviewer!r} until {until.isoformat(timespec='seconds')}; "
            "choose another review, ask them to release it, or wait until then; a reviewer with a role above theirs "
            "may take it over ('hitl claim --take-over')"
        )
        self.review_id, self.reviewer, self.until = review_id, reviewer, until


class ReviewWithdrawn(RequestRejected, http_status=410):
    """The case of this review was canceled or superseded before a decision."""

    def __init__(self, review_id: str, how: str, by: str, at: datetime) -> None:
        super().__init__(
            f"review {review_id!r} was {how} by {by} at {at.isoformat(timespec='seconds')} and no longer accepts "
            "decisions; 'hitl inbox' lists the open reviews"
        )
        self.review_id, self.how, self.by, self.at = review_id, how, by, at


class KeyReused(RequestRejected):
    """An idempotency key was used before, for another answer or another case."""

    def __init__(self, key: str, review_id: str, differing: Sequence[str] = ()) -> None:
        where = f"; this one has another {', '.join(differing)}" if differing else ""
        super().__init__(
            f"idempotency key {key!r} was used for another answer, to review {review_id!r}{where}; "
            "send that answer again unchanged, or use a new key for this one"
        )
        self.key, self.review_id, self.differing = key, review_id, tuple(differing)


class StaleReview(RequestRejected, http_status=412):
    """The decision names the digest of other content than the review shows now."""

    def __init__(self, review_id: str, named: str, shown: str) -> None:
        super().__init__(
            f"review {review_id!r}: the decision is about {named[:12]!r}, but the review shows {shown[:12]!r}; "
            "read the case again and decide on its current content"
        )
        self.review_id, self.named, self.shown = review_id, named, shown


class NotAuthorized(RequestRejected, http_status=403):
    """This reviewer may not make this decision, or not do what `what` names."""

    def __init__(self, reviewer_id: str, why: str, what: str = "decide this") -> None:
        super().__init__(f"reviewer {reviewer_id!r} may not {what}: {why}")
        self.reviewer_id, self.why = reviewer_id, why


class TopOfChain(RequestRejected):
    """The case is already with the top of the escalation chain."""

    def __init__(self, case_id: str, role: str, choices: Sequence[str]) -> None:
        super().__init__(
            f"case {case_id!r} is already with {role!r}, the top of the chain; "
            f"decide it with {', '.join(choices[:-1])} or {choices[-1]}"
        )
        self.case_id, self.role = case_id, role


class GraphVersionMismatch(RequestRejected):
    """A case was paused under a graph version that this code cannot resume."""

    def __init__(self, case_id: str, paused_under: str, running: str) -> None:
        super().__init__(
            f"case {case_id!r} was routed under graph {paused_under!r}, this code runs graph {running!r}; "
            "resume it with the version that routed it, or submit the task under a new task_id"
        )
        self.case_id, self.paused_under, self.running = case_id, paused_under, running


class LedgerDamaged(RequestRejected, http_status=500):
    """The ledger was altered or damaged, so no head is signed and no proof is made from it."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the ledger was tampered with or damaged: {problem}; 'hitl audit verify' checks all of it")
        self.problem = problem


class RecoveryIncomplete(RequestRejected, http_status=500):
    """Some unfinished cases could not be resumed. `failures` has the error of each, by case id."""

    def __init__(self, failures: Mapping[str, Exception], moved: int) -> None:
        causes = [f"case {case_id!r}: {exc}" for case_id, exc in islice(failures.items(), _MAX_CAUSES)]
        causes += [f"and {len(failures) - _MAX_CAUSES} more"] if len(failures) > _MAX_CAUSES else []
        super().__init__(
            f"{len(failures)} unfinished cases could not be moved on, {moved} could: {'; '.join(causes)}; "
            "fix the cause and repeat the command"
        )
        self.failures, self.moved = dict(failures), moved


for _public in (HitlError, InvalidInput, RequestRejected):
    _public.__module__ = "hitl_orchestrator"  # the name that users import
