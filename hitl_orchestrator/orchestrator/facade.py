"""The facade `Orchestrator`: few verbs, and namespaces from cases and reviews to audit and insights."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from hitl_orchestrator.domain import enums
from hitl_orchestrator.domain.case import Case, ParentCall
from hitl_orchestrator.domain.enums import OnClassifierError, OnClassifierErrorName
from hitl_orchestrator.domain.execution import CallKey
from hitl_orchestrator.domain.input.normalization import required
from hitl_orchestrator.domain.input.parsing import member_of
from hitl_orchestrator.domain.principal import Principal
from hitl_orchestrator.domain.review import Page, Review, ReviewRequest
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.execution.answers import Answer, Go, No, Waiting
from hitl_orchestrator.ledger.ports.claims import InboxFilter
from hitl_orchestrator.ledger.store.leases import LEASE_SECONDS
from hitl_orchestrator.nodes.traces import note_case, note_submission, note_verdict
from hitl_orchestrator.orchestrator.arguments import check_role, checked_arguments, output_of, review_of, task_of
from hitl_orchestrator.orchestrator.audit import Audit
from hitl_orchestrator.orchestrator.cases import Cases
from hitl_orchestrator.orchestrator.executions import Executions, beginning
from hitl_orchestrator.orchestrator.gate import Closing, Gate, case_id_of
from hitl_orchestrator.orchestrator.insights import Insights
from hitl_orchestrator.orchestrator.people import PeopleAdministration
from hitl_orchestrator.orchestrator.policy import PolicyAdministration
from hitl_orchestrator.orchestrator.reviews import Reviews
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.schemas import OutputSchemas
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authority import Verb
from hitl_orchestrator.services.cases import many
from hitl_orchestrator.services.cases.runner import WAIT_SECONDS
from hitl_orchestrator.services.cases.submission import Intake
from hitl_orchestrator.services.delivery.decided import DecidedPage, decided_since
from hitl_orchestrator.services.executions.executions import GRANT_SECONDS, Call
from hitl_orchestrator.services.maintenance import Notice
from hitl_orchestrator.settings import DEFAULT_STORE
from hitl_orchestrator.telemetry import Telemetry
from hitl_orchestrator.wiring.build import Services, open_services
from hitl_orchestrator.wiring.classifier import ATTEMPTS, SECONDS, ClassifierSource

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langgraph.types import RetryPolicy

    from hitl_orchestrator.ledger.keys.files import SealKey
    from hitl_orchestrator.ledger.keys.signing import SigningKey
    from hitl_orchestrator.policies.engine.risk import RiskRule
    from hitl_orchestrator.policies.engine.scoring import ScoreRules
    from hitl_orchestrator.policies.language.model import Policy
    from hitl_orchestrator.services.case_reader import Clock
    from hitl_orchestrator.services.delivery.resumers import Resumer
    from hitl_orchestrator.services.delivery.waiting import OnDecided

__all__ = ["Orchestrator"]


@checked_arguments
class Orchestrator(Closing):
    """Routes agent outputs, holds those that need a person, and records every outcome. Safe to share between threads.

    Every acknowledged submission and decision is committed before its method returns and survives a crash; `recover`
    resumes interrupted cases. Use it as a context manager, or call `close`.
    """

    def __init__(self, services: Services, acting: Acting = Acting()) -> None:  # noqa: B008 - an immutable value
        """Wrap services that `open` has built."""
        super().__init__(services)
        self._gate = Gate(services, acting)
        self.cases = Cases(services, acting)
        self.reviews = Reviews(services, acting)
        self.executions = Executions(services, acting)
        self.policy = PolicyAdministration(services, acting)
        self.people = PeopleAdministration(services, acting)
        self.audit, self.insights = Audit(services, acting), Insights(services, acting)
        self.resumers: MutableMapping[str, Resumer] = services.wakeups.resumers
        self._guarded = services.guarded

    @classmethod
    def open(
        cls,
        store: str = DEFAULT_STORE,
        *,
        policy: "str | Path | Mapping[str, Any] | Policy | None" = None,
        reviewers: "str | Path | Mapping[str, Any] | Sequence[Any] | People | None" = None,
        schemas: "str | Path | Mapping[str, Any] | OutputSchemas | None" = None,
        classifier: "ClassifierSource | None" = None,
        on_classifier_error: OnClassifierError | OnClassifierErrorName = OnClassifierError.HUMAN_REVIEW,
        classifier_attempts: "int | RetryPolicy" = ATTEMPTS,
        classifier_timeout: float | None = SECONDS,
        risk_rules: "Sequence[RiskRule]" = (),
        score_rules: "ScoreRules | str | Path | Mapping[str, Any] | None" = None,
        embeddings: "Embeddings | None" = None,
        seal_key: "SealKey | Sequence[SealKey] | None" = None,
        checkpoint_key: str | None = None,
        clock: "Clock | None" = None,
        lease: float = LEASE_SECONDS,
        wait: float = WAIT_SECONDS,
        grants_expire_after: float = GRANT_SECONDS,
        head_file: str | Path | Literal[False] | None = None,
        head_key: "str | Path | SigningKey | None" = None,
        head_every: int = 1000,
        tracing: bool = False,
        telemetry: bool | Telemetry = False,
        on_decided: "OnDecided | None" = None,
        resumers: "Mapping[str, Resumer] | None" = None,
    ) -> Self:
        """Open a store: `sqlite:///PATH`, `postgresql://USER@HOST/DATABASE` or `memory://`.

        Creates and migrates the store. `policy`, `reviewers` and `schemas` (JSON Schemas per task type) are files or
        values. A new store records the policy and the people, by default the bundled ones; later both come from the
        store, and change by `hitl.policy` and `hitl.people` alone. `classifier`, a `Runnable` or a function of the
        task, also asynchronous, produces missing outputs, in `classifier_attempts` calls (or by a `RetryPolicy`) of
        `classifier_timeout` seconds (None: no limit); if it fails, a reviewer gets the error, or with
        `on_classifier_error="raise"` the caller. `score_rules` rule the signals, by default those of the file beside
        the policy, or as recorded; `embeddings` compare texts. `seal_key` authenticates the store: hexadecimal text, a
        `Path` to it, a MAC function, or several, the newest first; by default a key file beside it. `checkpoint_key`
        encrypts checkpoints. A running case is leased for `lease` seconds, a grant of `ask` expires after
        `grants_expire_after`; a call waits `wait` seconds for another worker. `clock` sets event times. The ledger head
        is signed into `head_file` every `head_every` entries and on close; False signs none. Tracers and callbacks of
        the application see the graph only with `tracing`, OpenTelemetry only with `telemetry`. `on_decided` gets each
        case finished here; `resumers` resume callers.

        Raises:
            InvalidInput, InvalidKey, SealKeyMissing, PolicyMismatch, PeopleMismatch: an argument or key is refused.
            StoreUnavailable, TamperedPolicy, TamperedPeople: the store cannot be opened, or was altered.
        """
        arguments = {name: value for name, value in locals().items() if name != "cls"}
        return cls(open_services(**arguments))

    def acting_as(
        self, reviewer: str | None = None, *, channel: str = "library", principal: Principal | None = None
    ) -> "Orchestrator":
        """Return this orchestrator bound to a principal, a reviewer and a channel, which the ledger records.

        A face passes the `principal` that it has authenticated, whose own person is the reviewer. Without one the
        principal stays the same, which is the trusted local one for what `open` returns. The bound object shows and
        does what its principal may; it shares all resources with this one, and closing either closes both.

        Raises:
            NotAuthorized: a principal that is not local is bound to a reviewer other than its own.
        """
        return Orchestrator(self._services, Acting.of(reviewer, channel, principal or self._gate.acting.principal))

    def submit(
        self,
        task: Task | Mapping[str, Any],
        output: AgentOutput | Mapping[str, Any] | None = None,
        *,
        resubmit: bool = False,
        replay: bool = False,
        submitted_by: str | None = None,
        parent: ParentCall | None = None,
    ) -> Case:
        """Submit a task, and run its case until it finishes or waits for a reviewer.

        Submitting the same task with the same content returns the same case. With other content and `resubmit`, a new
        case supersedes the earlier one. `replay` marks a case whose times come from records, so that recorded reviews
        can decide it. `submitted_by` may cancel the case and never decides it. `parent` is where the caller waits (see
        `resumers`). Mappings have the fields of the values; one for the output need not repeat the `task_id`.

        Raises:
            InvalidInput: a field is missing or wrong, the output belongs to another task, the timestamp lies in the
                future, or an id is reserved.
            TaskConflict: the task id exists with other content, and `resubmit` is not set or not allowed.
            CaseBusy: another worker runs the case, and did not finish in time; the case is stored.
        """
        verb = Verb.REPLAY if replay else Verb.SUBMIT
        services, acting, catch_up = self._gate.to_new(verb)
        given = task_of(task)
        proposed, waits = output_of(output, given), None if parent is None else required(ParentCall, parent, "parent")
        intake = Intake(given, proposed, replay=replay, submitted_by=acting.submitter(submitted_by))
        with services.spans.span("hitl.submit") as span:
            case = services.submission.submit(intake, acting, resubmit=resubmit, catch_up=catch_up)
            note_submission(span, case)
        if waits is not None:
            case = services.wakeups.await_decision(case, waits)
        return self._gate.shown(case)

    def submit_many(
        self,
        tasks: many.Tasks,
        outputs: many.Outputs = None,
        *,
        chunk: int = many.CHUNK,
        on_invalid: many.OnInvalid = "refuse",
        on_case: Callable[[Case], None] = lambda case: None,
        on_refused: Callable[[many.RefusedTask], None] = lambda refused: None,
        on_progress: Callable[[many.SubmissionSummary], None] = lambda summary: None,
        resubmit: bool = False,
        replay: bool = False,
        submitted_by: str | None = None,
    ) -> many.SubmissionSummary:
        """Submit tasks of any iterable, also a generator, each as `submit` does; memory stays flat.

        `outputs` has one output or None for each task in order, or is a mapping by task id. The new cases of a `chunk`
        are stored together or not at all; then the callbacks follow, and `on_progress` gets the counts so far. After a
        crash submit the same tasks again: those that are stored are the same cases. An invalid task refuses them all
        before anything is stored, or its chunk where they come from a generator; with `on_invalid="skip"` it goes to
        `on_refused` alone, as a task that `submit` rejects always does.

        Raises:
            InvalidInput: a task or an argument is unusable, or a mapping has an output of no task.
        """
        services, acting = self._gate.to(Verb.REPLAY if replay else Verb.SUBMIT)
        admit = partial(self._gate.to, Verb.REPLAY if replay else Verb.SUBMIT)
        callbacks, submitter = (self._gate.shown, on_case, on_refused, on_progress), acting.submitter(submitted_by)
        asked = many.Asked(admit, chunk, on_invalid, *callbacks, resubmit, replay, submitter)
        with services.spans.span("hitl.submit_many"):
            return services.many.submit(tasks, outputs, acting, asked)

    def ask(
        self,
        key: CallKey | str,
        task: Task | Mapping[str, Any],
        output: AgentOutput | Mapping[str, Any] | None = None,
        *,
        audience: str = "",
        submitted_by: str | None = None,
        parent: ParentCall | None = None,
        arguments_schema: Mapping[str, Any] | None = None,
        takes_response: bool = False,
        held: str = "",
    ) -> Waiting | No | Go:
        """Ask whether a call of an agent may be made: submit the case of this very call, or find it again.

        The task gets the id of the key, so that asking again about the same call is the same case. `Go` carries what
        was approved, and a grant with which exactly one caller makes the call, once; `audience` names who that may be.
        `parent` is where the caller waits: after `Waiting` it is resumed once the case is decided (see `resumers`).
        Mappings need no `task_id`. `arguments_schema`, the JSON Schema of the arguments, is stored with a new case:
        every process that decides refuses an edit that does not fit it, or is of another function. With
        `takes_response` an override may have a text `response` in the place of `arguments`: the caller then takes it
        for the result, and makes no call. `held` is the reason to have a new case decided by a person, always.

        Raises:
            InvalidInput: the key, the task, the output or the schema is unusable.
            TaskConflict: the same call was asked about with other content; nothing is carried out.
            GrantRefused: its case was submitted without `ask`, or for another audience.
        """
        services, acting = self._gate.to(Verb.SUBMIT)
        given = task_of(task, task_id="call")  # replaced by the id of the key
        proposed = output_of(output, given)
        call = Call(key, given, proposed, audience, acting.submitter(submitted_by), parent)
        call = call._replace(arguments_schema=arguments_schema, takes_response=takes_response, held=held)
        with services.spans.span("hitl.ask") as span:
            answer = services.executions.ask(call, acting, beginning(self._gate, audience))
            note_submission(span, answer.case)
        shown = replace(answer, case=self._gate.shown(answer.case))
        return replace(shown, spans=services.spans) if isinstance(shown, Go) else shown

    def inbox(
        self,
        role: str | None = None,
        domain: str | None = None,
        limit: int = 200,
        *,
        reviewer: str | None = None,
        task_type: str | None = None,
        risk_level: enums.RiskLevel | enums.RiskName | None = None,
        overdue: bool = False,
        claimed_by: str | None = None,
        unclaimed: bool = False,
        after: str | None = None,
        count: bool = False,
    ) -> Page[ReviewRequest]:
        """Return the first open reviews: the earliest deadline first, then in the order in which they were opened.

        `role` is the role that may decide a review now, under the active policy. `reviewer`, by default the acting
        reviewer (see `acting_as`), keeps the reviews that this reviewer may decide now; `claimed_by` those that a
        reviewer has claimed; `unclaimed` those without a claim.

        `limit` counts matching reviews. If the page has `more`, pass the `review_id` of its last review as `after` for
        the next page; the id of its case or task will do. Reviews that are opened or decided meanwhile move no others:
        pages repeat and skip nothing. With `count` the page has the `total` of all pages, unless it is for a reviewer.

        Raises:
            InvalidInput: the limit is not in [1, 100,000], a name cannot be stored, `after` is no review, or no person
                has the role, which must not look like an empty inbox.
            NotAuthorized: the reviewer is unknown, or is not the acting one.
        """
        services, acting = self._gate.to(Verb.INBOX, reviewer=reviewer)
        risk = None if risk_level is None else member_of(enums.RiskLevel, risk_level, "inbox: risk_level")
        wanted = InboxFilter(role, domain, task_type, risk, overdue, claimed_by, unclaimed)
        page = services.inbox.requests(wanted, limit, reviewer=acting.reviewer, after=after, count=count)
        if role is not None and not page:
            check_role(role, services.people)
        return page

    def decide(
        self,
        case_id: str | None = None,
        decision: Review | enums.HumanDecision | enums.DecisionName | None = None,
        *,
        task_id: str | None = None,
        reviewer: str | None = None,
        feedback: str = "",
        reason: str = "",
        reason_code: str | None = None,
        output: Proposal | Mapping[str, Any] | None = None,
        confidence_assessment: enums.Assessment | enums.AssessmentName | None = None,
        review_id: str | None = None,
        shown_digest: str | None = None,
        idempotency_key: str | None = None,
    ) -> Case:
        """Record a reviewer's decision on a waiting case if it is the first, resume the case, and return it.

        `decision` is a `HumanDecision` such as `approve`, with the fields that it needs; or a `Review` that holds all
        of it. Everything is checked before anything is written. The same decision by the same reviewer again returns
        the same result. `shown_digest` names the content that the reviewer saw: another is rejected.

        Raises:
            CaseNotWaiting, ReviewAlreadyDecided, ReviewClaimed, ReviewExpired: the review accepts no decision now.
            NotAuthorized, TopOfChain, KeyReused, StaleReview, GraphVersionMismatch: the decision is rejected.
            InvalidInput: the decision lacks a field that it needs.
        """
        review = review_of(
            decision,
            human_feedback=feedback,
            reason=reason,
            reason_code=reason_code,
            modified_output=output,
            confidence_assessment=confidence_assessment,
            review_id=review_id,
            shown_digest=shown_digest,
            idempotency_key=idempotency_key,
        )
        services, acting, key = self._gate.to_case(Verb.DECIDE, case_id, task_id, reviewer=reviewer)
        with services.spans.span("hitl.decide") as span:
            case = services.decisions.decide(key, review, acting)
            note_case(span, case)
            note_verdict(span, case.answered)
        return self._gate.shown(case)

    def wait(self, case: Case | Answer | str, timeout: float | None = None) -> Case:
        """Return a case as soon as it is finished; without a timeout it waits for ever.

        `case` may be its id, or the answer of `ask`.

        A decision in this process wakes the caller at once; one elsewhere is seen after at most a second.

        Raises:
            StillWaiting: it is not finished after `timeout` seconds; it is a `TimeoutError` too.
            StoreClosed: the orchestrator was closed meanwhile.
            UnknownCase, InvalidInput: there is no such case, or the timeout is no number of seconds.
        """
        services, _, key = self._gate.to_case(Verb.READ_CASE, case_id_of(case), None)
        return services.waiters.wait(key.text, lambda: self._gate.shown(self._services.reader.get(key)), timeout)

    def decided_since(self, seq: int = 0, limit: int = 200) -> DecidedPage:
        """Return the first cases that finished after the ledger entry `seq`, in order, each with its number.

        Call it again with the `seq` of the page: every case is returned once, whatever is decided meanwhile. Cases that
        the system made itself, such as spot checks and changes of the policy, are left out. A principal that is not
        local gets the cases that it may read.

        Raises:
            InvalidInput: `seq` or `limit` is no such number.
        """
        services, acting = self._gate.to(Verb.READ_RECORDS)
        mine = services.authorization.filter_of(Verb.READ_RECORDS, acting)
        page = decided_since(services.ledger, seq, limit, mine)
        page[:] = [each._replace(case=self._gate.shown(each.case)) for each in page]
        return page

    def recover(self, on_case: Callable[[Case], None] = lambda case: None) -> list[Case]:
        """Resume every unfinished case that has no live owner, and delete checkpoints of finished cases.

        `on_case` is called with each resumed case. Repeated and concurrent calls are harmless.

        Raises:
            RecoveryIncomplete: some cases could not be resumed; all others were.
        """
        maintenance = self._gate.to(Verb.RECOVER).services.maintenance
        return list(map(self._gate.shown, maintenance.recover(lambda case: on_case(self._gate.shown(case)))))

    def run_maintenance(
        self,
        on_case: Callable[[Case], None] = lambda case: None,
        on_notice: Callable[[Notice], None] = lambda notice: None,
    ) -> list[Case]:
        """Send reminders, return lapsed claims, and expire overdue reviews; a server calls this on a timer.

        An overdue review is escalated or its case rejected, as its rule says; waiting never approves. `on_case` is
        called with each changed case, `on_notice` with each reminder and returned claim. Repeated and concurrent calls
        are harmless.

        Raises:
            RecoveryIncomplete: some reviews could not be processed; all others were.
        """
        maintenance = self._gate.to(Verb.MAINTAIN).services.maintenance
        moved = maintenance.run(lambda case: on_case(self._gate.shown(case)), on_notice)
        return list(map(self._gate.shown, moved))


Orchestrator.__module__ = "hitl_orchestrator"  # the name that users import
