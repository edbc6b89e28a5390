"""Loading of policy files: JSON or YAML, in the current or the first format, with every problem at once."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from hitl_orchestrator.domain.input.file_kinds import POLICY, check_kind
from hitl_orchestrator.domain.input.parsing import problems, read_json
from hitl_orchestrator.domain.input.record_size import check_record, check_size
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import ID_PATTERN, check_json
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.language.lists import with_files
from hitl_orchestrator.policies.language.model import Policy, PolicyStack, policy_of
from hitl_orchestrator.policies.language.positions import Path, file_lines, is_yaml, numbered_id
from hitl_orchestrator.policies.language.tables.expansion import without_tables

_FOR_EDITORS = "$schema"
_ID = re.compile(ID_PATTERN)
_ROW = re.compile(r"(?:(?P<kind>domains|users)\.(?P<name>.+?)\.)?table\[(?P<index>[0-9]+)\]")


def read_policy(
    text: str, where: str, roles: RoleChain | None = DEFAULT_CHAIN, *, beside: Callable[[str], bytes] | None = None
) -> Policy:
    """Read a policy; `where` names its source, and its suffix selects JSON or YAML. Roles are those of `roles`, if any.

    `beside` returns the content of a file beside it by its name, for lists and tables that are in files; without it
    a policy that names a file is refused, unless it has the values of the list too.

    Without a known suffix, text that starts with a brace or a bracket is JSON. In the first format a rule has a
    `condition`, no id and no priority: its rules are numbered in file order. `$schema`, which editors read, is ignored.

    Raises:
        InvalidInput: with every problem and its path, such as `p.json: rules[0].action: ...`.
    """
    raw = parse_policy(text.removeprefix("\ufeff"), where)
    check_kind(raw, POLICY, where)
    if not isinstance(raw, dict):
        raise InvalidInput([f"{where}: a policy is an object with policy_id and rules"])
    if isinstance(raw.get(_FOR_EDITORS), str):
        del raw[_FOR_EDITORS]
    first_format = _is_first_format(raw)
    if first_format and (layers := sorted(raw.keys() & {"domains", "users"})):
        raise InvalidInput(
            f"{where}: {name}: the rules of a policy in layers need rule_id, priority and conditions; "
            "these have only a condition, as in the first format of policy files"
            for name in layers
        )
    try:
        expanded = without_tables(with_files(raw, where, beside), where, beside)
    except InvalidInput as exc:
        raise InvalidInput(_with_lines_of_rows(exc.problems, text, where)) from exc
    written = _current(raw) if first_format else expanded.raw
    try:
        policy = policy_of(written, roles)
    except ValidationError as exc:
        listed = problems(exc, where, PolicyStack if exc.title == "PolicyStack" else Policy)
        in_rows = _with_lines_of_rows([expanded.as_written(problem, where) for problem in listed], text, where)
        places = _places([error["loc"] for error in exc.errors()], written, text, where)
        raise InvalidInput(
            # A row of a table has its own place.
            row if row != problem else f"{where}: {place}{_in_first_format(problem, first_format)[len(where) + 2 :]}"
            for problem, row, place in zip(listed, in_rows, places, strict=True)
        ) from exc
    check_record(policy, f"{where} with its lists and tables")
    return policy


def parse_policy(text: str, where: str) -> Any:
    """Return the raw content of a policy file, whatever it holds. Raises `InvalidInput`."""
    if not text.strip():
        raise InvalidInput([f"{where}: it is empty; a policy is an object with policy_id and rules"])
    yaml = is_yaml(text, where)
    if yaml:
        # Imported here because most policies are JSON, and the import slows down every command.
        from hitl_orchestrator.policies.language.plain_yaml import read_yaml  # noqa: PLC0415

    try:
        check_size(text)
        return check_json(read_yaml(text, where) if yaml else read_json(text, where))
    except ValueError as exc:
        raise InvalidInput([f"{where}: {exc}"]) from exc


def _places(paths: Sequence[Path], raw: Any, text: str, where: str) -> list[str]:
    """Return the line of each part of a file and the rule that contains it, such as `line 12 (small): `."""
    if "\n" not in text.strip():
        return [""] * len(paths)
    lines = file_lines(text, where)
    places = [(lines.of_part(path), _rule_at(path, raw)) for path in paths]
    return [f"line {line}{f' ({rule})' if rule else ''}: " if line is not None else "" for line, rule in places]


def _rule_at(path: Path, raw: Any) -> str | None:
    """Return the id of the rule that contains a part, if it states a usable one."""
    for step, following in pairwise((*path, "")):
        try:
            raw = raw[step]
        except (LookupError, TypeError):
            return None
        if isinstance(step, int) and isinstance(raw, dict):
            rule_id = raw.get("rule_id")
            return rule_id if following != "rule_id" and _ID.fullmatch(str(rule_id)) else None
    return None


def _with_lines_of_rows(listed: Sequence[str], text: str, where: str) -> list[str]:
    """Return problems with the line of each row of a table that they name."""
    named = [_ROW.match(problem, len(where) + 2) for problem in listed]
    if not any(named):
        return list(listed)
    lines = file_lines(text, where).parts
    written = []
    for problem, row in zip(listed, named, strict=True):
        layer = () if row is None or row["kind"] is None else (row["kind"], row["name"])
        paths = (
            () if row is None else ((*layer, "table", int(row["index"])), (*layer, "table", "rows", int(row["index"])))
        )
        line = next((lines[path] for path in paths if path in lines), None)
        at = 0 if row is None else row.end()
        written.append(problem if line is None else f"{problem[:at]} (line {line}){problem[at:]}")
    return written


def _is_first_format(raw: dict[str, Any]) -> bool:
    entries = raw.get("rules")
    rules = [rule for rule in entries if isinstance(rule, dict)] if isinstance(entries, list) else []
    return any("condition" in rule for rule in rules) and not any(
        {"conditions", "rule_id", "priority"} & rule.keys() for rule in rules
    )


def _current(raw: dict[str, Any]) -> dict[str, Any]:
    return raw | {"rules": [_numbered(number, rule) for number, rule in enumerate(raw["rules"], start=1)]}


def _numbered(number: int, rule: Any) -> Any:
    if not isinstance(rule, dict):
        return rule
    fields = {"conditions" if name == "condition" else name: value for name, value in rule.items()}
    return {"rule_id": numbered_id(number - 1), "priority": number} | fields


def _in_first_format(problem: str, first_format: bool) -> str:
    return problem if not first_format else re.sub(r"(: rules\[[0-9]+\]\.condition)s\b", r"\1", problem, count=1)
