"""`hitl policy test`: tables of facts and expected answers, run as tests, and what of the policy they have tried."""

import json
import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import typer

from hitl_orchestrator.cli.commands.cases.run_files import Problems
from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import Policy, compile_policy, policy_hash
from hitl_orchestrator.policies.testing.coverage import Coverage, boundary_cases, coverage
from hitl_orchestrator.policies.testing.test_tables import (
    ENDINGS,
    Mismatch,
    PolicyTest,
    PolicyTestTable,
    answer_fields,
    format_answer,
)
from hitl_orchestrator.services.config_files import load_people, load_policy, load_policy_tests

_NOT_LOOKED_INTO = {"node_modules", "__pycache__"}
_A_LINE = 60


class Asked(NamedTuple):
    """What was asked for besides running the tests."""

    coverage: bool = False
    least: float | None = None
    boundaries: str | None = None


class Done(NamedTuple):
    """One test that was run."""

    test: PolicyTest
    decision: RoutingDecision
    differences: list[Mismatch]


class Ran(NamedTuple):
    """The tests of one file that were run."""

    tests: PolicyTestTable
    done: list[Done]

    @property
    def failed(self) -> list[Done]:
        """Those that found something else than they expected."""
        return [one for one in self.done if one.differences]


def test(session: Session, paths: Sequence[str], asked: Asked) -> None:
    """Run the tests of these files and folders, of the current folder where none is named.

    Whoever has tests written for a policy that is named asks for no tables: none is read that is not named.
    """
    chain = load_people(session.reviewers).chain
    named = None if session.given.policy is None else load_policy(session.given.policy, chain)
    problems = Problems()
    usual = [] if asked.boundaries is not None and named is not None else ["."]
    files = [file for path in paths or usual for file in problems.read(partial(_files_at, path)) or ()]
    started = perf_counter()
    read = [problems.read(partial(load_policy_tests, file, chain, named)) for file in files]
    if problems.found:
        raise InvalidInput(problems.found)
    tables = [one for one in read if one is not None]
    if asked.boundaries is not None:
        _write_boundaries(session, asked.boundaries, named, tables, chain)
        return
    if not tables:
        raise InvalidInput([f"no tests found; name a table of tests, *{' or *'.join(ENDINGS)}"])
    ran = [_run(table, chain) for table in tables]
    seconds = perf_counter() - started
    covered = _coverage_of(ran, chain) if asked.coverage or asked.least is not None else []
    answer(session.as_json, _plain(ran, covered, seconds), lambda: _report(ran, covered, asked, seconds))
    if any(one.failed for one in ran) or any(one.percent < (asked.least or 0) for _, one in covered):
        raise typer.Exit(NO)


def _files_at(path: str) -> list[Path]:
    """Return a file, or all tables of tests below a folder."""
    there = Path(path)
    if not there.is_dir():
        if not path.endswith(ENDINGS):
            raise InvalidInput([f"{path}: a table of tests ends in {', '.join(ENDINGS)}"])
        return [there]
    found: list[Path] = []
    for folder, within, names in os.walk(there):
        within[:] = sorted(name for name in within if not name.startswith(".") and name not in _NOT_LOOKED_INTO)
        found += [Path(folder, name) for name in sorted(names) if name.endswith(ENDINGS)]
    return found


def _run(table: PolicyTestTable, chain: RoleChain) -> Ran:
    compiled = compile_policy(table.policy, chain)
    decided = [(one, compiled.decide(one.facts.facts)) for one in table.tests]
    return Ran(table, [Done(one, decision, one.mismatches(decision)) for one, decision in decided])


def _coverage_of(ran: Sequence[Ran], chain: RoleChain) -> list[tuple[Policy, Coverage]]:
    """Return what all tests together tried of each policy."""
    policies = {policy_hash(one.tests.policy): one.tests.policy for one in ran}
    return [
        (
            policy,
            coverage(policy, [each.test.facts.facts for one in ran for each in one.done if _about(one, key)], chain),
        )
        for key, policy in policies.items()
    ]


