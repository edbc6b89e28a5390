from collections.abc import AsyncIterator, Callable, Generator, Mapping, MutableMapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from langchain_core.embeddings import Embeddings
from langgraph.types import RetryPolicy

from hitl_orchestrator.backtest import Backtest
from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case, ParentCall, UnfinishedCase, Wakeup
from hitl_orchestrator.domain.enums import (
    Assessment,
    AssessmentName,
    DecisionName,
    FinalDecision,
    HumanDecision,
    OnClassifierError,
    OnClassifierErrorName,
    RiskLevel,
    RiskName,
)
from hitl_orchestrator.domain.execution import CallKey, Execution, ExecutionStatus
from hitl_orchestrator.domain.principal import Principal
from hitl_orchestrator.domain.review import Page, Review, Reviewer, ReviewRequest
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.execution.answers import Answer, Go, No, Waiting
from hitl_orchestrator.execution.grants import Grant
from hitl_orchestrator.graph.runner import Runner
from hitl_orchestrator.insights.canary import CanaryReport
from hitl_orchestrator.insights.feedback import Feedback
from hitl_orchestrator.insights.metrics.model import Metrics, StakeField
from hitl_orchestrator.insights.queue_forecast import Capacity
from hitl_orchestrator.insights.report.model import Report
from hitl_orchestrator.learning.certificates import Certificate
from hitl_orchestrator.ledger.events.ledger_builders import KeyChange
from hitl_orchestrator.ledger.events.redaction import Redaction
from hitl_orchestrator.ledger.keys.files import SealKey
from hitl_orchestrator.ledger.keys.signing import SigningKey
from hitl_orchestrator.ledger.store.leases import LEASE_SECONDS
from hitl_orchestrator.ledger.verification.chain_check import Verification
from hitl_orchestrator.ledger.verification.proofs import CaseProof
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead
from hitl_orchestrator.orchestrator.facade import Orchestrator
from hitl_orchestrator.policies.engine.risk import RiskRule
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.shadow import ShadowReport
from hitl_orchestrator.review.governance.changes import PeopleDifference
from hitl_orchestrator.review.governance.history import PeopleHistory
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.schemas import OutputSchemas
from hitl_orchestrator.review.view import CaseView
from hitl_orchestrator.services.case_reader import Clock
from hitl_orchestrator.services.cases.many import OnInvalid, Outputs, RefusedTask, SubmissionSummary, Tasks
from hitl_orchestrator.services.cases.runner import WAIT_SECONDS
from hitl_orchestrator.services.delivery.decided import DecidedPage
from hitl_orchestrator.services.delivery.resumers import Resumer
from hitl_orchestrator.services.delivery.waiting import OnDecided
from hitl_orchestrator.services.executions.executions import GRANT_SECONDS
from hitl_orchestrator.services.maintenance import Notice
from hitl_orchestrator.services.people.admin import PeopleChange, PeopleSource
from hitl_orchestrator.services.policy.admin import Governed, PolicySource
from hitl_orchestrator.services.reviews.assignments import Assignments, Skill, Strategy
from hitl_orchestrator.settings import DEFAULT_STORE
from hitl_orchestrator.telemetry import Telemetry
from hitl_orchestrator.wiring.classifier import ATTEMPTS, SECONDS, ClassifierSource

class AsyncCases:
    async def get(self, case_id: str | None = ..., *, task_id: str | None = ...) -> Case: ...
    async def history(self, case_id: str | None = ..., *, task_id: str | None = ...) -> list[Event]: ...
    async def enqueue(
        self,
        task: Task | Mapping[str, Any],
        output: AgentOutput | Mapping[str, Any] | None = ...,
        *,
        resubmit: bool = ...,
        replay: bool = ...,
        submitted_by: str | None = ...,
        classify: bool | None = ...,
    ) -> Case: ...
    async def unfinished(self) -> Sequence[UnfinishedCase]: ...
    async def wakeups(self) -> Sequence[Wakeup]: ...
    async def named(self, short_id: str) -> str | None: ...
    async def prepare(self) -> None: ...
    async def runner(self) -> Runner: ...
    async def cancel(
        self, case_id: str | None = ..., *, task_id: str | None = ..., submitted_by: str | None = ..., reason: str
    ) -> Case: ...
    async def replay(
        self, review: Review, case_id: str | None = ..., *, task_id: str | None = ..., reviewer: str | None = ...
    ) -> Case: ...
    async def check_redaction(
        self, case_id: str | None = ..., *, task_id: str | None = ..., reviewer: str | None = ...
    ) -> None: ...
    async def redact(
        self, case_id: str | None = ..., *, task_id: str | None = ..., reason: str, reviewer: str | None = ...
    ) -> Redaction: ...

