"""The tasks that `hitl policy explain` names, each with its explanation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from hitl_orchestrator.cli.commands.cases.run_files import read_outputs, read_tasks
from hitl_orchestrator.cli.intake.problems import Problems
from hitl_orchestrator.cli.intake.source import name_of
from hitl_orchestrator.cli.output.data import check_read_once
from hitl_orchestrator.cli.output.formatting import now
from hitl_orchestrator.cli.session import Session, named
from hitl_orchestrator.cli.views.policies.explanations import Explained
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.orchestrator import load_score_rules
from hitl_orchestrator.policies import (
    Policy,
    ScoreRules,
    compile_policy,
    explain,
    nearest_changes,
    risk_of,
    score_of,
)


class Named(NamedTuple):
    """The id of a task, its facts, and the fields of its output that scoring could not read."""

    task_id: str
    facts: Facts
    unreadable: tuple[str, ...]


def explained_tasks(
    session: Session,
    policy: Policy,
    roles: RoleChain,
    names: Sequence[str],
    outputs_path: str | None,
    at: str | None = None,
    history: Sequence[str] = (),
) -> list[Explained]:
    """Explain the decisions about the tasks of files, as if received `at` a time, and about stored cases.

    `history` states counters of the tasks of files, such as `paid_30d=400`.
    """
    received, counters = _moment(at), _counters(history, policy)
    compiled = compile_policy(policy, roles)
    return [
        Explained(task_id, facts, unreadable, explain(policy, facts, roles), nearest_changes(compiled, facts))
        for task_id, facts, unreadable in _facts(session, names, outputs_path, received, counters)
    ]


def _counters(stated: Sequence[str], policy: Policy) -> dict[str, float]:
    """Return the stated counters by their names. Raises `InvalidInput`."""
    declared = {name for _, part in policy.parts for name in part.history}
    counters: dict[str, float] = {}
    for each in stated:
        name, _, text = each.partition("=")
        if name not in declared:
            there = f"; the counters are {', '.join(sorted(declared))}" if declared else "; the policy has no counter"
            raise InvalidInput([f"--history: {each!r}: no counter has this name{there}"])
        try:
            counters[name] = float(text)
        except ValueError:
            raise InvalidInput([f"--history: {each!r}: write a number after the name, such as {name}=3"]) from None
        if not isfinite(counters[name]):
            raise InvalidInput([f"--history: {each!r}: write a finite number, such as {name}=3"])
    return counters


def _moment(at: str | None) -> datetime:
    """Return a time that a user states, now without one. Raises `InvalidInput`."""
    try:
        moment = now() if at is None else datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise InvalidInput([f"--at: {at!r} is not a time with its zone; write one such as 2026-12-24T23:00:00+01:00"])
    return moment


def scored(task: Task, output: AgentOutput | None, rules: ScoreRules, received: datetime) -> Named:
    """Return the facts of a task as if it were received then, by a store without reviewed cases to compare it with."""
    risk = risk_of(task, ())
    score = score_of(output, risk, rules, task, received=received)
    return Named(task.task_id, Facts.of(task, risk, output, score, received), score.unreadable)


def _facts(
    session: Session,
    names: Sequence[str],
    outputs_path: str | None,
    received: datetime,
    counters: Mapping[str, float],
) -> list[Named]:
    """Return the facts of the tasks of the files, then those of the stored cases."""
    files = [name for name in names if _is_file(name)]
    ids = [name for name in names if name not in files]
    stdin = {f"TASKS[{place}]": name for place, name in enumerate(names)}
    check_read_once(**stdin, **{"--outputs": outputs_path})
    problems = Problems()
    tasks = [task for path in files for task in problems.read(partial(read_tasks, path)) or ()]
    readable = tasks if not problems.sentences else None
    if outputs_path is not None and not files:
        problems.sentences.append("--outputs: a stored case has its own output; name a file of tasks, or leave it out")
    where = ", ".join(map(name_of, files))
    outputs = problems.read(lambda: read_outputs(outputs_path, readable, where))
    if problems.sentences:
        raise InvalidInput(problems.sentences)
    rules = load_score_rules(None, session.policy) or ScoreRules()
    named = [scored(task, (outputs or {}).get(task.task_id), rules, received) for task in tasks]
    named = [each._replace(facts=replace(each.facts, history=counters)) for each in named]
    return named + _stored(session, ids)


def _stored(session: Session, ids: Sequence[str]) -> list[Named]:
    if not ids:
        return []
    with session.governed().open() as hitl:
        cases = [hitl.cases.get(**named(hitl, each)) for each in ids]
        hidden = [case for case in cases if case.open_review and hitl.reviews.view(case.case_id).hidden]
    if hidden:
        why = "its review is blind, and the facts would show the agent's answer; explain it once it is decided"
        raise InvalidInput([f"task {case.task_id!r}: {why}" for case in hidden])
    return [_routed(case) for case in cases]


def _routed(case: Case) -> Named:
    """Return the facts by which a case was routed; those of its submission if it was not routed yet."""
    task, record = case.submission.task, case.record
    if case.reviews:
        routing = case.reviews[0].shown.routing
        facts = Facts.of(
            task, routing.risk_level, routing.output, routing.score, routing.received, history=routing.history
        )
        return Named(task.task_id, facts, routing.score.unreadable)
    submitted = scored(task, case.submission.output, ScoreRules(), case.submission.judged_at)
    if record is None:
        return submitted
    facts = replace(
        submitted.facts,
        risk_level=record.risk_level,
        confidence=record.confidence_score,
        signals=frozenset(record.signals),
        has_proposal=record.proposed_output is not None,
    )
    return Named(task.task_id, facts, record.unreadable)


def _is_file(name: str) -> bool:
    """Whether a word names a file rather than an id."""
    return name == "-" or "/" in name or name.endswith((".json", ".jsonl", ".ndjson")) or Path(name).is_file()
