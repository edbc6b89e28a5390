"""Results of policy tests, and coverage."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.shown.numbers import cut_off, percent, plain_number
from hitl_orchestrator.policies import (
    Coverage,
    Mismatch,
    Policy,
    PolicyTest,
    PolicyTestTable,
    format_answer,
    policy_hash,
)

_DOTS_PER_LINE = 60


class Result(NamedTuple):
    """One test, the decision of the policy, and how it differs from the expected one."""

    test: PolicyTest
    decision: RoutingDecision
    mismatches: list[Mismatch]


class FileResult(NamedTuple):
    """The results of one file."""

    tests: PolicyTestTable
    results: list[Result]

    @property
    def failed(self) -> list[Result]:
        """The failed tests."""
        return [result for result in self.results if result.mismatches]


def report(
    files: Sequence[FileResult], covered: Sequence[tuple[Policy, Coverage]], required: float | None, seconds: float
) -> Iterator[Block]:
    """Report the results of all files, the failures, and the coverage."""
    widest = max(len(file.tests.where) for file in files)
    for file in files:
        dots = "".join("F" if result.mismatches else "." for result in file.results)
        style = "red" if file.failed else "green"
        for start in range(0, len(dots), _DOTS_PER_LINE):
            yield Line(f"{file.tests.where:{widest}}  {dots[start : start + _DOTS_PER_LINE]}", style)
    for file in files:
        for result in file.failed:
            yield from _failure(file.tests, result)
    for policy, coverage in covered:
        yield Line()
        yield from _coverage(policy, coverage, required)
    failed, passed = _totals(files)
    yield Line()
    summary = ", ".join([*([f"{failed} failed"] if failed else []), f"{passed} passed"])
    yield Line(f"{summary} in {seconds:.2f} s", "bold red" if failed else "bold green")


def _totals(files: Sequence[FileResult]) -> tuple[int, int]:
    failed = sum(len(file.failed) for file in files)
    return failed, sum(len(file.results) for file in files) - failed


def _failure(table: PolicyTestTable, result: Result) -> Iterator[Block]:
    yield Line()
    yield Line(f"FAILED {table.where}: {result.test.name}", "bold red")
    rows = [
        (Cell(each.field), Cell(format_answer(each.expected), "green"), Cell(format_answer(each.actual), "red"))
        for each in result.mismatches
    ]
    yield Table((Column(""), Column("expected"), Column("actual", gives_way=True, folds=True)), rows)
    yield Line(f"Why: {result.decision.reason}.", indent=2)
    for trial in result.decision.trace:
        if not trial.held:
            yield Line(f"{trial.rule_id} does not match: {trial.why}", "dim", indent=4)


def _coverage(policy: Policy, coverage: Coverage, required: float | None) -> Iterator[Block]:
    enough = coverage.percent >= (100 if required is None else required)
    missing = sum(len(sides) for _, sides in coverage.missing_values)
    share = percent(coverage.percent / 100, bound=None if required is None else required / 100)
    yield Line(
        f"{policy.policy_id}: {share} covered; "
        f"{coverage.rules - len(coverage.missing_rules)} of {count(coverage.rules, 'rule')} decided a test, "
        f"{coverage.values - missing} of {count(coverage.values, 'value')} next to the bounds were tested.",
        "green" if enough else "yellow" if required is None else "red",
    )
    rows = [(Cell(rule), Cell("decided no test")) for rule in coverage.missing_rules]
    rows += [
        (Cell(bound.rule_id), Cell(f"{bound.field} {plain_number(bound.value)} not tested {', '.join(sides)}"))
        for bound, sides in coverage.missing_values
    ]
    if rows:
        yield Table((Column("rule"), Column("missing", gives_way=True, folds=True)), rows)
    for bound in coverage.unreachable:
        yield Line(
            f"{bound.rule_id}: {bound.field} {plain_number(bound.value)} is unreachable: it decides no case.",
            "dim",
            indent=2,
        )
    if required is not None and not enough:
        yield Line(f"Below the required {plain_number(required)} %.", "red", indent=2)


def plain(files: Sequence[FileResult], covered: Sequence[tuple[Policy, Coverage]], seconds: float) -> dict[str, Any]:
    """Return the results for machines."""
    failed, passed = _totals(files)
    data: dict[str, Any] = {
        "passed": passed,
        "failed": failed,
        "seconds": round(seconds, 4),
        "files": [
            {
                "file": file.tests.where,
                "policy_id": file.tests.policy.policy_id,
                "policy_hash": policy_hash(file.tests.policy),
                "tests": [_plain_test(result) for result in file.results],
            }
            for file in files
        ],
    }
    return data | ({"coverage": [_plain_coverage(*each) for each in covered]} if covered else {})


def _plain_test(result: Result) -> dict[str, Any]:
    return {
        "name": result.test.name,
        "passed": not result.mismatches,
        "mismatches": [
            {"field": each.field, "expected": _json(each.expected), "actual": _json(each.actual)}
            for each in result.mismatches
        ],
        "reason": result.decision.reason,
    }


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else format_answer(value)


def _plain_coverage(policy: Policy, coverage: Coverage) -> dict[str, Any]:
    return {
        "policy_id": policy.policy_id,
        "percent": float(cut_off(coverage.percent, 2)),
        "rules": coverage.rules,
        "missing_rules": list(coverage.missing_rules),
        "values": coverage.values,
        "missing_values": [
            {"rule_id": bound.rule_id, "field": bound.field, "bound": bound.value, "missing": list(sides)}
            for bound, sides in coverage.missing_values
        ],
        "unreachable": [
            {"rule_id": bound.rule_id, "field": bound.field, "bound": bound.value} for bound in coverage.unreachable
        ],
    }
