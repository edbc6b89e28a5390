"""Submit tasks: check them, store them durably, and run their cases."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Case, EarlierAttempt, QualityCheck, Submission
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.execution import CallForm, Gated
from hitl_orchestrator.domain.input.normalization import normalized, required
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput, UnknownCase
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import CaseReader, Clock
from hitl_orchestrator.services.cases.intake import (
    check_not_reserved,
    check_submission,
    check_words,
    identifier,
    submitter_of,
)
from hitl_orchestrator.services.cases.runner import CaseRunner
from hitl_orchestrator.services.policy_sync import PolicySync

__all__ = ["CaseSubmission", "CatchUp", "Intake"]

_log = logging.getLogger(__name__)


class Intake(NamedTuple):
    """A task as it is submitted. `by_system` marks one that the system creates itself, under a reserved type or id.

    `earlier` has the people of the case that it copies.
    """

    task: Task
    output: AgentOutput | None = None
    replay: bool = False
    submitted_by: str | None = None
    quality_check: QualityCheck | None = None
    by_system: bool = False
    case_id: str | None = None
    earlier: tuple[EarlierAttempt, ...] = ()
    gated: Gated | None = None
    call: CallForm | None = None
    held: str = ""
    classify: bool | None = None
    """Whether a missing output is to be produced by a classifier; None for if there is one here."""


class CatchUp(NamedTuple):
    """The last entry about policies and people that a call has applied, before it was checked.

    `apply` applies the later ones, and checks the caller again.
    """

    seen: int
    apply: Callable[[], object]


class CaseSubmission:
    """Accepts tasks, and runs their cases until they finish or wait for a reviewer."""

    def __init__(
        self,
        ledger: Ledger,
        registry: PolicyRegistry,
        policies: PolicySync,
        runner: CaseRunner,
        reader: CaseReader,
        *,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._ledger, self._registry, self._policies, self._runner = ledger, registry, policies, runner
        self._reader, self._clock, self._new_id = reader, clock, new_id

    def submit(
        self,
        intake: Intake,
        acting: Acting,
        *,
        resubmit: bool = False,
        catch_up: CatchUp | None = None,
    ) -> Case:
        """Store a task, and run its case until it finishes or waits for a reviewer.

        With `catch_up` the task goes ahead under the policies and people that this process has applied before, unless
        there are others by the time of the write, or the task is not simply new.
        """
        submission = self.prepared(intake)
        if catch_up is None:
            return self.take(submission, acting, resubmit=resubmit)
        ahead = not resubmit and not self._asks_classifier(submission)
        case = self._taken_ahead(submission, acting, catch_up.seen) if ahead else None
        if case is not None:
            return case
        catch_up.apply()
        submission = self.prepared(intake._replace(case_id=submission.case_id))
        known = self.known([submission]) if ahead else {}
        case = known.get(submission.case_id)
        if case is not None and case.case_id != submission.case_id:
            return self.repeated(case)
        return self.take(submission, acting, resubmit=resubmit, known=bool(known))

    def _taken_ahead(self, submission: Submission, acting: Acting, seen: int) -> Case | None:
        case = self._ledger.record_run(self._runner.first_run(submission, submitter_of(submission, acting)), seen)
        return None if case is None else self._recorded(case)

    def known(self, submissions: Sequence[Submission]) -> dict[str, Case | None]:
        """Return the submissions whose task ids are in use, by their case ids, each with the case that it repeats.

        It is None for one that `take` is to look at: its content may differ, or that of another of the same task id,
        which may replace the case; or its case is to run on.
        """
        known = self._ledger.known(submissions)
        found = [each for each in submissions if each.case_id in known]
        single = {each.task.task_id for each in found if known[each.case_id] is None}
        return {each.case_id: None if each.task.task_id in single else known[each.case_id] for each in found}

    def repeated(self, case: Case) -> Case:
        """Return the case of a task that was submitted before, finished or waiting, as `take` does."""
        _log_submitted(case)
        return case if case.stage is CaseStage.WAITING else self._runner.run(case)

    def take(self, submission: Submission, acting: Acting, *, resubmit: bool = False, known: bool = False) -> Case:
        """Store a prepared submission, and run its case as `submit` does.

        One whose task id is `known` to be in use is not run ahead: it is compared first.
        """
        actor = submitter_of(submission, acting)
        if not resubmit and not self._asks_classifier(submission):
            case = None if known else self._taken_new(submission, actor)
            if case is not None:
                return self._recorded(case)
            submission = self._under_policy(submission)
        # Not flushed to the disk here: the run writes again before this method acknowledges anything.
        how = {"resubmit": resubmit, "own_only": acting.is_confined, "driving": True}
        case = self._ledger.receive(submission, actor, **how)
        new = case.case_id == submission.case_id
        if new and case.stage is not CaseStage.RECEIVED:
            # The connection was lost after the store had recorded the run.
            return self._recorded(case)
        _log_submitted(case)
        if new and case.submission.supersedes is not None:
            self._runner.supersede(case.submission.supersedes)
        try:
            return case if case.stage is CaseStage.WAITING else self._runner.run(case, new=new)
        except UnknownCase:
            # The database server has crashed meanwhile, and lost a write that was not flushed.
            case = self._ledger.receive(submission, actor, **how)
            return self._runner.run(case, new=True)

    def _taken_new(self, submission: Submission, actor: Actor) -> Case | None:
        """Run and record a new task under the policies that are in force when it is written; None for a known one."""
        while True:
            seen, current = self._policies.seen, self._under_policy(submission)
            case = self._ledger.record_run(self._runner.first_run(current, actor), seen)
            if case is not None:
                return case
            self._policies.refresh()
            if self._policies.seen == seen:
                return None

    def _under_policy(self, submission: Submission) -> Submission:
        """Return a prepared submission under the policy that is in force for it by now."""
        policy = self._registry.for_task(submission.task)
        if policy.hash == submission.policy_hash:
            return submission
        return submission.model_copy(update={"policy_id": policy.policy.policy_id, "policy_hash": policy.hash})

    def take_many(self, submissions: Sequence[Submission], acting: Acting) -> dict[str, Case | None]:
        """Store prepared submissions that are new, all in one transaction, and return their cases by their ids.

        One that is not simply new, that asks a classifier or that fails is not stored: its case is None, and `take`
        stores it or says why not.
        """
        seen = self._policies.seen
        direct = [self._under_policy(each) for each in submissions if not self._asks_classifier(each)]
        runs = self._runner.first_runs([(each, submitter_of(each, acting)) for each in direct])
        recorded = dict[str, Case]()
        with suppress(InvalidInput):
            recorded = {case.case_id: case for case in self._ledger.record_runs(runs, seen) if case is not None}
        cases = {each.case_id: recorded.get(each.case_id) for each in submissions}
        return {case_id: None if case is None else self._recorded(case) for case_id, case in cases.items()}

    def enqueue(self, intake: Intake, acting: Acting, *, resubmit: bool = False) -> Case:
        """Store a task durably without running it. `recover` or a graph that the caller streams runs it later."""
        submission = self.prepared(intake)
        actor = submitter_of(submission, acting)
        return self._ledger.receive(submission, actor, resubmit=resubmit, own_only=acting.is_confined)

    def prepared(self, intake: Intake) -> Submission:
        """Return a task as it would be stored. Raises `InvalidInput` as `submit` does."""
        now = self._clock()
        task = required(Task, intake.task, "submit: task")
        task = normalized(task, f"task {getattr(task, 'task_id', None)!r}")
        if not intake.by_system:
            check_not_reserved(task)
        if task.timestamp is None:
            task = task.model_copy(update={"timestamp": now})
        output, where = intake.output, f"the output of task {task.task_id!r}"
        output = None if output is None else normalized(required(AgentOutput, output, where), where)
        check_submission(task, output, now)
        self._policies.record_configuration()
        policy = self._registry.for_task(task)
        if not (intake.by_system or intake.replay or intake.quality_check):
            check_words(task, policy.policy.vocabulary)
        return Submission(
            case_id=intake.case_id or self._new_id(),
            task=task,
            output=output,
            policy_id=policy.policy.policy_id,
            policy_hash=policy.hash,
            graph_version=self._reader.graph_version,
            received_at=now,
            replayed=intake.replay,
            submitted_by=None if intake.submitted_by is None else identifier(intake.submitted_by, "submitted_by"),
            quality_check=intake.quality_check,
            earlier=intake.earlier,
            gated=intake.gated,
            call=intake.call,
            held=intake.held,
            awaits_classifier=output is None and self._to_classify(intake),
        )

    def _recorded(self, case: Case) -> Case:
        """Return a new case that was recorded with its first run."""
        _log_submitted(case)
        return self._runner.recorded(Case(submission=case.submission, stage=CaseStage.RECEIVED), case)

    def _asks_classifier(self, submission: Submission) -> bool:
        """Whether a run of this submission calls a classifier, which takes long and may fail: it is stored before."""
        is_given = submission.output is not None or submission.quality_check is not None
        return submission.awaits_classifier or (not is_given and self._runner.has_classifier)

    def _to_classify(self, intake: Intake) -> bool:
        """Whether a missing output is to be produced. A case that measures reviewers repeats another case."""
        if intake.quality_check is not None:
            return False
        return self._runner.has_classifier if intake.classify is None else intake.classify


def _log_submitted(case: Case) -> None:
    _log.info("case %s submitted", case.case_id, extra={"case_id": case.case_id, "event": "submitted"})