def _about(ran: Ran, key: str) -> bool:
    return policy_hash(ran.tests.policy) == key


def _report(
    ran: Sequence[Ran], covered: Sequence[tuple[Policy, Coverage]], asked: Asked, seconds: float
) -> Iterator[Block]:
    widest = max(len(one.tests.where) for one in ran)
    for one in ran:
        dots = "".join("F" if each.differences else "." for each in one.done)
        style = "red" if one.failed else "green"
        for place in range(0, len(dots), _A_LINE):
            yield Line(f"{one.tests.where:{widest}}  {dots[place : place + _A_LINE]}", style)
    for one in ran:
        for each in one.failed:
            yield from _failure(one.tests, each)
    for policy, found in covered:
        yield Line()
        yield from _covered(policy, found, asked.least)
    failed, passed = (sum(len(one.failed) for one in ran), sum(len(one.done) - len(one.failed) for one in ran))
    told = ", ".join([*([f"{failed} failed"] if failed else []), f"{passed} passed"])
    yield Line()
    yield Line(f"{told} in {seconds:.2f} s", "bold red" if failed else "bold green")


def _failure(table: PolicyTestTable, done: Done) -> Iterator[Block]:
    yield Line()
    yield Line(f"FAILED {table.where}: {done.test.name}", "bold red")
    rows = [
        (Cell(one.field), Cell(format_answer(one.expected), "green"), Cell(format_answer(one.actual), "red"))
        for one in done.differences
    ]
    yield Table((Column(""), Column("expected"), Column("found", gives_way=True, folds=True)), rows)
    yield Line(f"Why: {done.decision.reason}.", indent=2)
    for trial in done.decision.trace:
        if not trial.held:
            yield Line(f"{trial.rule_id} does not hold: {trial.why}", "dim", indent=4)


def _covered(policy: Policy, found: Coverage, least: float | None) -> Iterator[Block]:
    enough = found.percent >= (100 if least is None else least)
    missing = sum(len(sides) for _, sides in found.missing_values)
    yield Line(
        f"{policy.policy_id}: {found.percent:.0f} % covered; {found.rules - len(found.missing_rules)} of "
        f"{count(found.rules, 'rule')} decided, {found.values - missing} of {count(found.values, 'value')} beside the "
        "bounds were tried.",
        "green" if enough else "yellow" if least is None else "red",
    )
    rows = [(Cell(rule), Cell("decided no test")) for rule in found.missing_rules]
    rows += [
        (Cell(bound.rule_id), Cell(f"{bound.field} {bound.value:g} not tried {', '.join(sides)}"))
        for bound, sides in found.missing_values
    ]
    if rows:
        yield Table((Column("rule"), Column("missing", gives_way=True, folds=True)), rows)
    for bound in found.unreachable:
        yield Line(f"{bound.name} is out of reach: there is no case in which it matters.", "dim", indent=2)
    if least is not None and not enough:
        yield Line(f"Less than the {least:g} % that are asked for.", "red", indent=2)


def _plain(ran: Sequence[Ran], covered: Sequence[tuple[Policy, Coverage]], seconds: float) -> dict[str, Any]:
    data: dict[str, Any] = {
        "passed": sum(len(one.done) - len(one.failed) for one in ran),
        "failed": sum(len(one.failed) for one in ran),
        "seconds": round(seconds, 4),
        "files": [
            {
                "file": one.tests.where,
                "policy_id": one.tests.policy.policy_id,
                "policy_hash": policy_hash(one.tests.policy),
                "tests": [_plain_test(each) for each in one.done],
            }
            for one in ran
        ],
    }
    return data | ({"coverage": [_plain_coverage(*one) for one in covered]} if covered else {})


def _plain_test(done: Done) -> dict[str, Any]:
    return {
        "name": done.test.name,
        "passed": not done.differences,
        "differences": [
            {"what": one.field, "expected": _json(one.expected), "found": _json(one.actual)} for one in done.differences
        ],
        "reason": done.decision.reason,
    }


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else format_answer(value)


