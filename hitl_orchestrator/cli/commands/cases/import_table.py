"""`hitl import`: from a table of agent decisions to the files that `hitl run` takes."""

import gzip
import json
import shlex
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from hitl_orchestrator.cli.context import Force, argument, command, option
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.data import check_new_file, new_text_file, write_file
from hitl_orchestrator.cli.output.formatting import count, now
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.domain.input.tables.reading import Table as ForeignTable
    from hitl_orchestrator.domain.input.tables.rows import BadRow, Importer

group = typer.Typer()
SUBMIT = "Submit"
TASKS, OUTPUTS, REVIEWS = "tasks.jsonl", "agent_outputs.jsonl", "human_reviews.jsonl"
POLICY, REVIEWERS = "imported_policy.json", "reviewers.json"
NAMES = (TASKS, OUTPUTS, REVIEWS, POLICY, REVIEWERS)
_GZIP, _MOST_NAMED, _FIRST_LINES = ".gz", 15, 5
_UNDECIDED, _AUTOMATIC = "undecided", "automatic"
_VERDICT = ("label", "confidence", "decision", "truth", "correct", "reviewer", "risk", "timestamp")


class Result(NamedTuple):
    """What was imported: rows by decision, bad rows, the files, and sentences about what the table lacks."""

    decisions: Counter[str]
    bad: "Sequence[BadRow]"
    files: Sequence[str]
    notes: Sequence[str]
    importer_id: str | None


Map = Annotated[
    list[str] | None,
    option("TARGET=COLUMN,...", "What each column means; TARGET==TEXT is a constant. Repeatable.", "--map"),
]
Decisions = Annotated[
    list[str] | None,
    option("WORD=DECISION,...", "Meaning of further words in the decision column.", "--decisions"),
]
Unit = Annotated[
    str | None, option("UNIT", "fraction, percent, or the number that means certain.", "--confidence-unit")
]
Risks = Annotated[list[str] | None, option("WORD=LEVEL,...", "Meaning of further words in the risk column.", "--risks")]
TimeFormat = Annotated[
    str | None, option("FORMAT", "Format of times that are not ISO 8601, such as '%d.%m.%Y %H:%M'.", "--time-format")
]
Zone = Annotated[str | None, option("ZONE", "Time zone of times without one, such as UTC.", "--timezone")]
Encoding = Annotated[str | None, option("NAME", "Encoding. Default: UTF-8 or the mark.", "--encoding")]
Delimiter = Annotated[str | None, option("CHARACTER", "Default: by the first line.", "--delimiter")]
NoHeader = Annotated[bool, option(None, "Columns have numbers, from 1 on.", "--no-header")]
SkipBad = Annotated[bool, option(None, "Leave out rows that cannot be read.", "--skip-bad")]


@command(group, "import", (), panel=SUBMIT)
def import_table(
    session: "Session",
    file: Annotated[str, argument("FILE", "CSV, TSV, JSON Lines or Parquet, also with .gz.")],
    mapping: Map = None,
    out: Annotated[str, option("FOLDER", "Folder of the files; it is made if it is missing.", "--out")] = "imported",
    confidence_unit: Unit = None,
    decisions: Decisions = None,
    risks: Risks = None,
    time_format: TimeFormat = None,
    timezone: Zone = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    no_header: NoHeader = False,
    skip_bad: SkipBad = False,
    force: Force = False,
) -> None:
    """Turn a table of agent decisions into the files that hitl run replays.

    Targets: label (required), one of decision, truth (the right label) and correct (true or false); confidence,
    task_id, description, domain, task_type, risk, timestamp, explanation, reviewer, feedback, decided, metadata.NAME,
    output.NAME. Without --map the columns are listed, with a mapping to copy. The decisions are approve, reject,
    modify, override, and automatic for a row that went ahead without a person.
    """
    from hitl_orchestrator.domain.input.tables.mapping import read_mapping
    from hitl_orchestrator.domain.input.tables.reading import Form, read_table
    from hitl_orchestrator.domain.input.tables.rows import Importer
    from hitl_orchestrator.domain.input.tables.values import risks_read, words_read, zone_named

    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
    table = read_table(*_content(file), Form(encoding, delimiter, not no_header))
    if not mapping:
        raise InvalidInput(_unmapped(table))
    importer = Importer(
        table,
        read_mapping(mapping, table.columns),
        now=now(),
        words=words_read(decisions or ()),
        risks=risks_read(risks or ()),
        time_format=time_format,
        unit=confidence_unit,
        zone=zone_named(timezone),
    )
    for name in NAMES:
        check_new_file(str(Path(out) / name), force=force)
    result = _imported(importer, Path(out), skip_bad=skip_bad, force=force)
    answer(session.as_json, _summary(importer, result), lambda: _described(importer, result, out))


