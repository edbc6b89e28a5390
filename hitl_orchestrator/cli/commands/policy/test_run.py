"""Test tables of policies: load, run, measure coverage, and write boundary tests."""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from hitl_orchestrator.cli.intake.problems import Problems
from hitl_orchestrator.cli.output.data import write_file
from hitl_orchestrator.cli.views.policies.tests import FileResult, Result
from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.orchestrator import load_policy_tests
from hitl_orchestrator.policies import (
    TEST_FILE_ENDINGS,
    Coverage,
    Policy,
    PolicyTestTable,
    answer_fields,
    boundary_cases,
    compile_policy,
    coverage,
    policy_hash,
)

_SKIPPED = {"node_modules", "__pycache__"}


def load_tables(paths: Sequence[str], roles: RoleChain, policy: Policy | None) -> list[PolicyTestTable]:
    """Return the test tables of these files and folders. `policy` replaces the policies that the tables name.

    Raises:
        InvalidInput: with every problem of every table.
    """
    problems = Problems()
    files = [file for path in paths for file in problems.read(partial(_files_at, path)) or ()]
    tables = [problems.read(partial(load_policy_tests, file, roles, policy)) for file in files]
    if problems.sentences:
        raise InvalidInput(problems.sentences)
    return [table for table in tables if table is not None]


def _files_at(path: str) -> list[Path]:
    """Return a file, or all test tables below a folder."""
    folder = Path(path)
    if not folder.is_dir():
        if not path.endswith(TEST_FILE_ENDINGS):
            raise InvalidInput([f"{path}: a test table ends in {', '.join(TEST_FILE_ENDINGS)}"])
        return [folder]
    tables: list[Path] = []
    for parent, within, names in os.walk(folder):
        within[:] = sorted(name for name in within if not name.startswith(".") and name not in _SKIPPED)
        tables += [Path(parent, name) for name in sorted(names) if name.endswith(TEST_FILE_ENDINGS)]
    return tables


def run_table(table: PolicyTestTable, roles: RoleChain) -> FileResult:
    """Run the tests of a table."""
    compiled = compile_policy(table.policy, roles)
    decided = [(test, compiled.decide(test.facts.facts)) for test in table.tests]
    return FileResult(table, [Result(test, decision, test.mismatches(decision)) for test, decision in decided])


def coverage_of(files: Sequence[FileResult], roles: RoleChain) -> list[tuple[Policy, Coverage]]:
    """Return the coverage of each policy by all tests together."""
    policies = {policy_hash(file.tests.policy): file.tests.policy for file in files}
    return [(policy, coverage(policy, _facts_tested(files, key), roles)) for key, policy in policies.items()]


def _facts_tested(files: Sequence[FileResult], key: str) -> list[Facts]:
    of_policy = [file for file in files if policy_hash(file.tests.policy) == key]
    return [result.test.facts.facts for file in of_policy for result in file.results]


def write_tests(
    out: str, path: str | None, named: Policy | None, tables: Sequence[PolicyTestTable], roles: RoleChain
) -> int:
    """Write tests at each bound with the policy's current decisions, and return their number.

    Raises:
        InvalidInput: no single policy is named, it has no bounds, or the file exists or cannot be written.
    """
    policies = {policy_hash(table.policy): table.policy for table in tables}
    policy = named or (next(iter(policies.values())) if len(policies) == 1 else None)
    if policy is None:
        raise InvalidInput(["--write-boundaries: name the policy to test with --policy"])
    if not out.endswith(TEST_FILE_ENDINGS[:2]):
        ending = f"does not end in {TEST_FILE_ENDINGS[0]}, so 'hitl policy test' would not find it"
        raise InvalidInput([f"--write-boundaries: {out} {ending}"])
    if Path(out).exists():
        raise InvalidInput([f"--write-boundaries: {out} exists, and may have been reviewed; name another file"])
    compiled = compile_policy(policy, roles)
    cases = [(name, facts, compiled.decide(facts)) for name, facts in boundary_cases(policy, roles)]
    if not cases:
        raise InvalidInput([f"policy {policy.policy_id!r} has no bounds, so there is nothing to write"])
    relative = None if path is None else os.path.relpath(path, Path(out).parent)
    text = "\n".join(_lines(policy, relative, cases)) + "\n"
    write_file(out, text)
    return len(cases)


def _lines(policy: Policy, path: str | None, cases: Sequence[tuple[str, Facts, RoutingDecision]]) -> Iterator[str]:
    yield (
        f"# Review before use: written from the decisions of {policy.policy_id} ({policy_hash(policy)[:12]}), "
        "which may differ from the intended ones."
    )
    if path is not None:
        yield f"policy: {_yaml(path)}"
    yield "tests:"
    whole, derives = set[str](), any(part.derived for _, part in policy.parts)
    for name, facts, decision in cases:
        yield f"  - name: {_yaml(name)}"
        yield f"    facts: {_yaml(_facts_fields(facts, derives=derives))}"
        yield f"    expect: {_yaml(_expected(decision, whole=decision.rule_id not in whole))}"
        whole.add(decision.rule_id)


def _expected(decision: RoutingDecision, *, whole: bool) -> dict[str, Any]:
    """Return the action, the role and the rule, and for the first test of a rule everything else that is set."""
    fields = answer_fields(decision)
    named = {field: fields.pop(field) for field in ("action", "role", "rule")}
    return named | {name: _plain(value) for name, value in fields.items() if whole and value is not None}


def _plain(value: Any) -> Any:
    return TypeAdapter(timedelta).dump_python(value, mode="json") if isinstance(value, timedelta) else value


def _facts_fields(facts: Facts, *, derives: bool) -> dict[str, Any]:
    """Return the facts as a test states them, without those that have no value.

    Where a policy `derives` facts they are stated even if all are unknown, since a test without them has the derived
    ones.
    A test without `received` is received at its `timestamp`, so that another time is stated, and that there is none.
    """
    fields = {name: value for name, value in facts.to_json().items() if value not in (None, [], {})}
    if derives and facts.derived is not None:
        fields["derived"] = dict(facts.derived)
    if facts.received == facts.moment:
        fields.pop("received", None)
    elif facts.received is None:
        fields["received"] = None
    return fields if not facts.has_proposal else {name: fields[name] for name in fields if name != "has_proposal"}


def _yaml(value: Any) -> str:
    """Write a value as one-line YAML that our plain reader accepts: no number has an exponent."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(name)}: {_yaml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        plain = format(Decimal(repr(value)), "f")
        return plain if "." in plain else f"{plain}.0"
    return str(value) if isinstance(value, int) else json.dumps(str(value), ensure_ascii=False)
