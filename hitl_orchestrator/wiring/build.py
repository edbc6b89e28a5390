"""Build the services of an orchestrator on a store: the only module that chooses concrete collaborators."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from uuid_utils import uuid7

from hitl_orchestrator.domain.enums import OnClassifierError
from hitl_orchestrator.graph.topology import graph_version
from hitl_orchestrator.ledger.database.address import shown
from hitl_orchestrator.ledger.keys.files import SealKey, encryption_key
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.store.leases import LEASE_SECONDS
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.nodes.dependencies import NodeDependencies
from hitl_orchestrator.policies.engine.risk import RiskRule
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.policies.engine.signals.reviewed import Reviewed
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.schemas import OutputSchemas
from hitl_orchestrator.services.authorization import Authorization
from hitl_orchestrator.services.case_reader import CaseReader, Clock
from hitl_orchestrator.services.cases.audit_trail import AuditTrail
from hitl_orchestrator.services.cases.bulk import BulkSubmission
from hitl_orchestrator.services.cases.decisions import CaseDecisions
from hitl_orchestrator.services.cases.many import ManySubmissions
from hitl_orchestrator.services.cases.quality import QualityChecks
from hitl_orchestrator.services.cases.redaction import CaseRedaction
from hitl_orchestrator.services.cases.runner import WAIT_SECONDS, CaseRunner, Hook
from hitl_orchestrator.services.cases.spot_checks import SpotChecks
from hitl_orchestrator.services.cases.submission import CaseSubmission
from hitl_orchestrator.services.config_files import load_schemas, load_score_rules
from hitl_orchestrator.services.delivery.resumers import Resumer, Resumers
from hitl_orchestrator.services.delivery.waiting import OnDecided, Waiters, reported_to
from hitl_orchestrator.services.delivery.wakeups import Wakeups
from hitl_orchestrator.services.executions.checks import ExecutionChecks
from hitl_orchestrator.services.executions.executions import GRANT_SECONDS, CaseExecutions
from hitl_orchestrator.services.executions.heartbeat import Heartbeat
from hitl_orchestrator.services.governance.change_cases import ChangeCases
from hitl_orchestrator.services.maintenance import Governor, Maintenance
from hitl_orchestrator.services.masking import CaseMasking
from hitl_orchestrator.services.people.admin import PeopleAdmin
from hitl_orchestrator.services.policy.admin import PolicyAdmin
from hitl_orchestrator.services.policy.approval import PolicyApproval
from hitl_orchestrator.services.policy.reviewed_cases import ReviewedCases
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.assignments import ReviewAssignments
from hitl_orchestrator.services.reviews.case_view import CaseViewer, CaseViews
from hitl_orchestrator.services.reviews.claims import ReviewClaims
from hitl_orchestrator.services.reviews.inbox import ReviewInbox
from hitl_orchestrator.services.reviews.node_ports import NodePorts
from hitl_orchestrator.services.reviews.recording import ReviewRecorder
from hitl_orchestrator.services.reviews.rejected_attempts import RejectedAttempts
from hitl_orchestrator.telemetry import NO_SPANS, Spans, Telemetry
from hitl_orchestrator.wiring.arguments import check_durations, check_hook, check_rules
from hitl_orchestrator.wiring.classifier import ClassifierSettings, ClassifierSource
from hitl_orchestrator.wiring.clocks import current_time, in_utc
from hitl_orchestrator.wiring.governance import (
    Governance,
    PeopleSource,
    PolicySource,
    check_governed,
    configuration_of,
    open_governance,
)
from hitl_orchestrator.wiring.services import Services, Shared
from hitl_orchestrator.wiring.signing import signer_of
from hitl_orchestrator.wiring.stores import absolute_url, checkpoints_of, open_ledger

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langgraph.types import RetryPolicy

    from hitl_orchestrator.graph.runner import Runner
    from hitl_orchestrator.ledger.keys.signing import SigningKey

__all__ = ["Collaborators", "Services", "build_services", "new_case_id", "open_services"]

_BEATS = 3
"""The number of times that the lease of an execution is extended within its duration."""

_SHORTEST_BEAT = 0.1


@dataclass(frozen=True, kw_only=True)
class Collaborators:
    """The configuration that the caller of `open` passes, apart from the store."""

    governance: Governance
    signer: LedgerSigner
    clock: Clock
    outputs: OutputSchemas | None = None
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    risk_rules: Sequence[RiskRule] = ()
    score_rules: ScoreRules = field(default_factory=ScoreRules)
    embeddings: Any = None
    encryption: bytes | None = field(default=None, repr=False)
    sign_every: int = 1000
    wait: float = WAIT_SECONDS
    lease: float = LEASE_SECONDS
    grants_expire_after: float = GRANT_SECONDS
    traced: bool = False
    spans: Spans = NO_SPANS
    on_decided: OnDecided | None = None
    resumers: Resumers = field(default_factory=Resumers)


class Options(TypedDict):
    """The arguments of `Orchestrator.open` apart from the store."""

    policy: PolicySource
    reviewers: PeopleSource
    schemas: "str | Path | Mapping[str, Any] | OutputSchemas | None"
    classifier: "ClassifierSource | None"
    on_classifier_error: OnClassifierError | str
    classifier_attempts: "int | RetryPolicy"
    classifier_timeout: float | None
    risk_rules: Sequence[RiskRule]
    score_rules: ScoreRules | str | Path | Mapping[str, Any] | None
    embeddings: "Embeddings | None"
    seal_key: SealKey | Sequence[SealKey] | None
    checkpoint_key: str | None
    clock: Clock | None
    lease: float
    wait: float
    grants_expire_after: float
    head_file: str | Path | Literal[False] | None
    head_key: "str | Path | SigningKey | None"
    head_every: int
    tracing: bool
    telemetry: bool | Telemetry
    on_decided: OnDecided | None
    resumers: Mapping[str, Resumer] | None


def open_services(store: str, **options: Unpack[Options]) -> Services:
    """Open a store and build its services. The arguments and errors are those of `Orchestrator.open`."""
    call = ClassifierSettings.of(
        options["classifier"],
        options["on_classifier_error"],
        options["classifier_attempts"],
        options["classifier_timeout"],
    )
    check_durations(lease=options["lease"], wait=options["wait"], grants_expire_after=options["grants_expire_after"])
    check_rules(options["risk_rules"], options["embeddings"], options["head_every"])
    check_hook(options["on_decided"])
    resumers = Resumers(options["resumers"])
    outputs = load_schemas(options["schemas"])
    check_governed(store, options["policy"], options["reviewers"])
    signals = load_score_rules(options["score_rules"], options["policy"])
    uses, spans = configuration_of(options["risk_rules"], signals, outputs), Spans.of(options["telemetry"])
    encryption = None if options["checkpoint_key"] is None else encryption_key(options["checkpoint_key"])
    store, clock = absolute_url(store), current_time if options["clock"] is None else in_utc(options["clock"])
    ledger = open_ledger(store, options["seal_key"], lease=options["lease"], clock=clock)
    with _closed_on_failure(ledger):
        governance = open_governance(ledger, store, options["policy"], options["reviewers"], uses=uses, clock=clock)
        collaborators = Collaborators(
            governance=governance,
            signer=signer_of(ledger, store, head_file=options["head_file"], head_key=options["head_key"], clock=clock),
            clock=clock,
            outputs=outputs,
            classifier=call,
            risk_rules=options["risk_rules"],
            score_rules=governance.score_rules,
            embeddings=options["embeddings"],
            encryption=encryption,
            sign_every=options["head_every"],
            wait=options["wait"],
            lease=options["lease"],
            grants_expire_after=options["grants_expire_after"],
            traced=options["tracing"],
            spans=spans,
            on_decided=options["on_decided"],
            resumers=resumers,
        )
        return build_services(store, ledger, collaborators)


def build_services(store: str, ledger: Ledger, given: Collaborators) -> Services:
    """Build the services on an open ledger, each with its collaborators."""
    clock, shared = given.clock, _shared(store, ledger, given)
    audit = AuditTrail(ledger, shared.reader, given.signer, sign_every=given.sign_every)
    hooks: list[Hook] = []  # they submit cases, which the runner runs: it is filled when they are built
    waiters, wakeups = Waiters(ledger, shared.store), Wakeups(ledger, shared.reader, given.resumers)
    runner = CaseRunner(
        ledger,
        shared.reader,
        shared.recorder,
        shared.ports,
        lambda: build_runner(store, ledger, shared.ports, given, shared.reviewed.current),
        on_finished=hooks,
        on_decided=[wakeups.start, *([] if given.on_decided is None else [reported_to(given.on_decided)])],
        on_run=audit.sign_if_due,
        has_classifier=given.classifier.classifier is not None,
        wait=given.wait,
    )
    submission = CaseSubmission(
        ledger, shared.registry, shared.policies, runner, shared.reader, clock=clock, new_id=new_case_id
    )
    spot_checks = SpotChecks(ledger, shared.people, shared.reader, submission)
    policy, people = _admins(shared, submission, clock)
    checks = ExecutionChecks(ledger, shared.reader, submission, withdraw=runner.supersede, new_id=new_case_id)
    hooks += [waiters.after_run, spot_checks.open_for, policy.settle, people.settle, checks.settle_after]
    common = _common(shared)
    return Services(
        **vars(shared),
        case_runner=runner,
        claims=ReviewClaims(**common, inbox=shared.inbox, clock=clock),
        assignments=ReviewAssignments(**common, inbox=shared.inbox, clock=clock),
        views=CaseViews(**common, viewer=CaseViewer(ledger, shared.registry, given.outputs), clock=clock),
        submission=submission,
        many=ManySubmissions(BulkSubmission(submission)),
        decisions=CaseDecisions(
            **common, policies=shared.policies, recorder=shared.recorder, rejected=shared.rejected, runner=runner
        ),
        executions=_executions(shared, submission, checks, wakeups, given),
        quality=QualityChecks(shared.reader, submission),
        spot_checks=spot_checks,
        redaction=CaseRedaction(ledger, shared.people, shared.reader, runner, clock=clock),
        audit=audit,
        policy=policy,
        people_admin=people,
        maintenance=_maintenance(shared, runner, spot_checks, (policy, people, checks), wakeups=wakeups, clock=clock),
        authorization=Authorization(shared.people, shared.reader),
        masking=CaseMasking(ledger, shared.people, shared.access),
        waiters=waiters,
        wakeups=wakeups,
    )


class _Common(TypedDict):
    """The collaborators of most services of reviews."""

    ledger: Ledger
    people: People
    reader: CaseReader
    access: ReviewAccess


def _common(shared: Shared) -> _Common:
    return _Common(ledger=shared.ledger, people=shared.people, reader=shared.reader, access=shared.access)


def _shared(store: str, ledger: Ledger, given: Collaborators) -> Shared:
    people, registry, clock = given.governance.people.people, given.governance.policies, given.clock
    reader = CaseReader(ledger, clock, graph_version())
    policies = given.governance.sync
    access = ReviewAccess(ledger, people, registry, policies, reader)
    rejected = RejectedAttempts(ledger, people, clock)
    recorder = ReviewRecorder(ledger, people, access, clock, given.outputs)
    return Shared(
        store=shown(store),
        reviewed=ReviewedCases(ledger, given.score_rules.unusual, given.embeddings),
        spans=given.spans,
        ledger=ledger,
        people=people,
        registry=registry,
        signer=given.signer,
        policies=policies,
        reader=reader,
        access=access,
        rejected=rejected,
        recorder=recorder,
        ports=NodePorts(
            ledger,
            reader,
            access,
            recorder,
            rejected,
            rules=registry,
            people=people,
            policies=policies,
            clock=clock,
        ),
        inbox=ReviewInbox(ledger=ledger, registry=registry, people=people, reader=reader, access=access),
    )


def _admins(shared: Shared, submission: CaseSubmission, clock: Clock) -> tuple[PolicyAdmin, PeopleAdmin]:
    ledger, people, registry, policies = shared.ledger, shared.people, shared.registry, shared.policies
    cases = ChangeCases(
        ledger=ledger,
        people=people,
        policies=policies,
        reader=shared.reader,
        submission=submission,
        clock=clock,
        settle_roles=shared.inbox.settle_roles,
    )
    approval = PolicyApproval(ledger=ledger, people=people, registry=registry, policies=policies, cases=cases)
    return (
        PolicyAdmin(ledger, people, policies, approval, cases, clock=clock, new_id=new_case_id),
        PeopleAdmin(ledger, people, registry, policies, cases, clock=clock, new_id=new_case_id),
    )


def _executions(
    shared: Shared, submission: CaseSubmission, checks: ExecutionChecks, wakeups: Wakeups, given: Collaborators
) -> CaseExecutions:
    heartbeat = Heartbeat(shared.ledger.extend_execution, max(given.lease / _BEATS, _SHORTEST_BEAT))
    expires = given.grants_expire_after
    return CaseExecutions(
        shared.ledger, shared.reader, submission, checks, heartbeat, wakeups=wakeups, grant_seconds=expires
    )


def _maintenance(
    shared: Shared,
    runner: CaseRunner,
    spot_checks: SpotChecks,
    admins: Sequence[Governor],
    *,
    wakeups: Wakeups,
    clock: Clock,
) -> Maintenance:
    return Maintenance(
        ledger=shared.ledger,
        reader=shared.reader,
        access=shared.access,
        inbox=shared.inbox,
        recorder=shared.recorder,
        runner=runner,
        spot_checks=spot_checks,
        admins=admins,
        wakeups=wakeups,
        clock=clock,
    )


def build_runner(
    store: str, ledger: Ledger, ports: NodePorts, given: Collaborators, reviewed: Callable[[], Reviewed | None]
) -> "Runner":
    """Build the graph on the checkpoints of a store. Imports LangGraph, which is slow."""
    from hitl_orchestrator.graph.runner import Runner  # noqa: PLC0415

    dependencies = NodeDependencies(
        rules=given.governance.policies,
        history=ports,
        inbox=ports,
        records=ports,
        alarms=ports,
        payloads=ledger,
        classifier=given.classifier.call(),
        risk_rules=given.risk_rules,
        score_rules=given.score_rules,
        reviewed=reviewed,
    )
    checkpoints = checkpoints_of(store, given.encryption).of_ledger(ledger.ledger_id)
    return Runner(dependencies, checkpoints, ledger, spans=given.spans, traced=given.traced)


def new_case_id() -> str:
    """Return a new UUIDv7: globally unique, and ordered by time."""
    return str(uuid7())


@contextmanager
def _closed_on_failure(ledger: Ledger) -> Iterator[None]:
    try:
        yield
    except BaseException:
        ledger.close()
        raise