def _content(file: str) -> tuple[bytes, str]:
    """Return the bytes of a file, unpacked, and its name without `.gz`. Raises `InvalidInput`."""
    from hitl_orchestrator.domain.input.record_size import read_bounded

    name = Path(file).name
    try:
        with Path(file).open("rb") as raw:
            if not name.lower().endswith(_GZIP):
                return read_bounded(raw.read, name), name
            with gzip.open(raw) as unpacked:
                return read_bounded(unpacked.read, name), name[: -len(_GZIP)]
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise InvalidInput([f"{file}: not readable as gzip: {exc}"]) from exc
    except (OSError, ValueError) as exc:
        raise InvalidInput([f"{file}: cannot be read: {getattr(exc, 'strerror', None) or exc}"]) from exc


def _unmapped(table: "ForeignTable") -> list[str]:
    from hitl_orchestrator.domain.input.tables.mapping import VERDICTS, completed, proposal, written

    found = proposal(table.columns)
    proposed = written(completed(found))
    lacks_verdict = proposed and not any(target in found for target in VERDICTS)
    return [
        f"--map: state what the columns of {table.name} mean ({table.kind}): {', '.join(map(inline, table.columns))}",
        f"--map: by their names it could be --map {shlex.quote(proposed)}; check it, above all label, confidence and "
        "the verdict"
        if proposed
        else "--map: no column has a name that says what it means; see 'hitl import --help' for the targets",
        *([f"--map: no name looks like a verdict; add one of {', '.join(VERDICTS)}"] if lacks_verdict else []),
    ]


def _imported(importer: "Importer", folder: Path, *, skip_bad: bool, force: bool) -> Result:
    """Read all rows once, and write the files in a second reading. Raises `InvalidInput` for bad rows."""
    from hitl_orchestrator.domain.input.tables.rows import BadRow

    decisions: Counter[str] = Counter()
    bad: list[BadRow] = []
    for row in importer.rows():
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            decisions[row.decision] += 1
    name, rows = importer.table.name, decisions.total() + len(bad)
    if not decisions:
        why = [f"{name}: {sentence}" for sentence in _grouped(bad)]
        raise InvalidInput([f"{name}: none of {count(rows, 'row')} can be imported", *why])
    if bad and not skip_bad:
        first = f"{name}: {len(bad)} of {rows} rows are bad; correct them, or leave them out with --skip-bad"
        raise InvalidInput([first, *(f"{name}: {sentence}" for sentence in _grouped(bad))])
    files, importer_id = _write(importer, folder, decisions, force=force)
    return Result(decisions, bad, files, list(_notes(importer, decisions)), importer_id)


def _write(importer: "Importer", folder: Path, decisions: Counter[str], *, force: bool) -> tuple[list[str], str | None]:
    """Write the files, and return their names and the id of the reviewer who replays, if there are reviewers."""
    from hitl_orchestrator.domain.input.tables.people import policy_file, reviewers_file
    from hitl_orchestrator.domain.input.tables.rows import BadRow

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InvalidInput([f"{folder}: cannot be made: {exc.strerror or exc}"]) from exc
    reviewed = set(decisions) - {_UNDECIDED, _AUTOMATIC}
    names = [TASKS, OUTPUTS, *([REVIEWS] if reviewed else [])]
    with ExitStack() as stack:
        lists = [stack.enter_context(new_text_file(str(folder / name), force=force)) for name in names]
        for row in importer.rows():
            if isinstance(row, BadRow):
                continue
            for file, value in zip(lists, (row.task, row.output, row.review), strict=False):
                if value is not None:
                    file.write(f"{json.dumps(value, ensure_ascii=False)}\n")
    write_file(str(folder / POLICY), _indented(policy_file(automatic=_AUTOMATIC in decisions)), force=force)
    names.append(POLICY)
    if not importer.reviewers:
        return [str(folder / name) for name in names], None
    importer_id, people = reviewers_file(importer.reviewers)
    write_file(str(folder / REVIEWERS), _indented(people), force=force)
    return [str(folder / name) for name in (*names, REVIEWERS)], importer_id