def _plain_coverage(policy: Policy, found: Coverage) -> dict[str, Any]:
    return {
        "policy_id": policy.policy_id,
        "percent": round(found.percent, 2),
        "rules": found.rules,
        "missing_rules": list(found.missing_rules),
        "values": found.values,
        "missing_values": [
            {"rule_id": bound.rule_id, "field": bound.field, "bound": bound.value, "missing": list(sides)}
            for bound, sides in found.missing_values
        ],
        "unreachable": [
            {"rule_id": bound.rule_id, "field": bound.field, "bound": bound.value} for bound in found.unreachable
        ],
    }


def _write_boundaries(
    session: Session, out: str, named: Policy | None, tables: Sequence[PolicyTestTable], chain: RoleChain
) -> None:
    """Write tests beside each bound, with what the policy answers today."""
    policies = {policy_hash(one.policy): one.policy for one in tables}
    policy = named or (next(iter(policies.values())) if len(policies) == 1 else None)
    if policy is None:
        raise InvalidInput(["--write-boundaries: give --policy, the policy whose bounds are to be tried"])
    if not out.endswith(ENDINGS[:2]):
        raise InvalidInput([f"--write-boundaries: {out} does not end in {ENDINGS[0]}, so nothing would find it"])
    if Path(out).exists():
        raise InvalidInput([f"--write-boundaries: {out} is there already, perhaps reviewed; name another file"])
    compiled = compile_policy(policy, chain)
    cases = [(name, facts, compiled.decide(facts)) for name, facts in boundary_cases(policy)]
    if not cases:
        raise InvalidInput([f"policy {policy.policy_id!r} names no bound, so there is nothing to write"])
    beside = None if session.given.policy is None else os.path.relpath(session.given.policy, Path(out).parent)
    text = "\n".join(_written(policy, beside, cases)) + "\n"
    try:
        Path(out).write_text(text, "utf-8")
    except OSError as exc:
        raise InvalidInput([f"{out}: cannot be written: {exc.strerror}"]) from exc
    told = f"{count(len(cases), 'test')} written to {out}: what the policy answers today, for you to review."
    answer(session.as_json, {"file": out, "tests": len(cases)}, lambda: [Line(told)])


def _written(policy: Policy, beside: str | None, cases: Sequence[tuple[str, Facts, RoutingDecision]]) -> Iterator[str]:
    yield (
        f"# To be reviewed by a person: written from what {policy.policy_id} ({policy_hash(policy)[:12]}) answers, "
        "which need not be what it should answer."
    )
    if beside is not None:
        yield f"policy: {_yaml(beside)}"
    yield "tests:"
    for name, facts, decision in cases:
        yield f"  - name: {_yaml(name)}"
        yield f"    facts: {_yaml(_facts_said(facts))}"
        said = answer_fields(decision)
        yield f"    expect: {_yaml({name: said[name] for name in ('action', 'role', 'rule')})}"


def _facts_said(facts: Facts) -> dict[str, Any]:
    said: dict[str, Any] = {"risk_level": facts.risk_level, "domain": facts.domain, "task_type": facts.task_type}
    more = {
        "confidence_score": facts.confidence,
        "signals": sorted(facts.signals),
        "metadata": dict(facts.metadata),
        "timestamp": None if facts.moment is None else facts.moment.isoformat(),
    }
    said |= {name: value for name, value in more.items() if value not in (None, [], {})}
    return said if facts.has_proposal else said | {"has_proposal": False}


def _yaml(value: Any) -> str:
    """Write a value on one line, in the plain YAML that is read back: no number has an exponent."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(name)}: {_yaml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        plain = format(Decimal(repr(value)), "f")
        return plain if "." in plain else f"{plain}.0"
    return str(value) if isinstance(value, int) else json.dumps(str(value), ensure_ascii=False)