class AsyncReviews:
    async def claim(
        self,
        case_id: str | None = ...,
        *,
        task_id: str | None = ...,
        reviewer: str | None = ...,
        seconds: float = ...,
        take_over: bool = ...,
    ) -> ReviewRequest: ...
    async def next(self, *, reviewer: str | None = ..., seconds: float = ...) -> ReviewRequest | None: ...
    async def release(
        self, case_id: str | None = ..., *, task_id: str | None = ..., reviewer: str | None = ...
    ) -> bool: ...
    async def delegate(
        self,
        case_id: str | None = ...,
        *,
        task_id: str | None = ...,
        to: str,
        reviewer: str | None = ...,
        reason: str = ...,
        seconds: float = ...,
    ) -> ReviewRequest: ...
    async def assign(
        self,
        *,
        strategy: Strategy | Literal["push", "sticky"] = ...,
        limit: int = ...,
        seconds: float = ...,
        skill: Skill = ...,
        reviewer: str | None = ...,
    ) -> Assignments: ...
    async def view(
        self, case_id: str | None = ..., *, task_id: str | None = ..., reviewer: str | None = ...
    ) -> CaseView: ...
    async def label(
        self, case_id: str | None = ..., *, task_id: str | None = ..., label: str, reviewer: str | None = ...
    ) -> CaseView: ...
    async def decide_many(
        self,
        case_ids: Sequence[str],
        decision: Review | HumanDecision | DecisionName,
        *,
        reviewer: str | None = ...,
        feedback: str = ...,
        reason: str = ...,
        reason_code: str | None = ...,
    ) -> list[Case]: ...
    async def add_gold_case(
        self,
        task: Task | Mapping[str, Any],
        output: AgentOutput | Mapping[str, Any],
        expected: HumanDecision | DecisionName,
        *,
        reviewer: str | None = ...,
        arguments_schema: Mapping[str, Any] | None = ...,
        takes_response: bool = ...,
    ) -> Case: ...
    async def add_second_review(
        self, case_id: str | None = ..., *, task_id: str | None = ..., new_task_id: str, reviewer: str | None = ...
    ) -> Case: ...
    def feedback(self) -> AsyncIterator[Feedback]: ...
    async def roles(self) -> tuple[str, ...]: ...
    async def people(self) -> tuple[Reviewer, ...]: ...
    async def person(self, reviewer: str) -> Reviewer: ...

class AsyncExecutions:
    async def list(
        self, status: ExecutionStatus | str | None = ..., *, limit: int = ..., after: str | None = ...
    ) -> Page[Execution]: ...
    async def get(self, case_id: str | None = ..., *, task_id: str | None = ...) -> Execution | None: ...
    async def grant(self, token: str, *, audience: str = ...) -> Grant: ...

class AsyncPolicyAdministration:
    async def activate(self, policy: PolicySource, *, reason: str, reviewer: str | None = ...) -> Governed: ...
    async def rollback(self, version: str | None = ..., *, reason: str, reviewer: str | None = ...) -> Governed: ...
    async def undo(self, *, reason: str, reviewer: str | None = ...) -> Governed: ...
    async def start_canary(
        self, policy: PolicySource, share: float, *, reason: str, reviewer: str | None = ...
    ) -> Governed: ...
    async def stop_canary(self, *, reason: str, reviewer: str | None = ...) -> bool: ...
    async def start_shadow(self, policy: PolicySource, *, reason: str, reviewer: str | None = ...) -> str: ...
    async def stop_shadow(self, *, reason: str, reviewer: str | None = ...) -> bool: ...
    async def active(self) -> Policy: ...
    async def version(self, name: str) -> Policy: ...
    async def status(self) -> PolicyHistory: ...
    async def history(self) -> list[Event]: ...
    async def shadow_report(self) -> ShadowReport | None: ...
    async def canary_report(self, version: str | None = ...) -> CanaryReport | None: ...
    async def fit_unusual(self) -> str | None: ...
    async def backtest(self, policy: PolicySource, *, capacity: Mapping[str, Capacity] | None = ...) -> Backtest: ...

