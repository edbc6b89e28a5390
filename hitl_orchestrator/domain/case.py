"""A case: one submission of one task, from intake to outcome."""

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.enums import CaseStage, HumanDecision, QualityCheckKind
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.domain.value import Identifier, Label, UtcDatetime, Value


class QualityCheck(Value):
    """Marks a case that measures reviewers: nobody sees that it does, and it is never carried out.

    A known answer says what a careful reviewer decides (`expected`); a second look repeats the case `of` for somebody
    else than the persons `not_by`.
    """

    kind: QualityCheckKind
    expected: HumanDecision | None = None
    of: Identifier | None = None
    not_by: tuple[Identifier, ...] = ()


class Submission(Value):
    """A case as it came in. `case_id` is also the id of its LangGraph thread.

    `submitted_by` is who submitted it, as far as the face knew: they may cancel it, and never decide it. `supersedes`
    is the case of the attempt before.
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


class Case(Value):
    """A case as it stands now: what came in, how far it is, its reviews, and its record once it is finished.

    Of a `redacted` one all that agents and people wrote was erased.
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
        """The final decision once there is one; until then `received`, `waiting` or `decided`."""
        return self.stage.value if self.record is None else self.record.final_decision.value

    @property
    def open_review(self) -> StoredReview | None:
        """The review that waits for a person, if any."""
        return next((review for review in self.reviews if review.verdict is None), None)

    @property
    def final_output(self) -> Proposal | None:
        """What may be carried out; None while nothing may."""
        return None if self.record is None else self.record.final_output
