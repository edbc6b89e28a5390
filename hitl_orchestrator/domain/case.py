"""A case: one submission of one task, from intake to outcome."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import EXECUTION_CHECK, CaseStage, HumanDecision, QualityCheckKind
from hitl_orchestrator.domain.execution import CallForm, Gated
from hitl_orchestrator.domain.input.constructed import Constructed
from hitl_orchestrator.domain.review import RecordedDecision, StoredReview
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task, requester_fields
from hitl_orchestrator.domain.value import (
    FreeJson,
    Identifier,
    Label,
    Text,
    UtcDatetime,
    Value,
    canonical_json,
    public,
)

REPLAYED = "replayed"
"""The status of a finished case that repeats a record of the past."""

_MOST_KEPT, _MOST_ATTEMPTS = 20_000, 100
_Address = Annotated[Text, Field(max_length=2000)]


class QualityCheck(Value):
    """Marks a case that measures reviewers. Reviewers cannot distinguish it, and its output is never executed.

    `expected` is the right decision of a gold case. A second review repeats the case `of` for a reviewer who is not in
    `not_by`.
    """

    kind: QualityCheckKind
    expected: HumanDecision | None = None
    of: Identifier | None = None
    not_by: tuple[Identifier, ...] = ()


class EarlierAttempt(Value):
    """Who took part in an earlier case of the same task, and may decide no later one.

    `requested_by` has the fields of its metadata that name requesters; they are `unknown` if they were erased, or too
    many to keep. `not_by` are the people who were barred by name.
    """

    submitted_by: Identifier | None = None
    requested_by: FreeJson = Field(default_factory=dict)
    not_by: tuple[Identifier, ...] = ()
    unknown: bool = False


class Submission(Value):
    """A case as it was submitted. `case_id` is also the id of its LangGraph thread.

    `submitted_by` is the submitter, if known: they may cancel the case, and never decide it. The id of a task is one
    of its submitter: two submitters may use the same one. `supersedes` is the case of the previous attempt, `earlier`
    has the people of all earlier ones. `awaits_classifier`: a worker with a classifier has to produce the missing
    output. A `replayed` case repeats a record of the past: it is evidence, and nothing is carried out. `gated` marks a
    case whose approved output is to be executed once; `call` is the form of that call, if it is known.
    `held` is why a person has to decide, whatever the policy says; empty if it alone decides.
    """

    case_id: Identifier
    task: Task
    output: AgentOutput | None
    policy_id: Label
    policy_hash: Label
    graph_version: Label
    received_at: UtcDatetime
    attempt: int = 1
    replayed: bool = False
    submitted_by: Identifier | None = None
    supersedes: Identifier | None = None
    quality_check: QualityCheck | None = None
    awaits_classifier: bool = False
    gated: Gated | None = None
    call: CallForm | None = None
    held: Text = ""
    earlier: tuple[EarlierAttempt, ...] = Field(default=(), repr=False)

    @property
    def submitter(self) -> str:
        """The submitter to whom the id of the task belongs; empty if none is known."""
        return self.submitted_by or ""

    def as_earlier(self, *, redacted: bool = False) -> tuple[EarlierAttempt, ...]:
        """Return the people of this case and of all attempts before it, for the next one."""
        named = requester_fields(self.task.metadata)
        is_unknown = redacted or len(canonical_json(named)) > _MOST_KEPT
        this = EarlierAttempt(
            submitted_by=self.submitted_by,
            requested_by={} if is_unknown else named,
            not_by=() if self.quality_check is None else self.quality_check.not_by,
            unknown=is_unknown,
        )
        if this in (*self.earlier, EarlierAttempt()):
            return self.earlier
        kept = self.earlier[:_MOST_ATTEMPTS]
        return (*kept, this if len(kept) < _MOST_ATTEMPTS else this.model_copy(update={"unknown": True}))

    @property
    def original(self) -> str | None:
        """The case that this one asks about again, or whose execution it asks about; None for a case of its own."""
        if self.task.task_type == EXECUTION_CHECK:
            return self.task.metadata.get("case_id")
        return None if self.quality_check is None else self.quality_check.of

    @property
    def judged_at(self) -> datetime:
        """The time that time conditions judge: the receipt by the store, or for a record of the past its own time."""
        return self.made_at if self.replayed else self.received_at

    @property
    def made_at(self) -> datetime:
        """The time at which the task was made; that of the submission if the task states none."""
        return self.task.timestamp or self.received_at


@public
class UnfinishedCase(Value):
    """A case that is neither finished nor waits for a reviewer: no inbox lists it.

    `running` is whether a live worker has its lease; `recover` resumes all others.
    """

    case_id: Identifier
    task_id: Identifier
    stage: CaseStage
    running: bool


@public
class ParentCall(Constructed):
    """Where a caller waits for the decision on a case: a paused run of a graph.

    `graph` is the name under which an application registers a `Resumer`, never code. The other fields address the
    paused run for it: a LangGraph thread, its checkpoint namespace and interrupt, and the URL of a server.
    """

    graph: Label
    thread_id: _Address
    namespace: _Address = ""
    interrupt_id: _Address | None = None
    url: _Address | None = None


@public
class Wakeup(Value):
    """A caller that is not resumed yet with the decision on a finished case.

    `attempts` counts the deliveries that were started, `error` is that of the last one; the next one is due at
    `next_at`. `running` is whether a live worker delivers it now.
    """

    case_id: Identifier
    parent: ParentCall
    attempts: int = 0
    next_at: UtcDatetime
    error: str | None = None
    running: bool = False


@public
class Case(Value):
    """The current state of a case: its submission, stage, reviews, and audit record once it is finished.

    In a `redacted` case all text of agents and people was erased.
    """

    submission: Submission
    stage: CaseStage
    reviews: tuple[StoredReview, ...] = ()
    record: AuditRecord | None = None
    redacted: bool = False

    @property
    def case_id(self) -> str:
        """The case's id, which is also its LangGraph thread id."""
        return self.submission.case_id

    @property
    def task_id(self) -> str:
        """The id of the task that was submitted."""
        return self.submission.task.task_id

    @property
    def status(self) -> str:
        """The final decision once there is one; until then `received`, `waiting` or `decided`.

        A replayed case is `replayed` once it is finished; its record has the final decision of the past.
        """
        if self.record is None:
            return self.stage.value
        return REPLAYED if self.submission.replayed else self.record.final_decision.value

    @property
    def reason(self) -> str | None:
        """Why the case was routed as it was; None before it is routed."""
        routed = self._routed
        return None if routed is None else routed.reason

    @property
    def rule_id(self) -> str | None:
        """The rule that routed the case, `fallback` if none matched; None before it is routed."""
        routed = self._routed
        return None if routed is None else routed.rule_id

    @property
    def waiting_for(self) -> str | None:
        """The role whose decision the case waits for; None if it waits for none."""
        return None if self.open_review is None else self.open_review.role

    @property
    def _routed(self) -> "AuditRecord | RoutingDecision | None":
        return self.record or (self.reviews[-1].shown.routing.decision if self.reviews else None)

    @property
    def open_review(self) -> StoredReview | None:
        """The open review, if any: the last one without a decision. A masked case also hides earlier decisions."""
        last = self.reviews[-1] if self.reviews else None
        return last if last is not None and last.verdict is None else None

    @property
    def answered(self) -> RecordedDecision | None:
        """The last recorded decision, if any."""
        return next((row.verdict for row in reversed(self.reviews) if row.verdict is not None), None)

    @property
    def final_output(self) -> Proposal | None:
        """The output that may be carried out, if any: never of a replayed case, which is evidence of the past."""
        return None if self.record is None or self.submission.replayed else self.record.final_output

    def __repr__(self) -> str:
        """Return the id of the task and the status."""
        return f"<Case {self.task_id} {self.status}>"

    __str__ = __repr__
