"""Build the services of an orchestrator on a store: the only module that chooses concrete collaborators."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from uuid_utils import uuid7

from hitl_orchestrator.domain.enums import OnClassifierError
from hitl_orchestrator.graph.topology import graph_version
from hitl_orchestrator.ledger.database.address import shown
from hitl_orchestrator.ledger.keys.files import SealKey, encryption_key
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.store.leases import LEASE_SECONDS
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.nodes.dependencies import NodeDependencies
from hitl_orchestrator.nodes.ports import Classifier
from hitl_orchestrator.policies.engine.risk import RiskRule
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.schemas import OutputSchemas
from hitl_orchestrator.services.authorization import Authorization
from hitl_orchestrator.services.case_reader import CaseReader, Clock
from hitl_orchestrator.services.cases.audit_trail import AuditTrail
from hitl_orchestrator.services.cases.decisions import CaseDecisions
from hitl_orchestrator.services.cases.quality import QualityChecks
from hitl_orchestrator.services.cases.redaction import CaseRedaction
from hitl_orchestrator.services.cases.runner import WAIT_SECONDS, CaseRunner, Hook
from hitl_orchestrator.services.cases.spot_checks import SpotChecks
from hitl_orchestrator.services.cases.submission import CaseSubmission
from hitl_orchestrator.services.config_files import load_schemas
from hitl_orchestrator.services.executions.checks import ExecutionChecks
from hitl_orchestrator.services.executions.executions import GRANT_SECONDS, CaseExecutions
from hitl_orchestrator.services.executions.heartbeat import Heartbeat
from hitl_orchestrator.services.governance.change_cases import ChangeCases
from hitl_orchestrator.services.maintenance import Governor, Maintenance
from hitl_orchestrator.services.masking import CaseMasking
from hitl_orchestrator.services.people.admin import PeopleAdmin
from hitl_orchestrator.services.policy.admin import PolicyAdmin
from hitl_orchestrator.services.policy.approval import PolicyApproval
from hitl_orchestrator.services.policy_sync import PolicySync
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.assignments import ReviewAssignments
from hitl_orchestrator.services.reviews.case_view import CaseViewer, CaseViews
from hitl_orchestrator.services.reviews.claims import ReviewClaims
from hitl_orchestrator.services.reviews.inbox import ReviewInbox
from hitl_orchestrator.services.reviews.node_ports import NodePorts
from hitl_orchestrator.services.reviews.recording import ReviewRecorder
from hitl_orchestrator.services.reviews.rejected_attempts import RejectedAttempts
from hitl_orchestrator.wiring.arguments import check_durations, check_rules
from hitl_orchestrator.wiring.classifier import ATTEMPTS, SECONDS, ClassifierSettings
from hitl_orchestrator.wiring.clocks import current_time, in_utc
from hitl_orchestrator.wiring.governance import (
    Governance,
    PeopleSource,
    PolicySource,
    check_governed,
    configuration_of,
    open_governance,
)
from hitl_orchestrator.wiring.signing import signer_of
from hitl_orchestrator.wiring.stores import absolute_url, checkpoints_of, open_ledger

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from hitl_orchestrator.graph.runner import Runner
    from hitl_orchestrator.ledger.keys.signing import SigningKey

__all__ = ["Collaborators", "Services", "build_services", "new_case_id", "open_services"]

_BEATS = 3
"""The number of times that the lease of an execution is extended within its duration."""

_SHORTEST_BEAT = 0.1


@dataclass(kw_only=True, eq=False)
class Shared:
    """The parts that the services share."""

    store: str
    ledger: Ledger
    people: People
    registry: PolicyRegistry
    signer: LedgerSigner
    policies: PolicySync
    reader: CaseReader
    access: ReviewAccess
    rejected: RejectedAttempts
    recorder: ReviewRecorder
    ports: NodePorts
    inbox: ReviewInbox


@dataclass(kw_only=True, eq=False)
class Services(Shared):
    """The services behind one facade."""

    case_runner: CaseRunner
    claims: ReviewClaims
    assignments: ReviewAssignments
    views: CaseViews
    submission: CaseSubmission
    decisions: CaseDecisions
    executions: CaseExecutions
    quality: QualityChecks
    spot_checks: SpotChecks
    redaction: CaseRedaction
    audit: AuditTrail
    policy: PolicyAdmin
    people_admin: PeopleAdmin
    maintenance: Maintenance
    authorization: Authorization
    masking: CaseMasking
    closed: bool = False

    @property
    def runner(self) -> "Runner":
        """The graph with its checkpoints, built on first use."""
        return self.case_runner.graph

    def close(self) -> None:
        """Sign the head if there is a head file, and close files and connections. Closing twice is harmless.

        Raises:
            LedgerDamaged: the ledger differs from the last signed head; everything is closed.
        """
        try:
            if not self.closed:
                self.audit.sign_new()
        finally:
            self.closed = True
            self.executions.close()
            self.case_runner.close()
            self.ledger.close()

    def __repr__(self) -> str:
        """Return the store, without a password, and the start of the active policy's hash."""
        return f"{self.store!r} policy={self.registry.active.hash[:6]!r}"

    def __del__(self) -> None:
        """Warn if the orchestrator was never closed. Views of `acting_as` share these services."""
        if not self.closed:
            warnings.warn(
                f"unclosed orchestrator on {self.store}; call close()", ResourceWarning, stacklevel=2, source=self
            )


