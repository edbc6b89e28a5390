"""Write the SQL texts of the statements that `hitl_orchestrator/ledger/store/statements` defines.

`python tools/statements.py` writes a module of texts for each module of definitions, so that a process which runs them
need not import SQLAlchemy; `--check` lists the modules that are out of date, and exits with 1 if there are any.
"""

import ast
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sqlalchemy import Dialect, Executable
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.ledger.store import statements

TEXTS = Path(statements.__file__).parents[1] / "sql"
SQLITE: Dialect = sqlite.dialect(paramstyle="named")
POSTGRES: Dialect = PGDialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
PACKAGE = '"""The SQL texts that a process runs, written by `tools/statements.py` from `ledger/store/statements`."""\n'
Texts = tuple[str, str]


def main(arguments: list[str]) -> int:
    """Write the modules that are out of date; with `--check`, only list them."""
    modules = {TEXTS / "__init__.py": PACKAGE, **texts()}
    stale = [path for path, text in modules.items() if not path.exists() or path.read_text("utf-8") != text]
    unknown = sorted(set(TEXTS.glob("*.py")) - set(modules))
    for path in [*stale, *unknown]:
        if "--check" in arguments:
            sys.stdout.write(f"{path.name} is out of date; run: python tools/statements.py\n")
        elif path in unknown:
            path.unlink()
        else:
            TEXTS.mkdir(exist_ok=True)
            path.write_text(modules[path], "utf-8")
    return 1 if (stale or unknown) and "--check" in arguments else 0


def texts() -> dict[Path, str]:
    """Return the code of each module of texts."""
    found = {name: defined_in(import_module(f"{statements.__name__}.{name}")) for name in module_names()}
    return {TEXTS / f"{name}.py": code_of(name, entries) for name, entries in found.items() if entries}


def module_names() -> list[str]:
    """Return the names of the modules of definitions."""
    return sorted(each.name for each in pkgutil.iter_modules(statements.__path__))


def defined_in(module: ModuleType) -> dict[str, Texts | dict[str, Texts]]:
    """Return the statements that a module defines, and its tables of conditions, under their public names."""
    entries: dict[str, Texts | dict[str, Texts]] = {}
    for name in _assigned_in(module):
        value = getattr(module, name)
        if isinstance(value, Executable) and isinstance(value, ClauseElement):
            entries[name] = compiled(value)
        elif isinstance(value, dict):
            entries[name] = {key: compiled(each) for key, each in value.items()}
    return entries


def compiled(statement: ClauseElement) -> Texts:
    """Return the text of a statement for SQLite and for PostgreSQL."""
    return _text_of(statement, SQLITE, ":{}"), _text_of(statement, POSTGRES, "%({})s")


def _text_of(statement: ClauseElement, dialect: Dialect, parameter: str) -> str:
    """Return the text of a statement, with its constants as literals: an index may be used for these alone."""
    result = statement.compile(dialect=dialect)
    text = " ".join(line.strip() for line in str(result).splitlines())
    for name, value in (result.params or {}).items():
        if value is not None:
            text = re.sub(re.escape(parameter.format(name)) + r"\b", _literal(value), text)
    return text


def _literal(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and not {"'", "%", "\\"} & set(value):
        return f"'{value}'"
    raise ValueError(f"a statement has the constant {value!r}, which this tool does not write")


def code_of(module: str, entries: Mapping[str, Texts | dict[str, Texts]]) -> str:
    """Return the code of a module of texts."""
    lines = [f'"""SQL texts of `statements/{module}.py`, written by `tools/statements.py`."""', ""]
    lines += ["from hitl_orchestrator.ledger.database.statement import Statement", ""]
    for name, entry in entries.items():
        label = f"{module}.{name}"
        if isinstance(entry, dict):
            lines.append(f"{name} = {{")
            lines += [f"    {key!r}: {_call(label, texts_of)}," for key, texts_of in entry.items()]
            lines.append("}")
        else:
            lines.append(f"{name} = {_call(label, entry)}")
    return _formatted("\n".join(lines) + "\n")


def _call(label: str, entry: Texts) -> str:
    return f"Statement({', '.join(map(repr, (label, *entry)))})"


def _assigned_in(module: ModuleType) -> Iterator[str]:
    """Yield the public names that the code of a module assigns, in order."""
    for node in ast.parse(Path(str(module.__file__)).read_text("utf-8")).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names = (each for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))
        yield from (each.id for each in names if not each.id.startswith("_"))


def _formatted(code: str) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), "format", "--quiet", "--stdin-filename", str(TEXTS / "module.py"), "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
