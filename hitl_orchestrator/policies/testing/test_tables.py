"""Test tables: files of facts and expected answers of a policy, in YAML or CSV, with every problem at once."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from hitl_orchestrator.domain.decision import FALLBACK, Facts, RoutingDecision
from hitl_orchestrator.domain.enums import Action, Agreement, OnTimeout, RiskLevel, Signal
from hitl_orchestrator.domain.input.parsing import did_you_mean, problems
from hitl_orchestrator.domain.input.record_size import check_size
from hitl_orchestrator.domain.value import Confidence, FreeJson, Label, Text, UtcDatetime, Value, check_json
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES
from hitl_orchestrator.policies.language.declarations import FieldType
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.phrases import join
from hitl_orchestrator.policies.language.rule import Duration
from hitl_orchestrator.policies.language.tables.csv_rows import TRUTH, Row, rows_of_csv, typed_cell

TEST_FILE_ENDINGS = (".policy-test.yaml", ".policy-test.yml", ".policy-test.csv")
"""The suffixes of test tables."""

NO_VALUE = "-"
"""The CSV cell that expects no value, such as no role; an empty cell expects nothing in particular."""

_MOST_TESTS = 100_000
_FIELDS = re.compile(rf"({'|'.join(SOURCES)})\.(.+)", re.DOTALL)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _FactFields(Value):
    domain: Label = "any"
    task_type: Label = "any"
    confidence_score: Confidence | None = None
    signals: Annotated[tuple[Signal, ...], BeforeValidator(_as_list)] = ()
    has_proposal: bool = Field(default=True, strict=True)
    metadata: FreeJson = Field(default_factory=dict)
    proposal: FreeJson = Field(default_factory=dict)
    agent: FreeJson = Field(default_factory=dict)
    history: FreeJson = Field(default_factory=dict)
    derived: FreeJson | None = None
    timestamp: UtcDatetime | None = None
    received: UtcDatetime | None = None


class GivenFacts(_FactFields):
    """The facts of a test. The domain and the task type default to `any`, which no rule should name.

    Under a closed vocabulary `any` does not exist; there `read_tests` takes the first word of the vocabulary.

    A task is `received` at its own `timestamp` unless the test states something else; null is an unknown time.
    """

    risk_level: RiskLevel

    @property
    def facts(self) -> Facts:
        """The facts that the policy evaluates."""
        return Facts(
            risk_level=self.risk_level,
            domain=self.domain,
            task_type=self.task_type,
            confidence=self.confidence_score,
            signals=frozenset(self.signals),
            has_proposal=self.has_proposal,
            **{name: getattr(self, name) for name in SOURCES},
            moment=self.timestamp,
            received=self.received if "received" in self.model_fields_set else self.timestamp,
        )


class DefaultFacts(_FactFields):
    """The default facts of the tests of a table."""

    risk_level: RiskLevel | None = None


class Expected(Value):
    """The expected answer. Fields that are left out are not compared; `role: null` expects no reviewer."""

    action: Action | None = None
    role: Label | None = None
    rule: Label | None = None
    message: Text | None = None
    approvals: int | None = Field(default=None, strict=True)
    blind: bool | None = Field(default=None, strict=True)
    spot_check: Confidence | None = None
    hold: Confidence | None = None
    respond_within: Duration | None = None
    on_timeout: OnTimeout | None = None
    agreement: Agreement | None = None
    distinct_roles: bool | None = Field(default=None, strict=True)
    business_hours: bool | None = Field(default=None, strict=True)
    remind_before: Duration | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> "Expected":
        if not self.model_fields_set:
            raise ValueError("it expects nothing; add action, role or rule")
        return self


class PolicyTest(Value):
    """One test of a policy."""

    name: Text = Field(min_length=1)
    facts: GivenFacts
    expect: Expected

    def mismatches(self, decision: RoutingDecision) -> list["Mismatch"]:
        """Return the fields of the answer that differ from the expected ones."""
        actual = answer_fields(decision)
        names = [name for name in Expected.model_fields if name in self.expect.model_fields_set]
        expected = {name: getattr(self.expect, name) for name in names}
        return [Mismatch(name, expected[name], actual[name]) for name in names if expected[name] != actual[name]]


class Mismatch(NamedTuple):
    """The expected and the actual value of one field of the answer."""

    field: str
    expected: Any
    actual: Any


class PolicyTestTable(NamedTuple):
    """The tests of one file, and the policy that they test."""

    where: str
    policy: Policy
    tests: tuple[PolicyTest, ...]


class _Table(Value):
    policy: Text | None = Field(default=None, min_length=1)
    defaults: DefaultFacts = DefaultFacts()
    tests: tuple[Any, ...] = Field(min_length=1, max_length=_MOST_TESTS)


def answer_fields(decision: RoutingDecision) -> dict[str, Any]:
    """Return a decision under the field names of `Expected`."""
    fields: dict[str, Any] = {"action": decision.action, "role": decision.assigned_human_role, "rule": decision.rule_id}
    own = ("message", "spot_check", "hold", "respond_within", "on_timeout")
    asked = ("approvals", "blind", "agreement", "distinct_roles", "business_hours", "remind_before")
    fields |= {name: getattr(decision, name) for name in own}
    return fields | {name: getattr(decision.requirements, name) for name in asked}


def format_answer(value: Any) -> str:
    """Return a value of an answer for a message."""
    if value is None:
        return "no value"
    return str(value.total_seconds()) + " s" if isinstance(value, timedelta) else str(value)


def read_tests(text: str, where: str, policy_at: Callable[[str | None], Policy]) -> PolicyTestTable:
    """Read a test table. `policy_at` loads the policy that the table names, or the default policy for None.

    Raises:
        InvalidInput: with every problem and its path, such as `p.policy-test.yaml: tests[0].facts.risk_level: ...`.
    """
    if where.endswith(".csv"):
        policy = policy_at(None)
        raw = _rows_of(text, where, policy)
    else:
        table, defaults = _yaml_table(text, where)
        policy = policy_at(table.policy)
        raw = [(f"tests[{index}]", _with_defaults(test, defaults)) for index, test in enumerate(table.tests)]
    words = _default_words(policy)
    raw = [(prefix, _with_defaults(record, words)) for prefix, record in raw]
    tests: list[PolicyTest] = []
    listed: list[str] = []
    ids = {rule.rule_id for _, part in policy.parts for rule in part.rules} | {FALLBACK}
    for prefix, record in raw:
        try:
            tests.append(PolicyTest.model_validate(record))
        except ValidationError as exc:
            listed += problems(exc, where, PolicyTest, prefix=prefix)
        else:
            listed += _unknown_rule(tests[-1].expect.rule, ids, policy, f"{where}: {prefix}")
    if listed:
        raise InvalidInput(listed)
    return PolicyTestTable(where, policy, tuple(tests))


def _yaml_table(text: str, where: str) -> tuple[_Table, dict[str, Any]]:
    from hitl_orchestrator.policies.language.plain_yaml import read_yaml  # noqa: PLC0415 - not needed for CSV

    if not text.strip():
        raise InvalidInput([f"{where}: it is empty; a test table is an object with tests"])
    try:
        check_size(text)
        raw = check_json(read_yaml(text, where))
        table = _Table.model_validate(raw)
    except ValidationError as exc:
        raise InvalidInput(problems(exc, where, _Table)) from exc
    except ValueError as exc:
        raise InvalidInput([f"{where}: {exc}"]) from exc
    return table, raw.get("defaults") or {}


def _default_words(policy: Policy) -> dict[str, Any]:
    """Return the first word of each field with a closed vocabulary."""
    if policy.vocabulary is None:
        return {}
    words = {field: policy.vocabulary.words(field) for field in ("domain", "task_type")}
    return {field: known[0] for field, known in words.items() if known is not None}


def _with_defaults(raw: Any, defaults: dict[str, Any]) -> Any:
    """Return a test with the default facts of its table. Metadata of the test replace those of the table, and so on."""
    if not isinstance(raw, dict) or not isinstance(facts := raw.get("facts", {}), dict):
        return raw
    return raw | {"facts": defaults | facts}


def _unknown_rule(rule: str | None, ids: set[str], policy: Policy, where: str) -> list[str]:
    if rule is None or rule in ids:
        return []
    return [f"{where}.expect.rule: {rule!r} is not a rule of policy {policy.policy_id!r}{did_you_mean(rule, ids)}"]


def _rows_of(text: str, where: str, policy: Policy) -> list[tuple[str, dict[str, Any]]]:
    """Return the tests of a CSV text as raw records, each with its line."""
    first, *rows = rows_of_csv(text, where) or [Row(1, [])]
    header, at = first.cells, f"{where}: line {first.line}"
    facts, expected = set(GivenFacts.model_fields) - set(SOURCES), set(Expected.model_fields)
    columns = {"name", *facts, *expected}
    listed = [
        f"{at}: unknown column {name!r}{did_you_mean(name, columns)}"
        for name in header
        if name not in columns and not _FIELDS.fullmatch(name)
    ]
    listed += [f"{at}: the column {name!r} occurs twice" for name, number in Counter(header).items() if number > 1]
    listed += [
        f"{where}: line {line}: {len(cells)} cells, but the header has {len(header)}"
        for line, cells in rows
        if len(cells) != len(header)
    ]
    listed += [
        f"{at}: the policy declares no nested field {field[2]!r}; declare it under {field[1]} with its type, "
        "or leave the column out"
        for name in header
        if (field := _FIELDS.fullmatch(name)) and "." in field[2] and not _declared(policy, field[1], field[2])
    ]
    if not rows:
        listed.append(f"{where}: it has no test; write a header, then a line for each test")
    types = {name: _declared(policy, field[1], field[2]) for name in header if (field := _FIELDS.fullmatch(name))}
    listed += [
        f"{at}: the column {name!r} is {join((f'a {kind} in {layer}' for kind, layer in by.items()), 'and')}, "
        "and a cell has only one type; write this table as YAML"
        for name, by in types.items()
        if len(by) > 1
    ]
    if listed:
        raise InvalidInput(listed)
    kinds = {name: next(iter(by), None) for name, by in types.items()}
    return [(f"line {line}", _record(dict(zip(header, cells, strict=True)), facts, kinds)) for line, cells in rows]


def _declared(policy: Policy, source: str, field: str) -> dict[FieldType, str]:
    """Return each type that a layer declares for a field, with the first such layer."""
    layers: dict[FieldType, str] = {}
    for name, layer in policy.parts:
        declared = layer.declared(source)
        if field in declared:
            layers.setdefault(declared[field].type, name)
    return layers


def _record(cells: Mapping[str, str], facts: set[str], types: Mapping[str, FieldType | None]) -> dict[str, Any]:
    record: dict[str, Any] = {"facts": {}, "expect": {}}
    for name, cell in cells.items():
        if cell == "":
            continue
        if name == "name":
            record["name"] = cell
        elif named := _FIELDS.fullmatch(name):
            source, field = named[1], named[2]
            record["facts"].setdefault(source, {})[field] = typed_cell(cell, types[name])
        elif name in facts:
            record["facts"][name] = _fact(name, cell)
        else:
            record["expect"][name] = _answer(name, cell)
    return record


def _fact(name: str, cell: str) -> Any:
    if name == "signals":
        return cell.split()
    if name == "has_proposal":
        return TRUTH.get(cell.lower(), cell)
    return typed_cell(cell, FieldType.NUMBER) if name == "confidence_score" else cell


def _answer(name: str, cell: str) -> Any:
    if cell == NO_VALUE:
        return None
    if name in {"approvals", "spot_check", "hold"}:
        return typed_cell(cell, FieldType.NUMBER)
    return TRUTH.get(cell.lower(), cell) if name in {"blind", "distinct_roles", "business_hours"} else cell


def policy_names(name: str) -> tuple[str, ...]:
    """Return the possible file names of the policy of a test table, such as `p.json` for `p.policy-test.csv`."""
    stem = next((name.removesuffix(ending) for ending in TEST_FILE_ENDINGS if name.endswith(ending)), name)
    return tuple(stem + ending for ending in (".json", ".yaml", ".yml"))
