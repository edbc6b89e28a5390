"""Requests that are valid, and whose answer is no."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

from hitl_orchestrator.errors.base import RequestRejected, shortened

_UNFINISHED = ("received", "decided")
_MAX_CAUSES = 20
_WITH_CLASSIFIER = (
    "call recover() in the application that opens the store with its classifier, or name its orchestrator: "
    "'hitl recover --app module:hitl'"
)


class UnknownCase(RequestRejected, http_status=404):
    """No case and no task has this id, or `is_task`: a task has it, and the call wants the id of a case."""

    def __init__(self, given_id: str, *, is_task: bool = False) -> None:
        ids = "'hitl audit list' and 'hitl inbox' show the ids"
        named = f"{given_id!r} is the id of a task, not of a case; pass it as task_id={given_id!r}"
        super().__init__(named if is_task else f"no case or task {shortened(given_id)!r} in this store; {ids}")
        self.given_id = given_id


class PeopleMismatch(RequestRejected):
    """A store was opened with other people than those in force."""

    def __init__(self, current: str, given: str, *, placeholders: bool = False) -> None:
        which = "the bundled placeholder reviewers are" if placeholders else f"the reviewers file ({given[:12]}) is"
        super().__init__(
            f"{which} not in force in this store, which has the people {current[:12]!r}; "
            "leave out --reviewers (HITL_REVIEWERS, reviewers=), or propose them with 'hitl people propose FILE'"
        )
        self.current, self.given = current, given


class PolicyMismatch(RequestRejected):
    """A store was opened with another policy than the active one."""

    def __init__(self, active: str, given: str, policy_id: str) -> None:
        super().__init__(
            f"policy {policy_id!r} ({given[:12]}) cannot be used here: policy {active[:12]!r} is active in this store; "
            "leave out --policy (HITL_POLICY), or activate yours with 'hitl policy activate'"
        )
        self.active, self.given, self.policy_id = active, given, policy_id


class NoPreviousPolicy(RequestRejected):
    """The store has no such version of the policy, or no earlier one to roll back to."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no such version of the policy: {why}; 'hitl policy versions' lists the versions")


class UndoRefused(RequestRejected):
    """One person alone may not undo the latest change of the policy."""

    def __init__(self, why: str) -> None:
        remedy = "'hitl policy rollback' goes back, with a second person where that is looser"
        super().__init__(f"there is nothing that you may undo alone: {why}; {remedy}")


class TaskConflict(RequestRejected):
    """A task id was submitted again with other content. `stays`: the earlier case allows no resubmission either.

    `live`: it is a live case, which no record may replace.
    `differences` has a phrase for each field that differs, with its earlier and its new value.
    """

    def __init__(
        self,
        task_id: str,
        case_id: str,
        differences: Sequence[str] = (),
        *,
        stays: bool = False,
        live: bool = False,
    ) -> None:
        listed = "".join(f"; {each}" for each in differences)
        remedy = ", and allows no resubmission; give it a new task_id"
        if live:
            remedy = ", which is live, and no record may replace it; give the record a new task_id"
        again = "; give it a new task_id, or replace the case with resubmit=True (--resubmit)"
        if task_id.startswith("call:"):
            again = "; it is a call that was asked about: use another key for another call (key=, call_id)"
        super().__init__(
            f"task {task_id!r} was already submitted with other content as case {case_id!r}"
            + (remedy if stays or live else f"{listed}{again}")
        )
        self.task_id, self.case_id, self.differences = task_id, case_id, tuple(differences)


class TaskOfAnother(RequestRejected):
    """A task was resubmitted, and the earlier attempt belongs to another submitter, or to one who is not recorded."""

    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"task {task_id!r} cannot be resubmitted here: its earlier attempt belongs to another submitter; "
            "name that one (submitted_by=, --submitted-by), or leave out the resubmission"
        )
        self.task_id = task_id