@dataclass(frozen=True, kw_only=True)
class Collaborators:
    """The configuration that the caller of `open` passes, apart from the store."""

    governance: Governance
    signer: LedgerSigner
    clock: Clock
    outputs: OutputSchemas | None = None
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    risk_rules: Sequence[RiskRule] = ()
    score_rules: ScoreRules | None = None
    encryption: bytes | None = field(default=None, repr=False)
    sign_every: int = 1000
    wait: float = WAIT_SECONDS
    lease: float = LEASE_SECONDS
    grants_expire_after: float = GRANT_SECONDS
    traced: bool = False


def open_services(
    store: str,
    *,
    policy: PolicySource = None,
    reviewers: PeopleSource = None,
    schemas: "str | Path | Mapping[str, Any] | OutputSchemas | None" = None,
    classifier: "Classifier | Runnable[Any, Any] | Callable[[Any], Any] | None" = None,
    on_classifier_error: OnClassifierError | str = OnClassifierError.HUMAN_REVIEW,
    classifier_attempts: int = ATTEMPTS,
    classifier_timeout: float | None = SECONDS,
    risk_rules: Sequence[RiskRule] = (),
    score_rules: ScoreRules | None = None,
    seal_key: SealKey | Sequence[SealKey] | None = None,
    checkpoint_key: str | None = None,
    clock: Clock | None = None,
    lease: float = LEASE_SECONDS,
    wait: float = WAIT_SECONDS,
    grants_expire_after: float = GRANT_SECONDS,
    head_file: str | Path | Literal[False] | None = None,
    head_key: "str | Path | SigningKey | None" = None,
    head_every: int = 1000,
    tracing: bool = False,
) -> Services:
    """Open a store and build its services. The arguments and errors are those of `Orchestrator.open`."""
    call = ClassifierSettings.of(classifier, on_classifier_error, classifier_attempts, classifier_timeout)
    check_durations(lease=lease, wait=wait, grants_expire_after=grants_expire_after)
    check_rules(risk_rules, score_rules, head_every)
    outputs = load_schemas(schemas)
    check_governed(store, policy, reviewers)
    uses = configuration_of(risk_rules, score_rules, outputs)
    encryption = None if checkpoint_key is None else encryption_key(checkpoint_key)
    store, clock = absolute_url(store), current_time if clock is None else in_utc(clock)
    ledger = open_ledger(store, seal_key, lease=lease, clock=clock)
    with _closed_on_failure(ledger):
        collaborators = Collaborators(
            governance=open_governance(ledger, store, policy, reviewers, uses=uses, clock=clock),
            signer=signer_of(ledger, store, head_file=head_file, head_key=head_key, clock=clock),
            clock=clock,
            outputs=outputs,
            classifier=call,
            risk_rules=risk_rules,
            score_rules=score_rules,
            encryption=encryption,
            sign_every=head_every,
            wait=wait,
            lease=lease,
            grants_expire_after=grants_expire_after,
            traced=tracing,
        )
        return build_services(store, ledger, collaborators)


