"""The tasks that `hitl policy explain` names, each with its explanation."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from hitl_orchestrator.cli.commands.cases.run_files import Problems, name_of, read_outputs, read_tasks
from hitl_orchestrator.cli.session import Session, named
from hitl_orchestrator.cli.views.policies.explanations import Explained
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import (
    Policy,
    ScoreRules,
    compile_policy,
    explain,
    nearest_changes,
    risk_of,
    score_of,
)


def explained_tasks(
    session: Session, policy: Policy, roles: RoleChain, names: Sequence[str], outputs_path: str | None
) -> list[Explained]:
    """Explain the decisions about the tasks of files and about stored cases."""
    compiled = compile_policy(policy, roles)
    return [
        Explained(task_id, facts, explain(policy, facts, roles), nearest_changes(compiled, facts))
        for task_id, facts in _facts(session, names, outputs_path)
    ]


def facts_of(task: Task, output: AgentOutput | None) -> Facts:
    """Return the facts of a task as if it were submitted now."""
    risk = risk_of(task, ())
    return Facts.of(task, risk, output, score_of(output, risk, ScoreRules()))


def _facts(session: Session, names: Sequence[str], outputs_path: str | None) -> list[tuple[str, Facts]]:
    """Return the ids and facts of the tasks of the files, then those of the stored cases."""
    files = [name for name in names if _is_file(name)]
    ids = [name for name in names if name not in files]
    problems = Problems()
    tasks = [task for path in files for task in problems.read(partial(read_tasks, path)) or ()]
    readable = tasks if not problems.sentences else None
    if outputs_path is not None and not files:
        problems.sentences.append("--outputs: a stored case has its own output; name a file of tasks, or leave it out")
    where = ", ".join(map(name_of, files))
    outputs = problems.read(lambda: read_outputs(outputs_path, readable, where))
    if problems.sentences:
        raise InvalidInput(problems.sentences)
    in_files = [(task.task_id, facts_of(task, (outputs or {}).get(task.task_id))) for task in tasks]
    return in_files + _stored(session, ids)


def _stored(session: Session, ids: Sequence[str]) -> list[tuple[str, Facts]]:
    if not ids:
        return []
    with session.open() as hitl:
        cases = [hitl.cases.get(**named(hitl, each)) for each in ids]
        hidden = [case for case in cases if case.open_review and hitl.reviews.view(case.case_id).hidden]
    if hidden:
        why = "its review is blind, and the facts would show the agent's answer; explain it once it is decided"
        raise InvalidInput([f"task {case.task_id!r}: {why}" for case in hidden])
    return [(case.task_id, _stored_facts(case)) for case in cases]


def _stored_facts(case: Case) -> Facts:
    """Return the facts by which a case was routed; those of its submission if it was not routed yet."""
    task, record = case.submission.task, case.record
    if case.reviews:
        routing = case.reviews[0].shown.routing
        return Facts.of(task, routing.risk_level, routing.output, routing.score)
    facts = facts_of(task, case.submission.output)
    if record is None:
        return facts
    return replace(
        facts,
        risk_level=record.risk_level,
        confidence=record.confidence_score,
        signals=frozenset(record.signals),
        has_proposal=record.proposed_output is not None,
    )


def _is_file(name: str) -> bool:
    """Whether a word names a file rather than an id."""
    return name == "-" or "/" in name or name.endswith((".json", ".jsonl", ".ndjson")) or Path(name).is_file()