class AsyncPeopleAdministration:
    async def propose(self, source: PeopleSource, *, reason: str, reviewer: str | None = ...) -> PeopleChange: ...
    async def active(self) -> People: ...
    async def version(self, prefix: str) -> People: ...
    async def status(self) -> PeopleHistory: ...
    async def differences(self, source: PeopleSource) -> list[PeopleDifference]: ...
    async def history(self) -> list[Event]: ...

class AsyncAudit:
    def records(
        self,
        *,
        quality_checks: bool = ...,
        after: str | None = ...,
        since: datetime | None = ...,
        until: datetime | None = ...,
        reviewer: str | None = ...,
        domain: str | None = ...,
        decision: FinalDecision | HumanDecision | None = ...,
        rule: str | None = ...,
    ) -> AsyncIterator[AuditRecord]: ...
    async def verify(self, heads: Sequence[SignedHead] = ..., public_key: str | None = ...) -> Verification: ...
    async def rotate_key(self, new_key: SealKey | Sequence[SealKey] | None = ...) -> KeyChange: ...
    async def sign_head(self) -> SignedHead: ...
    async def prove(self, case_id: str | None = ..., *, task_id: str | None = ...) -> CaseProof: ...

class AsyncInsights:
    async def frame(
        self,
        *,
        since: datetime | None = ...,
        until: datetime | None = ...,
        stake: StakeField | None = ...,
        on_cases: Callable[[int], None] = ...,
    ) -> pl.DataFrame: ...
    async def metrics(
        self,
        *,
        since: datetime | None = ...,
        until: datetime | None = ...,
        tolerated: float = ...,
        sure: float = ...,
        stake: StakeField | None = ...,
        every: str | None = ...,
        on_cases: Callable[[int], None] = ...,
    ) -> Metrics: ...
    async def certify(
        self,
        *,
        task_type: str | None = ...,
        risk_level: RiskLevel | RiskName | None = ...,
        domain: str | None = ...,
        alpha: float = ...,
        delta: float = ...,
        since: datetime | None = ...,
        until: datetime | None = ...,
        on_cases: Callable[[int], None] = ...,
    ) -> Certificate: ...
    async def report(
        self,
        *,
        since: datetime | None = ...,
        until: datetime | None = ...,
        verify: bool = ...,
        controls: Sequence[str] = ...,
        stake: StakeField | None = ...,
        tolerated: float = ...,
        sure: float = ...,
        on_progress: Callable[[int], None] = ...,
    ) -> Report: ...

