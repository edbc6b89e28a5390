"""All errors that this package raises on purpose: one tree under `HitlError`.

    HitlError                     500
    |-- InvalidInput              422  the input cannot be used, and nothing of it was stored; CLI exit code 2
    |   `-- PolicyMissing
    |-- RequestRejected           409  the request is valid, and the answer is no; CLI exit code 1
    |   |-- UnknownCase           404
    |   |-- NotAuthorized         403
    |   |-- TaskConflict, TaskOfAnother, AmbiguousTask, ReplayedCase
    |   |-- KeyReused, CaseNotWaiting, ClassifierMissing, CaseUnfinished, GraphVersionMismatch, TopOfChain
    |   |-- CaseBusy, AwaitingReview, CallRejected
    |   |-- StillWaiting               also a TimeoutError
    |   |-- AlreadyRunning, ExecutionUnknown, ExecutionFailed, ExecutionEnded
    |   |-- GrantRefused          403
    |   |-- CaseChanged
    |   |   |-- LeaseLost
    |   |   `-- NewerAttempt
    |   |-- ReviewAlreadyDecided
    |   |   `-- ReviewEscalated
    |   |-- ReviewExpired, ReviewWithdrawn 410
    |   |-- ReviewClaimed         423
    |   |-- StaleReview           412
    |   |-- PeopleMismatch, PolicyMismatch, NoPreviousPolicy, UndoRefused
    |   |-- LedgerDamaged         500
    |   |   `-- UnknownLedgerKey  500  or this machine lacks the key of the entry
    |   `-- RecoveryIncomplete    500
    |-- StoreUnavailable, HeadFileUnavailable 503
    |   `-- StoreClosed, of StoreUnavailable
    |-- InvalidKey, SealKeyMissing, IncompatibleRecord, IncompleteOutcome, ClassifierFailed, ResumerFailed, CaseNotMoved
    |-- PolicyUnreadable                                a recorded policy that this installation cannot read
    |-- TamperedPeople                                  people that were altered, or that cannot be read here
    |-- TamperedPolicy, TamperedReview, ForgedState     an altered row or state; an alarm is in the ledger
    |   `-- UnknownSealKey, of TamperedReview           or this machine lacks the key of the row
    |-- CheckpointUnreadable, UnsafeRow, UnsafeSerializer     a refused checkpoint
    `-- InvalidState
        `-- ThreadLost

`http_status` is the status that a server answers with. Every error keeps the ids in its message as attributes, and its
message names the object, the value and the remedy.
"""

from hitl_orchestrator.errors.base import (
    MOST_IN_A_MESSAGE,
    MOST_IN_A_PROBLEM,
    MOST_PROBLEMS,
    HitlError,
    InvalidInput,
    RequestRejected,
    install_hint,
    shortened,
    without_middle,
)
from hitl_orchestrator.errors.executions import (
    AlreadyRunning,
    AwaitingReview,
    CallRejected,
    ExecutionEnded,
    ExecutionFailed,
    ExecutionUnknown,
    GrantRefused,
)
from hitl_orchestrator.errors.failures import (
    CaseNotMoved,
    CheckpointUnreadable,
    ClassifierFailed,
    ForgedState,
    HeadFileUnavailable,
    IncompatibleRecord,
    IncompleteOutcome,
    InvalidKey,
    InvalidState,
    PolicyMissing,
    PolicyUnreadable,
    ResumerFailed,
    SealKeyMissing,
    StoreClosed,
    StoreUnavailable,
    TamperedPeople,
    TamperedPolicy,
    TamperedReview,
    ThreadLost,
    UnknownSealKey,
    UnsafeRow,
    UnsafeSerializer,
)
from hitl_orchestrator.errors.rejections import (
    AmbiguousTask,
    CaseBusy,
    CaseChanged,
    CaseNotWaiting,
    CaseUnfinished,
    ClassifierMissing,
    GraphVersionMismatch,
    KeyReused,
    LeaseLost,
    LedgerDamaged,
    NewerAttempt,
    NoPreviousPolicy,
    NotAuthorized,
    PeopleMismatch,
    PolicyMismatch,
    RecoveryIncomplete,
    ReplayedCase,
    ReviewAlreadyDecided,
    ReviewClaimed,
    ReviewEscalated,
    ReviewExpired,
    ReviewWithdrawn,
    StaleReview,
    StillWaiting,
    TaskConflict,
    TaskOfAnother,
    TopOfChain,
    UndoRefused,
    UnknownCase,
    UnknownLedgerKey,
)

__all__ = [
    "MOST_IN_A_MESSAGE",
    "MOST_IN_A_PROBLEM",
    "MOST_PROBLEMS",
    "AlreadyRunning",
    "AmbiguousTask",
    "AwaitingReview",
    "CallRejected",
    "CaseBusy",
    "CaseChanged",
    "CaseNotMoved",
    "CaseNotWaiting",
    "CaseUnfinished",
    "CheckpointUnreadable",
    "ClassifierFailed",
    "ClassifierMissing",
    "ExecutionEnded",
    "ExecutionFailed",
    "ExecutionUnknown",
    "ForgedState",
    "GrantRefused",
    "GraphVersionMismatch",
    "HeadFileUnavailable",
    "HitlError",
    "IncompatibleRecord",
    "IncompleteOutcome",
    "InvalidInput",
    "InvalidKey",
    "InvalidState",
    "KeyReused",
    "LeaseLost",
    "LedgerDamaged",
    "NewerAttempt",
    "NoPreviousPolicy",
    "NotAuthorized",
    "PeopleMismatch",
    "PolicyMismatch",
    "PolicyMissing",
    "PolicyUnreadable",
    "RecoveryIncomplete",
    "ReplayedCase",
    "RequestRejected",
    "ResumerFailed",
    "ReviewAlreadyDecided",
    "ReviewClaimed",
    "ReviewEscalated",
    "ReviewExpired",
    "ReviewWithdrawn",
    "SealKeyMissing",
    "StaleReview",
    "StillWaiting",
    "StoreClosed",
    "StoreUnavailable",
    "TamperedPeople",
    "TamperedPolicy",
    "TamperedReview",
    "TaskConflict",
    "TaskOfAnother",
    "ThreadLost",
    "TopOfChain",
    "UndoRefused",
    "UnknownCase",
    "UnknownLedgerKey",
    "UnknownSealKey",
    "UnsafeRow",
    "UnsafeSerializer",
    "install_hint",
    "shortened",
    "without_middle",
]

for _public in (AwaitingReview, HitlError, InvalidInput, RequestRejected):
    _public.__module__ = "hitl_orchestrator"  # the name that users import
