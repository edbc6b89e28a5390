"""What the nodes ask of others. The docstrings are promises."""

from typing import Any, Protocol

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Facts, Routing, RoutingDecision
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.domain.task import Proposal, Task


class Classifier(Protocol):
    """Makes an agent output of a task: any LangChain `Runnable[Task, AgentOutput]` is one."""

    def invoke(self, task: Task) -> Any:
        """Return an `AgentOutput`, or a dict with its fields."""


class Rules(Protocol):
    """The policies in force."""

    def decide(self, policy_hash: str, facts: Facts, task_id: str | None = None) -> RoutingDecision:
        """Return the strictest of what the case's own policy and the active one say. Never reads a clock or a file.

        A canary decides alone about the tasks that it has drawn.
        """

    def route(self, submission: Submission, facts: Facts) -> RoutingDecision:
        """Return where a case goes that came in, and what a watched policy would have said, which changes nothing."""


class Outputs(Protocol):
    """What the outputs of a task type must look like."""

    def check(self, task_type: str, proposal: Proposal) -> None:
        """Pass an output that fits its type, or one of a type that nothing is said of.

        Raises:
            InvalidInput: it does not fit, with every problem and its place.
        """

    def of(self, task_type: str) -> dict[str, Any] | None:
        """Return the JSON Schema of a task type, None where nothing is said of it."""


class Inbox(Protocol):
    """Where people are asked. The table behind it is the truth; what wakes the graph up is not."""

    def open(self, submission: Submission, routing: Routing | None) -> StoredReview:
        """Return the latest review of this case; open the first one if there is none.

        `routing` is the one that this run computed; None in a run that started from a checkpoint:
        such a run opens no review.

        Raises:
            TamperedReview: the row, or the decision in it, was not written by this code.
            ForgedState: there is no review, and this run computed no routing to open one with.
        """

    def hear(self, row: StoredReview, answer: Review | None) -> StoredReview:
        """Return the review as it stands, after putting `answer`, where there is one, through the one decision.

        An unfit or unauthorized answer changes nothing: the review stays open, and the case asks again.
        """


class Records(Protocol):
    """Where outcomes are written."""

    def close(self, submission: Submission, routing: Routing | None) -> AuditRecord:
        """Write the outcome of a case, once, from the tables; a second call returns the first record.

        `routing` is the one that this run computed. Without one, only a recorded human decision can finish the case.

        Raises:
            IncompleteOutcome: the case needs a reviewer, and no final decision is recorded.
            TamperedReview: the recorded decision was not written by this code.
            ForgedState: the submission differs from the one in the ledger.
        """


class Alarms(Protocol):
    """Where it is written down that something was found which no code of ours wrote."""

    def alarm(self, case_id: str, cause: str) -> None:
        """Write it into the ledger; the same cause of a case once."""


class Payloads(Protocol):
    """Where large values are kept, by the SHA-256 of their text."""

    def keep(self, digest: str, body: str, case_id: str = "") -> None:
        """Keep a text of a case. Keeping it again changes nothing."""

    def kept(self, digest: str) -> str:
        """Return a kept text. Raises `KeyError` where there is none."""