class AmbiguousTask(RequestRejected):
    """Several submitters have a task with this id."""

    def __init__(self, task_id: str, case_ids: Sequence[str]) -> None:
        listed = ", ".join(case_ids[:_MAX_CAUSES]) + (" and more" if len(case_ids) > _MAX_CAUSES else "")
        super().__init__(f"task {task_id!r} names the cases of {len(case_ids)} submitters; pass a case_id: {listed}")
        self.task_id, self.case_ids = task_id, tuple(case_ids)


class ReplayedCase(RequestRejected):
    """A case repeats a record of the past: it is evidence, and takes part in nothing that happens now."""

    def __init__(self, case_id: str, what: str) -> None:
        super().__init__(
            f"case {case_id!r} repeats a record of the past and cannot be {what}: it is evidence, and nothing is "
            "carried out; submit a live task under another task_id"
        )
        self.case_id = case_id


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
    """A case cannot be redacted or proven before it is finished: its reviewer needs the contents, and decides alone."""

    def __init__(self, case_id: str, status: str, what: str = "redacted") -> None:
        remedy = (
            "'hitl recover' resumes it" if status in _UNFINISHED else f"decide it first, with 'hitl decide {case_id}'"
        )
        super().__init__(f"case {case_id!r} cannot be {what}: it is {status}, not finished; {remedy}")
        self.case_id, self.status = case_id, status


class StillWaiting(RequestRejected, TimeoutError):
    """A case was not finished in the time that a caller waits. The case is unchanged: wait again, or ask later.

    `waits_for` says for whom it waits.
    """

    def __init__(self, case_id: str, waits_for: str, seconds: float) -> None:
        super().__init__(
            f"case {case_id!r} is not finished after {seconds:g} seconds: it waits for {waits_for}; wait again, or ask "
            f"later ('hitl show {case_id}')"
        )
        self.case_id, self.waits_for, self.seconds = case_id, waits_for, seconds


class CaseChanged(RequestRejected):
    """Another process moved this case to its next stage first. Read the case again."""

    def __init__(self, case_id: str, status: str) -> None:
        super().__init__(f"case {case_id!r} was moved to {str(status)!r} by another process; read it again")
        self.case_id, self.status = case_id, status


class LeaseLost(CaseChanged):
    """Another process holds the lease of this case: the lease of this one expired, or it never had one."""

    def __init__(self, case_id: str, status: str) -> None:
        super().__init__(case_id, status)
        self.args = (f"case {case_id!r} is {status}, and another process holds its lease; read it again in a moment",)


class NewerAttempt(CaseChanged):
    """A newer attempt at the task took the place of this case, which is not routed any more: it ends as superseded."""

    def __init__(self, case_id: str, status: str) -> None:
        super().__init__(case_id, status)
        self.args = (
            f"case {case_id!r} is {status}, and a newer attempt at its task took its place; 'hitl recover' ends it",
        )


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
    """This reviewer may not make this decision, or not do what `what` names. `kind` is that of another principal."""

    def __init__(self, reviewer_id: str, why: str, what: str = "decide this", *, kind: str = "reviewer") -> None:
        super().__init__(f"{kind} {reviewer_id!r} may not {what}: {why}")
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
    """The ledger was altered or damaged, so nothing is appended, signed or proven. `case_id` is None if not known."""

    case_id: str | None = None

    def __init__(self, problem: str) -> None:
        super().__init__(f"the ledger was tampered with or damaged: {problem}; 'hitl audit verify' checks all of it")
        self.problem = problem


class UnknownLedgerKey(LedgerDamaged):
    """A row of the ledger was sealed with a key that is not configured: this machine lacks a key, or it is forged."""

    def __init__(self, what: str, key_id: str) -> None:
        self.problem = f"{what} was sealed with the key {key_id[:40]!r}, which is not configured here"
        remedy = "add that key to HITL_SEAL_KEY (seal_key); if no machine ever had it, the row is forged"
        RequestRejected.__init__(self, f"the ledger cannot be verified: {self.problem}; {remedy}")
        self.key_id = key_id


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