class AsyncOrchestrator:
    cases: AsyncCases
    reviews: AsyncReviews
    executions: AsyncExecutions
    policy: AsyncPolicyAdministration
    people: AsyncPeopleAdministration
    audit: AsyncAudit
    insights: AsyncInsights
    resumers: MutableMapping[str, Resumer]
    sync: Orchestrator
    @classmethod
    def open(
        cls,
        store: str = DEFAULT_STORE,
        *,
        policy: str | Path | Mapping[str, Any] | Policy | None = None,
        reviewers: str | Path | Mapping[str, Any] | Sequence[Any] | People | None = None,
        schemas: str | Path | Mapping[str, Any] | OutputSchemas | None = None,
        classifier: ClassifierSource | None = None,
        on_classifier_error: OnClassifierError | OnClassifierErrorName = OnClassifierError.HUMAN_REVIEW,
        classifier_attempts: int | RetryPolicy = ATTEMPTS,
        classifier_timeout: float | None = SECONDS,
        risk_rules: Sequence[RiskRule] = (),
        score_rules: ScoreRules | str | Path | Mapping[str, Any] | None = None,
        embeddings: Embeddings | None = None,
        seal_key: SealKey | Sequence[SealKey] | None = None,
        checkpoint_key: str | None = None,
        clock: Clock | None = None,
        lease: float = LEASE_SECONDS,
        wait: float = WAIT_SECONDS,
        grants_expire_after: float = GRANT_SECONDS,
        head_file: str | Path | Literal[False] | None = None,
        head_key: str | Path | SigningKey | None = None,
        head_every: int = 1000,
        tracing: bool = False,
        telemetry: bool | Telemetry = False,
        on_decided: OnDecided | None = None,
        resumers: Mapping[str, Resumer] | None = None,
        threads: int = 8,
    ) -> _Opening: ...
    def acting_as(
        self, reviewer: str | None = ..., *, channel: str = ..., principal: Principal | None = ...
    ) -> AsyncOrchestrator: ...
    async def ask(
        self,
        key: CallKey | str,
        task: Task | Mapping[str, Any],
        output: AgentOutput | Mapping[str, Any] | None = ...,
        *,
        audience: str = ...,
        submitted_by: str | None = ...,
        parent: ParentCall | None = ...,
        arguments_schema: Mapping[str, Any] | None = ...,
        takes_response: bool = ...,
        held: str = ...,
    ) -> Waiting | No | Go: ...
    async def submit(
        self,
        task: Task | Mapping[str, Any],
        output: AgentOutput | Mapping[str, Any] | None = ...,
        *,
        resubmit: bool = ...,
        replay: bool = ...,
        submitted_by: str | None = ...,
        parent: ParentCall | None = ...,
    ) -> Case: ...
    async def submit_many(
        self,
        tasks: Tasks,
        outputs: Outputs = ...,
        *,
        chunk: int = ...,
        on_invalid: OnInvalid = ...,
        on_case: Callable[[Case], None] = ...,
        on_refused: Callable[[RefusedTask], None] = ...,
        on_progress: Callable[[SubmissionSummary], None] = ...,
        resubmit: bool = ...,
        replay: bool = ...,
        submitted_by: str | None = ...,
    ) -> SubmissionSummary: ...
    async def inbox(
        self,
        role: str | None = ...,
        domain: str | None = ...,
        limit: int = ...,
        *,
        reviewer: str | None = ...,
        task_type: str | None = ...,
        risk_level: RiskLevel | RiskName | None = ...,
        overdue: bool = ...,
        claimed_by: str | None = ...,
        unclaimed: bool = ...,
        after: str | None = ...,
        count: bool = ...,
    ) -> Page[ReviewRequest]: ...
    async def decide(
        self,
        case_id: str | None = ...,
        decision: Review | HumanDecision | DecisionName | None = ...,
        *,
        task_id: str | None = ...,
        reviewer: str | None = ...,
        feedback: str = ...,
        reason: str = ...,
        reason_code: str | None = ...,
        output: Proposal | Mapping[str, Any] | None = ...,
        confidence_assessment: Assessment | AssessmentName | None = ...,
        review_id: str | None = ...,
        shown_digest: str | None = ...,
        idempotency_key: str | None = ...,
    ) -> Case: ...
    async def wait(self, case: Case | Answer | str, timeout: float | None = ...) -> Case: ...
    async def decided_since(self, seq: int = ..., limit: int = ...) -> DecidedPage: ...
    async def recover(self, on_case: Callable[[Case], None] = ...) -> list[Case]: ...
    async def run_maintenance(
        self, on_case: Callable[[Case], None] = ..., on_notice: Callable[[Notice], None] = ...
    ) -> list[Case]: ...
    async def close(self) -> None: ...
    async def __aenter__(self) -> AsyncOrchestrator: ...
    async def __aexit__(self, *exc: object) -> None: ...

class _Opening:
    def __await__(self) -> Generator[Any, None, AsyncOrchestrator]: ...
    async def __aenter__(self) -> AsyncOrchestrator: ...
    async def __aexit__(self, *exc: object) -> None: ...
