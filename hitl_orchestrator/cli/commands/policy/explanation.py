"""The tasks that `hitl policy explain` names, each with its explanation."""

from collections.abc import Sequence
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
        Explained(task.task_id, facts, explain(policy, facts, roles), nearest_changes(compiled, facts))
        for task, output in _tasks(session, names, outputs_path)
        for facts in (facts_of(task, output),)
    ]


def facts_of(task: Task, output: AgentOutput | None) -> Facts:
    """Return the facts of a task as if it were submitted now."""
    risk = risk_of(task, ())
    return Facts.of(task, risk, output, score_of(output, risk, ScoreRules()))


def _tasks(session: Session, names: Sequence[str], outputs_path: str | None) -> list[tuple[Task, AgentOutput | None]]:
    """Return the tasks of the files, then those of the stored cases, each with its output."""
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
    return [(task, (outputs or {}).get(task.task_id)) for task in tasks] + _stored(session, ids)


def _stored(session: Session, ids: Sequence[str]) -> list[tuple[Task, AgentOutput | None]]:
    if not ids:
        return []
    with session.open() as hitl:
        cases = [hitl.cases.get(**named(hitl, each)) for each in ids]
    return [(case.submission.task, _output_of(case)) for case in cases]


def _output_of(case: Case) -> AgentOutput | None:
    """Return the proposal; for a reviewed case also one from a classifier."""
    return case.reviews[0].shown.routing.output if case.reviews else case.submission.output


def _is_file(name: str) -> bool:
    """Whether a word names a file rather than an id."""
    return name == "-" or "/" in name or name.endswith((".json", ".jsonl", ".ndjson")) or Path(name).is_file()
