"""The ports of the nodes. Their docstrings are contracts."""

from typing import Any, NamedTuple, Protocol

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.counting.counters import Counted, Counter
from hitl_orchestrator.domain.decision import Facts, Routing, RoutingDecision
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task


class Classifier(Protocol):
    """Returns an agent output for a task; any LangChain `Runnable[Task, AgentOutput]` is one."""

    def invoke(self, task: Task) -> Any:
        """Return an `AgentOutput` or a `Proposal`, or a dict or a typed object with the fields of one."""


class AsynchronousClassifier(Protocol):
    """A classifier for event loops."""

    async def ainvoke(self, task: Task) -> Any:
        """Return what `Classifier.invoke` returns."""


class Answer(NamedTuple):
    """The output of a classifier, or why it gave none; without both the classifier proposes nothing."""

    output: AgentOutput | None
    error: str | None = None


class Classify(Protocol):
    """The classifier with the treatment of its failures."""

    def answer(self, task: Task) -> Answer:
        """Return the output for a task, or the error for the reviewer."""


class Rules(Protocol):
    """The policies in force."""

    def decide(self, policy_hash: str, facts: Facts, task_id: str | None = None) -> RoutingDecision:
        """Return the stricter answer of the policy of the case and the active policy. Reads no clock and no file.

        A canary policy alone decides the tasks drawn for it.
        """

    def answer(self, submission: Submission, facts: Facts) -> RoutingDecision:
        """Return the decision about a submission, with the draw that may hold it for a person."""

    def route(self, submission: Submission, facts: Facts) -> RoutingDecision:
        """Return the routing of a new case, with the answer of a shadow policy, which has no effect."""

    def counters(self, policy_hash: str) -> tuple[Counter, ...]:
        """Return the counters of the policy of a case, and of all others that are in force, ordered by their keys."""

    def as_declared(self, submission: Submission, counted: tuple[Counted, ...]) -> tuple[Counted, ...]:
        """Return values of counters, unknown where a policy that decides declares the field `same` otherwise."""


class History(Protocol):
    """What the ledger counts."""

    def before(self, submission: Submission) -> tuple[Counted, ...]:
        """Return the values of the counters that the policies for a case have.

        They may change until the case is recorded, which routes it again by those of that moment. Where the caller
        records the result of the run, they are left to it.
        """


class Outputs(Protocol):
    """The output schemas of the task types."""

    def check(self, task_type: str, proposal: Proposal) -> None:
        """Validate an output by the schema of its type, if there is one.

        Raises:
            InvalidInput: with every problem and its path.
        """

    def of(self, task_type: str) -> dict[str, Any] | None:
        """Return the JSON Schema of a task type, None if it has none."""


class Inbox(Protocol):
    """The review table. It holds the decisions; the value that resumes the graph does not."""

    def open(self, submission: Submission, routing: Routing | None) -> StoredReview:
        """Return the latest review of this case; open the first one if there is none.

        `routing` is the one that this run computed; None in a run that started from a checkpoint:
        such a run opens no review.

        Raises:
            TamperedReview: the row, or the decision in it, was not written by this code.
            ForgedState: there is no review, and this run computed no routing to open one with.
        """

    def hear(self, row: StoredReview, answer: Review | None) -> StoredReview:
        """Return the current review, after submitting `answer`, if any, to the same checks as every decision.

        An invalid or unauthorized answer changes nothing: the review stays open.
        """


class Records(Protocol):
    """The store of outcomes."""

    def close(self, submission: Submission, routing: Routing | None) -> AuditRecord:
        """Write the outcome of a case, once, from the tables; a second call returns the first record.

        `routing` is the one that this run computed. Without one, only a recorded human decision can finish the case.

        Raises:
            IncompleteOutcome: the case needs a reviewer, and no final decision is recorded.
            TamperedReview: the recorded decision was not written by this code.
            ForgedState: the submission differs from the one in the ledger.
        """


class Alarms(Protocol):
    """The log of data that this code did not write."""

    def alarm(self, case_id: str, cause: str) -> None:
        """Record an integrity alarm in the ledger, once per case and cause."""


class Payloads(Protocol):
    """The store of large values, by the SHA-256 of their text."""

    def keep(self, digest: str, body: str, case_id: str = "") -> None:
        """Store a text of a case. Storing it again changes nothing."""

    def kept(self, digest: str) -> str:
        """Return a stored text. Raises `KeyError` if there is none."""
