"""Every error this package raises on purpose, one tree under `HitlError`.

Two branches tell a caller what kind of answer it got: `InvalidInput` (what was given cannot be used; the
command line exits 2) and `RequestRejected` (it could be read, and the answer is no; the command line exits 1).
Every error keeps the ids it speaks of as attributes, and its sentence names the thing, the value and the remedy.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

_UNFINISHED = ("received", "decided")


class HitlError(Exception):
    """The root of every error this package raises on purpose."""


class InvalidInput(HitlError):
    """What was given cannot be used, and nothing was stored of it. `problems` holds a sentence each, with its place."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def install_hint(extra: str) -> str:
    """Return how to install an optional extra: from a clone and from a wheel file, since no package index has it."""
    return (
        f"install the extra {extra!r}: pip install '.[{extra}]' in a clone, "
        f"or pip install 'WHEEL[{extra}]' with the path of the wheel file"
    )


class PolicyMissing(InvalidInput):
    """No policy was given or activated, and the one that comes with the package is for other roles."""

    def __init__(self, roles: Iterable[str]) -> None:
        why = "none was given, used or activated here, and the one that comes with the package is for other roles than"
        remedy = "give yours with --policy (HITL_POLICY; policy= in the library), or begin with 'hitl policy activate'"
        super().__init__([f"policy: {why} {', '.join(roles)}; {remedy}"])


class StoreUnavailable(HitlError):
    """The store cannot be opened, read or written."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(f"store {url!r} cannot be used: {cause}")
        self.url, self.cause = url, cause


class IncompatibleRecord(HitlError):
    """A case was stored in a form that this code does not read: by code of another version, or by no code of ours."""

    def __init__(self, case_id: str, graph_version: str | None, why: str) -> None:
        under = f" under graph {graph_version!r}" if graph_version else ""
        super().__init__(
            f"case {case_id!r} was stored{under} in a form that this code does not read: {why}; "
            "read it with the version that stored it"
        )
        self.case_id, self.graph_version, self.why = case_id, graph_version, why


class HeadFileUnavailable(HitlError):
    """The file of signed heads cannot be read or written."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"the file of signed heads {where!r} cannot be used: {why}")
        self.where = where


class IncompleteOutcome(HitlError):
    """A case was about to finish without the person it needs. This is a fault, never a normal answer."""

    def __init__(self, case_id: str, why: str) -> None:
        super().__init__(f"case {case_id!r} cannot be finished: {why}")
        self.case_id = case_id


class InvalidKey(HitlError):
    """A key cannot be used: its file is not private or not readable, or what it holds is no key."""

    def __init__(self, where: object, why: str) -> None:
        super().__init__(f"key {str(where)!r} cannot be used: {why}")
        self.where, self.why = str(where), why


class TamperedPolicy(HitlError):
    """A policy in the store is not the one that was recorded under its hash. Nothing is routed or decided by it.

    `policy_hash` is None where it is the current one, whose hash cannot be told.
    """

    def __init__(self, policy_hash: str | None, why: str) -> None:
        which = "the current policy" if policy_hash is None else f"policy {policy_hash[:12]!r}"
        super().__init__(
            f"{which} in the store is not what was recorded: {why}; nothing is decided by it. "
            "Find out who changed the database, and restore the row from a back-up"
        )
        self.policy_hash, self.why = policy_hash, why


class SealKeyMissing(HitlError):
    """A store has sealed reviews of unfinished cases, and the key that sealed them is gone."""

    def __init__(self, url: str, where: object) -> None:
        super().__init__(
            f"store {url!r} has unfinished cases whose reviews were sealed with a key that is missing: there is no "
            f"{str(where)!r}; restore it from its back-up, or give the key with HITL_SEAL_KEY"
        )
        self.url, self.where = url, str(where)


class TamperedReview(HitlError):
    """A review is not what this code wrote: it was forged, altered, moved, or taken back. No case finishes from it."""

    def __init__(self, review_id: str, why: str) -> None:
        super().__init__(
            f"review {review_id!r} was not written by this code as it stands: {why}; nothing is done with it. "
            "Find out who changed the database, and restore the row from a back-up"
        )
        self.review_id, self.why = review_id, why


