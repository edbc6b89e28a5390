"""Build the services of an orchestrator on a store: the only module that chooses concrete collaborators."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from uuid_utils import uuid7

from hitl_orchestrator.domain.enums import OnClassifierError
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import PolicyMismatch
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
from hitl_orchestrator.policies.language.model import Policy, policy_hash
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry, readable_policy, recorded_policy
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
from hitl_orchestrator.services.config_files import check_they_fit, load_people, load_policy, load_schemas
from hitl_orchestrator.services.maintenance import Maintenance
from hitl_orchestrator.services.masking import CaseMasking
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
from hitl_orchestrator.wiring.stores import absolute_url, checkpoints_of, open_ledger, signer_of, store_exists

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from hitl_orchestrator.graph.runner import Runner
    from hitl_orchestrator.ledger.keys.signing import SigningKey

__all__ = ["Collaborators", "Services", "build_services", "new_case_id", "open_services"]


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
    quality: QualityChecks
    spot_checks: SpotChecks
    redaction: CaseRedaction
    audit: AuditTrail
    policy: PolicyAdmin
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

    people: People
    registry: PolicyRegistry
    signer: LedgerSigner
    clock: Clock
    outputs: OutputSchemas | None = None
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    risk_rules: Sequence[RiskRule] = ()
    score_rules: ScoreRules | None = None
    encryption: bytes | None = field(default=None, repr=False)
    sign_every: int = 1000
    wait: float = WAIT_SECONDS
    traced: bool = False


def open_services(
    store: str,
    *,
    policy: "str | Path | Mapping[str, Any] | Policy | None" = None,
    reviewers: "str | Path | Mapping[str, Any] | Sequence[Any] | People | None" = None,
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
    head_file: str | Path | Literal[False] | None = None,
    head_key: "str | Path | SigningKey | None" = None,
    head_every: int = 1000,
    tracing: bool = False,
) -> Services:
    """Open a store and build its services. The arguments and errors are those of `Orchestrator.open`."""
    call = ClassifierSettings.of(classifier, on_classifier_error, classifier_attempts, classifier_timeout)
    check_durations(lease=lease, wait=wait)
    check_rules(risk_rules, score_rules, head_every)
    people, outputs = load_people(reviewers), load_schemas(schemas)
    named = _policy_named(policy, people, store)
    encryption = None if checkpoint_key is None else encryption_key(checkpoint_key)
    store, clock = absolute_url(store), current_time if clock is None else in_utc(clock)
    ledger = open_ledger(store, seal_key, lease=lease, clock=clock)
    with _closed_on_failure(ledger):
        collaborators = Collaborators(
            people=people,
            registry=_registry_of(ledger, named, people.chain),
            signer=signer_of(ledger, store, head_file=head_file, head_key=head_key, clock=clock),
            clock=clock,
            outputs=outputs,
            classifier=call,
            risk_rules=risk_rules,
            score_rules=score_rules,
            encryption=encryption,
            sign_every=head_every,
            wait=wait,
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
        ledger, given.registry, shared.policies, runner, shared.reader, clock=clock, new_id=new_case_id
    )
    spot_checks = SpotChecks(ledger, given.people, shared.reader, submission)
    policy = _policy_admin(shared, submission, clock)
    hooks += [spot_checks.open_for, policy.settle]
    common = _common(shared)
    viewer = CaseViewer(ledger, given.registry, given.outputs)
    return Services(
        **vars(shared),
        case_runner=runner,
        claims=ReviewClaims(**common, inbox=shared.inbox, clock=clock),
        assignments=ReviewAssignments(**common, inbox=shared.inbox, clock=clock),
        views=CaseViews(**common, viewer=viewer, clock=clock),
        submission=submission,
        decisions=CaseDecisions(**common, recorder=shared.recorder, rejected=shared.rejected, runner=runner),
        quality=QualityChecks(shared.reader, submission),
        spot_checks=spot_checks,
        redaction=CaseRedaction(ledger, given.people, shared.reader, runner, clock=clock),
        audit=audit,
        policy=policy,
        maintenance=_maintenance(shared, runner, spot_checks, policy, clock),
        authorization=Authorization(given.people, shared.reader),
        masking=CaseMasking(ledger, given.people, shared.access),
    )


class _Common(TypedDict):
    """The collaborators of most services of reviews."""

    ledger: Ledger
    people: People
    policies: PolicySync
    reader: CaseReader
    access: ReviewAccess


def _common(shared: Shared) -> _Common:
    ledger, people, policies = shared.ledger, shared.people, shared.policies
    return _Common(ledger=ledger, people=people, policies=policies, reader=shared.reader, access=shared.access)


def _shared(store: str, ledger: Ledger, given: Collaborators) -> Shared:
    people, registry, clock = given.people, given.registry, given.clock
    reader = CaseReader(ledger, clock, graph_version())
    policies = PolicySync(ledger, registry, clock)
    access = ReviewAccess(ledger, people, registry, reader)
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
        ports=NodePorts(ledger, reader, access, recorder, rejected, chain=people.chain, clock=clock),
        inbox=ReviewInbox(
            ledger=ledger, registry=registry, people=people, policies=policies, reader=reader, access=access
        ),
    )


def _policy_admin(shared: Shared, submission: CaseSubmission, clock: Clock) -> PolicyAdmin:
    approval = PolicyApproval(
        ledger=shared.ledger,
        people=shared.people,
        registry=shared.registry,
        policies=shared.policies,
        reader=shared.reader,
        submission=submission,
        clock=clock,
    )
    return PolicyAdmin(
        shared.ledger,
        shared.people,
        shared.policies,
        approval,
        clock=clock,
        new_id=new_case_id,
        settle_roles=shared.inbox.settle_roles,
    )


def _maintenance(
    shared: Shared, runner: CaseRunner, spot_checks: SpotChecks, policy: PolicyAdmin, clock: Clock
) -> Maintenance:
    return Maintenance(
        ledger=shared.ledger,
        policies=shared.policies,
        reader=shared.reader,
        access=shared.access,
        inbox=shared.inbox,
        recorder=shared.recorder,
        runner=runner,
        spot_checks=spot_checks,
        policy=policy,
        clock=clock,
    )


def build_runner(store: str, ledger: Ledger, ports: NodePorts, given: Collaborators) -> "Runner":
    """Build the graph on the checkpoints of a store. Imports LangGraph, which is slow."""
    from hitl_orchestrator.graph.adapter import Adapter  # noqa: PLC0415
    from hitl_orchestrator.graph.build import build_graph  # noqa: PLC0415
    from hitl_orchestrator.graph.runner import Runner  # noqa: PLC0415

    dependencies = NodeDependencies(
        rules=given.registry,
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


def _policy_named(
    policy: "str | Path | Mapping[str, Any] | Policy | None", people: People, store: str
) -> Policy | None:
    """Return the caller's policy, if any. Without one, refuse to create a store that no policy could rule.

    Raises:
        InvalidInput: it is unusable. PolicyMissing: there is none, and the bundled one is for other roles.
    """
    if policy is not None:
        return check_they_fit(load_policy(policy, people.chain), people)
    if people.chain != DEFAULT_CHAIN and not store_exists(store):
        load_policy(None, people.chain)
    return None


def _registry_of(ledger: Ledger, named: Policy | None, roles: RoleChain) -> PolicyRegistry:
    """Return the policies in force. A policy activated in the store applies, even if the caller names another.

    Raises:
        PolicyMismatch: the caller names another one.
        TamperedPolicy: the active policy differs from the recorded one.
    """
    history = PolicyHistory().after(ledger.policy_events())
    active = None if history.active is None else recorded_policy(history.active, ledger.policy)
    if named is not None and history.active is not None and policy_hash(named) != history.active:
        raise PolicyMismatch(history.active, policy_hash(named), named.policy_id)
    registry = PolicyRegistry(active or named or _recorded_policy(ledger, roles), roles, ledger.policy)
    registry.put_in_force(history)
    return registry


def _recorded_policy(ledger: Ledger, roles: RoleChain) -> Policy:
    """Return the current policy of a store, which was checked against the role chain at its activation."""
    recorded = ledger.current_policy()
    if recorded is None:
        return load_policy(None, roles)
    # The policy of the ledger entry was recorded under its hash: an altered one has another hash.
    return recorded_policy(policy_hash(readable_policy(recorded)), ledger.policy)