def _indented(value: Any) -> str:
    return f"{json.dumps(value, ensure_ascii=False, indent=2)}\n"


def _grouped(bad: "Sequence[BadRow]") -> list[str]:
    """Return one sentence for each problem, with the lines that have it."""
    lines: dict[str, list[int]] = {}
    for row in bad:
        lines.setdefault(row.problem, []).append(row.line)
    return [f"{_lines(numbers)}: {problem}" for problem, numbers in lines.items()][:_MOST_NAMED]


def _lines(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    more = len(numbers) - _FIRST_LINES
    named = ", ".join(map(str, numbers[:_FIRST_LINES]))
    return f"lines {named} and {more} more" if more > 0 else f"lines {named}"


def _notes(importer: "Importer", decisions: Counter[str]) -> Iterator[str]:
    """Yield what the table does not say, with its effect."""
    from hitl_orchestrator.domain.audit import RECORDED_TRUTH
    from hitl_orchestrator.domain.input.tables.mapping import proposal

    mapping = importer.mapping
    if importer.scale is not None:
        yield importer.scale.sentence
    for target, (number, example) in importer.like_numbers.items():
        cells = count(number, "cell is", "cells are")
        yield f"{target}: {cells} no plain number, such as {inline(example)}: kept as text, so no sum has them"
    missing = {
        "risk": "no risk: every task counts as high; map risk=COLUMN, or risk==medium",
        "timestamp": "no timestamp: every task has the time of this import, and trends say nothing",
        "reviewer": "no reviewer: the answers are those of the recorded truth, not of people"
        if RECORDED_TRUTH in importer.reviewers
        else "no reviewer: the reviews name no person",
        "task_id": "no task_id: the tasks are named by their lines",
    }
    yield from (sentence for target, sentence in missing.items() if target not in mapping)
    if "timestamp" in mapping and "decided" not in mapping:
        yield "no decided: reviews have the time of their task, and waiting times say nothing"
    if decisions[_UNDECIDED]:
        rows = count(decisions[_UNDECIDED], "row has", "rows have")
        yield f"{rows} no verdict: undecided, in no figure and no inbox"
    used = {column for source in mapping.values() for column in source.columns}
    for target, source in proposal(importer.table.columns).items():
        if target in _VERDICT and target not in mapping and not used.intersection(source.columns):
            yield f"column {inline(source.shown)} is not used; by its name it could be {target}"


def _summary(importer: "Importer", result: Result) -> dict[str, Any]:
    return {
        "table": importer.table.name,
        "kind": importer.table.kind,
        "map": {target: source.shown for target, source in importer.mapping.items()},
        "decisions": dict(result.decisions),
        "bad_rows": [{"line": row.line, "problem": row.problem} for row in result.bad],
        "notes": list(result.notes),
        "files": list(result.files),
        "replays": result.importer_id,
    }


def _described(importer: "Importer", result: Result, out: str) -> Iterator[Block]:
    table = importer.table
    yield Line(f"{count(result.decisions.total(), 'row')} of {inline(table.name)}, {table.kind}:", "bold")
    rows = [[Cell(target), Cell(source.shown, quoted=True)] for target, source in importer.mapping.items()]
    yield Table([Column("target"), Column("column", gives_way=True)], rows)
    yield Line(", ".join(f"{word} {number}" for word, number in result.decisions.most_common()))
    yield from (Line(f"- {note}") for note in result.notes)
    if result.bad:
        yield Line(f"Left out: {count(len(result.bad), 'row')}", "yellow")
        yield from (Line(sentence, "yellow", indent=2) for sentence in _grouped(result.bad))
    yield Line("Next:")
    yield from _next_commands(result, out)


def _next_commands(result: Result, out: str) -> Iterator[Block]:
    from hitl_orchestrator.cli.session import program

    options = {OUTPUTS: "--outputs", REVIEWS: "--reviews", POLICY: "--policy", REVIEWERS: "--reviewers"}
    named = {Path(name).name: name for name in result.files}
    given = [part for name, word in options.items() if name in named for part in (word, named[name])]
    who = [] if result.importer_id is None else ["--reviewer", result.importer_id]
    store = ["--store", f"sqlite:///{Path(out).name}.db"]
    for words in (["run", named[TASKS], *given, *who, *store], ["report", *store]):
        yield Line(f"{program()} {shlex.join(words)}", COMMAND, 2)