class ForgedState(HitlError):
    """The graph's state of a case is not what its nodes and its ledger made of it. No case finishes from it."""

    def __init__(self, case_id: str, why: str) -> None:
        super().__init__(f"the state of case {case_id!r} is not its own: {why}; 'hitl recover' runs it from its tables")
        self.case_id, self.why = case_id, why


class RequestRejected(HitlError):
    """The question was understood, and the answer is no."""


class UnknownCase(RequestRejected):
    """No case and no task has this id."""

    def __init__(self, given_id: str) -> None:
        super().__init__(f"no case or task {given_id!r} in this store; 'hitl audit list' and 'hitl inbox' show the ids")
        self.given_id = given_id


class PolicyMismatch(RequestRejected):
    """A store whose policy was activated was opened with another one."""

    def __init__(self, active: str, given: str, policy_id: str) -> None:
        super().__init__(
            f"policy {policy_id!r} ({given[:12]}) cannot be used here: this store is ruled by policy {active[:12]!r}, "
            "which was activated in it; leave --policy (HITL_POLICY) out, or activate yours with 'hitl policy activate'"
        )
        self.active, self.given, self.policy_id = active, given, policy_id


class NoPreviousPolicy(RequestRejected):
    """There is no version of the policy to go back to."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the policy cannot be rolled back: {why}; 'hitl policy versions' lists what there is")


class TaskConflict(RequestRejected):
    """A task id came again with other content. `stays`: the case before takes no newer attempt either."""

    def __init__(self, task_id: str, case_id: str, *, stays: bool = False) -> None:
        remedy = ", and takes no newer attempt; give it a new task_id"
        super().__init__(
            f"task {task_id!r} was already submitted with other content as case {case_id!r}"
            + (remedy if stays else "; give it a new task_id, or ask for a resubmission")
        )
        self.task_id, self.case_id = task_id, case_id


class CaseNotWaiting(RequestRejected):
    """A decision came for a case that waits for nobody."""

    def __init__(self, case_id: str, status: str) -> None:
        super().__init__(
            f"case {case_id!r} does not wait for a decision: it is {status}; "
            + ("'hitl recover' drives it on" if status in _UNFINISHED else f"'hitl show {case_id}' tells why")
        )
        self.case_id, self.status = case_id, status


class CaseUnfinished(RequestRejected):
    """The contents of a case were to be erased while somebody may still need them."""

    def __init__(self, case_id: str, status: str) -> None:
        remedy = (
            "'hitl recover' drives it on" if status in _UNFINISHED else f"decide it first, with 'hitl resume {case_id}'"
        )
        super().__init__(f"case {case_id!r} cannot be redacted: it is {status}, not finished; {remedy}")
        self.case_id, self.status = case_id, status


class CaseChanged(RequestRejected):
    """Another process took this case a step further first; reading it again shows where it stands."""

    def __init__(self, case_id: str, status: str) -> None:
        super().__init__(f"case {case_id!r} was moved on to {status!r} by another process; read it again")
        self.case_id, self.status = case_id, status


class LeaseLost(CaseChanged):
    """Another process drives this case now, since the time of this one was up, or it never held the case."""

    def __init__(self, case_id: str, status: str) -> None:
        super().__init__(case_id, status)
        self.args = (f"case {case_id!r} is {status}, and driven by another process; read it again in a moment",)


class ReviewAlreadyDecided(RequestRejected):
    """Somebody else's answer, or another answer, stands."""

    def __init__(self, review_id: str, reviewer: str, decision: str, decided_at: datetime) -> None:
        super().__init__(
            f"review {review_id!r} was already decided by {reviewer!r}: {decision} at "
            f"{decided_at.isoformat(timespec='seconds')}; the first decision stands"
        )
        self.review_id, self.reviewer, self.decision, self.decided_at = review_id, reviewer, decision, decided_at


class ReviewEscalated(ReviewAlreadyDecided):
    """Somebody gave one of several votes here. What they said is not told: the next answers for themselves."""

    def __init__(self, review_id: str, reviewer: str, decided_at: datetime) -> None:
        super().__init__(review_id, reviewer, "a vote", decided_at)
        self.args = (
            f"review {review_id!r} was answered by {reviewer!r} at {decided_at.isoformat(timespec='seconds')}, and the "
            "case asks the next person now; look at it again, and answer that review",
        )