def build_services(store: str, ledger: Ledger, given: Collaborators) -> Services:
    """Build the services on an open ledger, each with its collaborators."""
    clock, shared = given.clock, _shared(store, ledger, given)
    audit = AuditTrail(ledger, shared.reader, given.signer, sign_every=given.sign_every)
    # The hooks submit cases, which the runner runs: the list is filled when they are built.
    hooks: list[Hook] = []
    runner = CaseRunner(
        ledger,
        shared.reader,
        shared.recorder,
        shared.ports,
        lambda: build_runner(store, ledger, shared.ports, given),
        on_finished=hooks,
        on_run=audit.sign_if_due,
        has_classifier=given.classifier.classifier is not None,
        wait=given.wait,
    )
    submission = CaseSubmission(
        ledger, shared.registry, shared.policies, runner, shared.reader, clock=clock, new_id=new_case_id
    )
    spot_checks = SpotChecks(ledger, shared.people, shared.reader, submission)
    policy, people = _admins(shared, submission, clock)
    checks = ExecutionChecks(ledger, shared.reader, submission, new_case_id)
    hooks += [spot_checks.open_for, policy.settle, people.settle, checks.settle_after]
    common = _common(shared)
    viewer = CaseViewer(ledger, shared.registry, given.outputs)
    return Services(
        **vars(shared),
        case_runner=runner,
        claims=ReviewClaims(**common, inbox=shared.inbox, clock=clock),
        assignments=ReviewAssignments(**common, inbox=shared.inbox, clock=clock),
        views=CaseViews(**common, viewer=viewer, clock=clock),
        submission=submission,
        decisions=CaseDecisions(
            **common, policies=shared.policies, recorder=shared.recorder, rejected=shared.rejected, runner=runner
        ),
        executions=_executions(shared, submission, checks, given),
        quality=QualityChecks(shared.reader, submission),
        spot_checks=spot_checks,
        redaction=CaseRedaction(ledger, shared.people, shared.reader, runner, clock=clock),
        audit=audit,
        policy=policy,
        people_admin=people,
        maintenance=_maintenance(shared, runner, spot_checks, (policy, people, checks), clock),
        authorization=Authorization(shared.people, shared.reader),
        masking=CaseMasking(ledger, shared.people, shared.access),
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
        ledger=ledger,
        people=people,
        registry=registry,
        signer=given.signer,
        policies=policies,
        reader=reader,
        access=access,
        rejected=rejected,
        recorder=recorder,
        ports=NodePorts(ledger, reader, access, recorder, rejected, people=people, policies=policies, clock=clock),
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
    shared: Shared, submission: CaseSubmission, checks: ExecutionChecks, given: Collaborators
) -> CaseExecutions:
    heartbeat = Heartbeat(shared.ledger.extend_execution, max(given.lease / _BEATS, _SHORTEST_BEAT))
    expires = given.grants_expire_after
    return CaseExecutions(shared.ledger, shared.reader, submission, checks, heartbeat, grant_seconds=expires)


def _maintenance(
    shared: Shared,
    runner: CaseRunner,
    spot_checks: SpotChecks,
    admins: Sequence[Governor],
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
        clock=clock,
    )


def build_runner(store: str, ledger: Ledger, ports: NodePorts, given: Collaborators) -> "Runner":
    """Build the graph on the checkpoints of a store. Imports LangGraph, which is slow."""
    from hitl_orchestrator.graph.adapter import Adapter  # noqa: PLC0415
    from hitl_orchestrator.graph.build import build_graph  # noqa: PLC0415
    from hitl_orchestrator.graph.runner import Runner  # noqa: PLC0415

    dependencies = NodeDependencies(
        rules=given.governance.policies,
        inbox=ports,
        records=ports,
        alarms=ports,
        payloads=ledger,
        classifier=given.classifier.call(),
        risk_rules=given.risk_rules,
        score_rules=given.score_rules or ScoreRules(),
    )
    checkpoints = checkpoints_of(store, given.encryption).of_ledger(ledger.ledger_id)
    adapter = Adapter(ledger)
    return Runner(build_graph(dependencies, checkpoints, adapter), checkpoints, adapter, ports, traced=given.traced)


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
