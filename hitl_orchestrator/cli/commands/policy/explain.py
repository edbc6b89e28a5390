"""`hitl policy explain`: why does this policy say what it says?"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hitl_orchestrator.cli.commands.cases.run_files import Problems, name_of, read_outputs, read_tasks
from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import confidence
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import Explanation, Policy, compile_policy, explain, policy_hash
from hitl_orchestrator.policies.engine.risk import risk_of
from hitl_orchestrator.policies.engine.scoring import ScoreRules, score_of
from hitl_orchestrator.policies.explanation.counterfactuals import Counterfactual, nearest_changes
from hitl_orchestrator.policies.explanation.explain import RuleResult
from hitl_orchestrator.policies.language.model import FALLBACK
from hitl_orchestrator.wiring.build import load_people

_RESULT_STYLE = {RuleResult.DECIDES: "bold", RuleResult.FAILS: "dim", RuleResult.TOO_LATE: ""}


class Explained(NamedTuple):
    """One task, what the policy may look at, and what it makes of it."""

    task_id: str
    facts: Facts
    explanation: Explanation
    nearest: tuple[Counterfactual, ...]


def explain_tasks(session: Session, given: Sequence[str], outputs_path: str | None) -> None:
    """Explain what the policy says about the tasks of files and about known cases."""
    chain = load_people(session.reviewers).chain
    policy = session.policy_in_force(chain)
    compiled = compile_policy(policy, chain)
    explained = [
        Explained(task.task_id, facts, explain(policy, facts, chain), nearest_changes(compiled, facts))
        for task, output in _given_tasks(session, given, outputs_path)
        for facts in (facts_of(task, output),)
    ]
    answer(session.as_json, [_plain(one) for one in explained], lambda: _explanations(policy, explained))


def facts_of(task: Task, output: AgentOutput | None) -> Facts:
    """Return what a policy would look at if this task came in now."""
    risk = risk_of(task, ())
    return Facts.of(task, risk, output, score_of(output, risk, ScoreRules()))


def _given_tasks(
    session: Session, given: Sequence[str], outputs_path: str | None
) -> list[tuple[Task, AgentOutput | None]]:
    """Return the tasks of the files, then those of the known cases, each with its output."""
    files = [name for name in given if _is_a_file(name)]
    ids = [name for name in given if name not in files]
    problems = Problems()
    tasks = [task for path in files for task in problems.read(partial(read_tasks, path)) or ()]
    readable = tasks if not problems.found else None
    if outputs_path is not None and not files:
        problems.found.append("--outputs: a known case has its own output; give a file of tasks, or leave it out")
    where = ", ".join(map(name_of, files))
    outputs = problems.read(lambda: read_outputs(outputs_path, readable, where))
    if problems.found:
        raise InvalidInput(problems.found)
    return [(task, (outputs or {}).get(task.task_id)) for task in tasks] + _known(session, ids)


def _known(session: Session, ids: Sequence[str]) -> list[tuple[Task, AgentOutput | None]]:
    if not ids:
        return []
    with session.open() as hitl:
        return [(case.submission.task, _output_of(case)) for case in map(hitl.show, ids)]


def _output_of(case: Case) -> AgentOutput | None:
    """Return what was proposed, by a classifier too where the case was reviewed."""
    return case.reviews[0].shown.routing.output if case.reviews else case.submission.output


def _is_a_file(name: str) -> bool:
    """Whether a word names a file: an id has no folder and no such ending."""
    return name == "-" or "/" in name or name.endswith((".json", ".jsonl", ".ndjson")) or Path(name).is_file()


def _plain(one: Explained) -> dict[str, object]:
    return {
        "task_id": one.task_id,
        "facts": one.facts.to_json(),
        "routing_decision": one.explanation.decision.action,
        **one.explanation.decision.model_dump(mode="json", exclude={"action"}),
        "rules": [
            {**rule.model_dump(mode="json", exclude={"conditions"}), "why": rule.why} for rule in one.explanation.rules
        ],
        "nearest_changes": [
            {
                "routing_decision": near.action,
                "changed": near.changed,
                "facts": near.facts.to_json(),
                "sentence": near.sentence,
            }
            for near in one.nearest
        ],
    }


def _explanations(policy: Policy, explained: Sequence[Explained]) -> Iterator[Block]:
    yield Line(f"By {policy.policy_id} ({policy_hash(policy)[:12]}):", "dim")
    for task_id, facts, explanation, nearest in explained:
        decision = explanation.decision
        asked = f" by {decision.assigned_human_role}" if decision.assigned_human_role else ""
        signals = f", {', '.join(sorted(facts.signals))}" if facts.signals else ""
        yield Line()
        yield Line(f"{task_id}: {decision.action}{asked}", f"bold {blocks.routing(decision.action).style}")
        yield Line(f"risk {facts.risk_level}, confidence {confidence(facts.confidence)}{signals}", "dim", indent=2)
        yield _rules(explanation)
        # Where several layers have a say, or no rule holds, the table does not say what wins.
        if decision.rule_id == FALLBACK or any(rule.layer for rule in explanation.rules):
            yield Line(decision.reason, indent=2)
        for change in nearest:
            yield Line(f"It {change.sentence}.", indent=2)


def _rules(explanation: Explanation) -> Table:
    """Show every rule that was tried, with its layer where the policy has several."""
    layered = any(rule.layer for rule in explanation.rules)
    rows = [
        (
            *((Cell(rule.layer or ""),) if layered else ()),
            Cell(rule.rule_id),
            Cell(rule.result, _RESULT_STYLE[rule.result]),
            Cell(rule.why),
        )
        for rule in explanation.rules
    ]
    named = (Column("rule"), Column("verdict"), Column("because", gives_way=True, folds=True))
    return Table((Column("layer"), *named) if layered else named, rows)