class ReviewExpired(RequestRejected):
    """The answer came too late: nobody had answered in time."""

    def __init__(self, review_id: str, expired_at: datetime) -> None:
        super().__init__(
            f"review {review_id!r} takes no answer since {expired_at.isoformat(timespec='seconds')}: its time was up; "
            "'hitl sweep' carries on with the case, 'hitl show' tells who is asked now"
        )
        self.review_id, self.expired_at = review_id, expired_at


class ReviewClaimed(RequestRejected):
    """Somebody else is at this review."""

    def __init__(self, review_id: str, reviewer: str, until: datetime) -> None:
        super().__init__(
            f"review {review_id!r} is claimed by {reviewer!r} until {until.isoformat(timespec='seconds')}; "
            "take another one, ask them to release it, or wait until then"
        )
        self.review_id, self.reviewer, self.until = review_id, reviewer, until


class ReviewWithdrawn(RequestRejected):
    """The case of this review was canceled, or a newer attempt took its place, before anybody decided it."""

    def __init__(self, review_id: str, how: str, by: str, at: datetime) -> None:
        super().__init__(
            f"review {review_id!r} was {how} by {by} at {at.isoformat(timespec='seconds')}, and takes no answer; "
            "'hitl inbox' lists what still waits"
        )
        self.review_id, self.how, self.by, self.at = review_id, how, by, at


class KeyReused(RequestRejected):
    """An idempotency key came again with another answer, or for another case."""

    def __init__(self, key: str, review_id: str) -> None:
        super().__init__(
            f"idempotency key {key!r} was used for another answer, to review {review_id!r}; "
            "send that answer again as it was, or give this one a key of its own"
        )
        self.key, self.review_id = key, review_id


class StaleReview(RequestRejected):
    """The decision names a digest of something other than what the review shows now."""

    def __init__(self, review_id: str, named: str, shown: str) -> None:
        super().__init__(
            f"review {review_id!r}: the decision is about {named[:12]!r}, but the review shows {shown[:12]!r}; "
            "look at the case again and decide on what it shows now"
        )
        self.review_id, self.named, self.shown = review_id, named, shown


class NotAuthorized(RequestRejected):
    """This reviewer may not take this decision, or do `what` they are about to."""

    def __init__(self, reviewer_id: str, why: str, what: str = "decide this") -> None:
        super().__init__(f"reviewer {reviewer_id!r} may not {what}: {why}")
        self.reviewer_id, self.why = reviewer_id, why


class TopOfChain(RequestRejected):
    """There is nobody above to escalate to."""

    def __init__(self, case_id: str, role: str) -> None:
        super().__init__(
            f"case {case_id!r} is already with {role!r}, the top of the chain; "
            "decide it with approve, reject, modify or override"
        )
        self.case_id, self.role = case_id, role


class GraphVersionMismatch(RequestRejected):
    """A case was paused under a graph that this code no longer has."""

    def __init__(self, case_id: str, paused_under: str, running: str) -> None:
        super().__init__(
            f"case {case_id!r} was routed under graph {paused_under!r}, this code runs graph {running!r}; "
            "resume it with the version that routed it, or submit the task under a new task_id"
        )
        self.case_id, self.paused_under, self.running = case_id, paused_under, running


class LedgerDamaged(RequestRejected):
    """The ledger is not what was written, so that nothing is signed or proven on it."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the ledger was tampered with or damaged: {problem}; 'hitl audit verify' looks through all of it"
        )
        self.problem = problem


class RecoveryIncomplete(RequestRejected):
    """Some unfinished cases could not be driven on. `failures` holds what went wrong, by case id."""

    def __init__(self, failures: Mapping[str, Exception], moved: int) -> None:
        told = "; ".join(f"case {case_id!r}: {exc}" for case_id, exc in failures.items())
        super().__init__(
            f"{len(failures)} unfinished cases could not be driven on, {moved} could: {told}; "
            "mend the cause and recover again"
        )
        self.failures, self.moved = dict(failures), moved
