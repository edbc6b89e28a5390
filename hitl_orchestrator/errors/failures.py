"""Failures of stores, keys, classifiers and stored data, and a missing policy."""

from collections.abc import Iterable

from hitl_orchestrator.errors.base import HitlError, InvalidInput


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


class ResumerFailed(HitlError):
    """A caller that waits for the decision on a case was not resumed. It is tried again."""

    def __init__(self, case_id: str, graph: str, why: str) -> None:
        super().__init__(
            f"the caller of case {case_id!r} in the graph {graph!r} was not resumed: {why}; 'hitl recover' with its "
            "application (--app) tries again"
        )
        self.case_id, self.graph, self.why = case_id, graph, why


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
            f"{which} in the store differs from the recorded one: {why}; nothing is decided under it until its row is "
            "restored from a backup; find out who changed the database"
        )
        self.policy_hash, self.why = policy_hash, why


class TamperedPeople(HitlError):
    """The people in the store are not the recorded ones, or cannot be read here. No request is served without them."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the people of this store cannot be used: {why}; correct this installation, "
            "or find out who changed the database, and restore it from a backup"
        )
        self.why = why


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
    """The key that seals the ledger of a store is missing."""

    def __init__(self, url: str, where: object) -> None:
        super().__init__(
            f"store {url!r} was sealed with a key that is missing: there is no {str(where)!r}; "
            "restore it from a backup, or give the key with HITL_SEAL_KEY"
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
    """A review row was sealed with a key that is not configured: this machine lacks a key, or the row is forged."""

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
        super().__init__(f"the checkpoint of case {case_id!r} cannot be read: {why}; its next decision deletes it")
        self.case_id, self.why = case_id, why


class UnsafeRow(HitlError):
    """A checkpoint row has a form that this code never writes. Nothing that it names was imported or called."""

    def __init__(self, why: str) -> None:
        super().__init__(f"a checkpoint row has a form that this code never writes: {why}")


class UnsafeSerializer(HitlError):
    """A poisoned row was read at start-up, so stored rows could run foreign code."""
