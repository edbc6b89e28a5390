"""Decision tables of a raw policy as rules: one rule for each row, with its place for errors."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.language.positions import row_id
from hitl_orchestrator.policies.language.tables.columns import ANY, Column, columns_of
from hitl_orchestrator.policies.language.tables.csv_rows import Row, rows_of_csv

Beside = Callable[[str], bytes]
"""Returns the content of a file beside the policy by its name. Raises `InvalidInput`."""

TABLE = "table"
_FORMS = "it is a list of rows, the name of a CSV file, or an object with rows or file, and first_priority"
_RULE = re.compile(r"(?P<layer>(?:domains|users)\.(?P<name>.+?)\.)?rules\[(?P<index>[0-9]+)\](?P<rest>[^:]*)")


class _Cells(NamedTuple):
    """A row as written: where it is, and its cells by their headers."""

    where: str
    cells: dict[str, Any]


class _Placed(NamedTuple):
    """A rule of a table: where its row is, and the header of each part of it."""

    where: str
    headers: dict[str, str]

    def header_of(self, part: str) -> str:
        """Return the header of the column that gave a part of the rule, or is the first one within it."""
        part = f"{part}."
        outer = (name for path, name in self.headers.items() if part.startswith(f"{path}."))
        inner = (name for path, name in self.headers.items() if f"{path}.".startswith(part))
        return next(outer, None) or next(inner, part[:-1])


class Expansion(NamedTuple):
    """A policy without tables, and the places of the rules that were rows."""

    raw: dict[str, Any]
    places: dict[tuple[str, int], _Placed]

    def as_written(self, problem: str, where: str) -> str:
        """Return a problem of the policy with the row and the column in place of the rule that the row became."""
        found = _RULE.match(problem, len(where) + 2)
        placed = found and self.places.get((found["layer"] or "", int(found["index"])))
        if not found or not placed:
            return problem
        rest = found["rest"].removeprefix(".")
        header = placed.header_of(rest)
        return f"{placed.where}{f': {header}' if header else ''}{problem[found.end() :]}"


def without_tables(raw: dict[str, Any], where: str, beside: Beside | None) -> Expansion:
    """Return a raw policy whose tables, also those of its layers, are rules after its other ones.

    Raises:
        InvalidInput: with every problem of the tables.
    """
    problems: list[str] = []
    places: dict[tuple[str, int], _Placed] = {}

    def expanded(policy: Any, layer: str) -> Any:
        if not isinstance(policy, dict) or TABLE not in policy:
            return policy
        rules = policy.get("rules", [])
        if not isinstance(rules, list):
            return policy
        fields = {name: value for name, value in policy.items() if name != TABLE}
        try:
            added = list(_rules(policy, rules, f"{where}: {layer}", beside))
        except InvalidInput as exc:
            problems.extend(exc.problems)
            return fields | {"rules": rules}
        places.update({(layer, len(rules) + index): placed for index, (_, placed) in enumerate(added)})
        return fields | {"rules": [*rules, *(rule for rule, _ in added)]}

    result = expanded(raw, "")
    for kind in ("domains", "users"):
        if isinstance(layers := result.get(kind), dict):
            changed = {name: expanded(layer, f"{kind}.{name}.") for name, layer in layers.items()}
            result = result | {kind: changed}
    if problems:
        raise InvalidInput(problems)
    return Expansion(result, places)


def _rules(
    policy: Mapping[str, Any], rules: list[Any], where: str, beside: Beside | None
) -> Iterator[tuple[dict[str, Any], _Placed]]:
    table, at = policy[TABLE], f"{where}{TABLE}"
    fields = table if isinstance(table, dict) else {"file" if isinstance(table, str) else "rows": table}
    if len(fields.keys() & {"rows", "file"}) != 1 or not fields.keys() <= {"rows", "file", "first_priority"}:
        raise InvalidInput([f"{at}: {_FORMS}"])
    first = fields.get("first_priority", _after(rules))
    if not isinstance(first, int) or isinstance(first, bool):
        raise InvalidInput([f"{at}.first_priority: {first!r} is not a whole number"])
    if "file" in fields:
        header, listed = _rows_of_file(fields["file"], at, beside)
        columns, problems = columns_of(header.cells, policy)
        problems = [f"{fields['file']}: line {header.line}: {problem}" for problem in problems]
    else:
        listed = _rows_of_list(fields["rows"], at)
        columns, problems = columns_of(dict.fromkeys(name for row in listed for name in row.cells), policy)
        problems = [f"{at}: {problem}" for problem in problems]
    if not listed:
        problems.append(f"{at}: it has no row; write a header, then a line for each rule")
    made = [_rule(row, columns, number, first, problems) for number, row in enumerate(listed)]
    if problems:
        raise InvalidInput(problems)
    yield from made


def _after(rules: list[Any]) -> int:
    """Return the priority after all rules, so that the rows are tried last."""
    named = [rule.get("priority") for rule in rules if isinstance(rule, dict)]
    return 1 + max((each for each in named if isinstance(each, int)), default=0)


def _rows_of_file(name: Any, at: str, beside: Beside | None) -> tuple[Row, list[_Cells]]:
    if not isinstance(name, str) or not name:
        raise InvalidInput([f"{at}.file: {name!r} is not the name of a file"])
    if beside is None:
        why = "a file beside the policy is read only where the policy is a file; write its rows here"
        raise InvalidInput([f"{at}: {name}: {why}"])
    try:
        text = beside(name).decode("utf-8-sig")
    except InvalidInput as exc:
        raise InvalidInput(f"{at}: {problem}" for problem in exc.problems) from exc
    except UnicodeDecodeError as exc:
        raise InvalidInput([f"{name}: not UTF-8 text (byte {exc.start}); save it as UTF-8"]) from exc
    rows = rows_of_csv(text, name, semicolons=True)
    if not rows:
        raise InvalidInput([f"{name}: it has no row; write a header, then a line for each rule"])
    header, *listed = rows
    wide = [
        f"{name}: line {line}: {len(cells)} cells, but the header has {len(header.cells)}"
        for line, cells in listed
        if len(cells) != len(header.cells)
    ]
    if wide:
        raise InvalidInput(wide)
    return header, [
        _Cells(f"{name}: line {row.line}", dict(zip(header.cells, row.cells, strict=True))) for row in listed
    ]


def _rows_of_list(rows: Any, at: str) -> list[_Cells]:
    if not isinstance(rows, list):
        raise InvalidInput([f"{at}: {_FORMS}"])
    wrong = [index for index, row in enumerate(rows) if not isinstance(row, dict)]
    if wrong:
        raise InvalidInput(f"{at}[{index}]: a row is an object of cells by column" for index in wrong)
    return [_Cells(f"{at}[{index}]", row) for index, row in enumerate(rows)]


def _rule(
    row: _Cells, columns: Iterable[Column], number: int, first: int, problems: list[str]
) -> tuple[dict[str, Any], _Placed]:
    """Return a row as a raw rule. Its id and its priority follow from its number where it states none."""
    rule: dict[str, Any] = {"rule_id": row_id(number), "priority": first + number, "conditions": {}}
    headers: dict[str, str] = {}
    for column in columns:
        cell = row.cells.get(column.header)
        if cell is None or (isinstance(cell, str) and cell.strip() in {"", ANY}):
            continue
        try:
            part = column.part(cell.strip() if isinstance(cell, str) else cell)
        except ValueError as exc:
            problems.append(f"{row.where}: {column.header}: {exc}")
            continue
        _put(rule, column, part)
        of_operator = f".{next(iter(part))}" if column.compares and isinstance(part, dict) and len(part) == 1 else ""
        headers[".".join(column.place) + of_operator] = column.header
    return rule, _Placed(row.where, headers)


def _put(rule: dict[str, Any], column: Column, part: Any) -> None:
    *path, last = column.place
    here = rule
    for name in path:
        here = here.setdefault(name, {})
    here[last] = here.get(last, {}) | part if column.compares else part
