"""Exported audit records, JSON Lines, Parquet or CSV, as a frame."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.value import ID_PATTERN
from hitl_orchestrator.errors import InvalidInput, shortened
from hitl_orchestrator.insights.frame.columns import FRAME, polars, schema
from hitl_orchestrator.insights.frame.fitting import fitted

if TYPE_CHECKING:
    import polars as pl

ENDINGS = (".parquet", ".jsonl", ".ndjson", ".csv")
_DEFUSED = r"^'([\t\r\n]|\s*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"
"""The start of a text cell that the export kept from being run as a formula."""

_LONGEST = 160
_LONGEST_LABEL = 200
_NEEDED = ("case_id", "risk_level", "routing_decision", "rule_id", "final_decision", "timestamp")
_OF_RECORDS = ("signals", "proposed_output", "votes", "classifier_error", "unreadable", "metadata")
"""The columns of an export from which others of the frame follow; `metadata` is that of the task."""

_NOT_EXPORTED = ("finished_seq", "has_proposal", "predicted_label", "classifier_failed")


def read_export(path: str) -> "pl.DataFrame":
    """Return the records of an export, in its order, as a frame with the additional column `metadata`.

    Columns that the export lacks are null; `finished_seq` is the number of the row.

    Raises:
        InvalidInput: the file does not exist, is no such export, or a value does not fit its column.
    """
    pl = polars("an exported file")
    if not path.endswith(ENDINGS):
        raise InvalidInput([f"--on {path}: exported cases are a file {', '.join(ENDINGS)}"])
    if not Path(path).is_file():
        raise InvalidInput([f"--on {path}: the file does not exist"])
    try:
        lazy = _scanned(pl, path)
        present = lazy.collect_schema()
        missing = [name for name in _NEEDED if name not in present]
        if missing:
            raise InvalidInput(
                [f"--on {path}: it has no column {', '.join(missing)}; export it with 'hitl audit export'"]
            )
        frame = lazy.select(_columns(pl, present)).with_row_index("finished_seq", 1).collect()
    except (pl.exceptions.PolarsError, OSError) as exc:
        problem = (str(exc).splitlines() or [type(exc).__name__])[0][:_LONGEST]
        raise InvalidInput([f"--on {path}: it cannot be read: {problem}"]) from exc
    empty_rows = frame["case_id"].null_count()
    if empty_rows:
        raise InvalidInput([f"--on {path}: {empty_rows} of {frame.height} rows have no case_id; export it again"])
    frame = frame.with_columns(pl.col("finished_seq").cast(pl.Int64)).select(*FRAME, "metadata")
    rows = fitted(frame)
    if rows.left_out:
        row, name = rows.first
        why = "it is there twice" if name == "case_id" and _is_id(frame, row) else "no export has this value"
        values = frame[name].dt.replace_time_zone(None).cast(pl.String) if FRAME[name] == "time" else frame[name]
        value = shortened(escape_invisible(repr(values[row - 1])))
        raise InvalidInput([f"--on {path}: row {row}: {name}: {value}: {why}; {rows.sentence}; export it again"])
    return frame  # type: ignore[no-any-return]


def _is_id(frame: "pl.DataFrame", row: int) -> bool:
    return re.search(ID_PATTERN, frame["case_id"][row - 1]) is not None


def _scanned(pl: Any, path: str) -> Any:
    """Return the rows of a file as they are written, those of CSV as texts without the marks of defused cells."""
    if path.endswith(".parquet"):
        return pl.scan_parquet(path)
    if not path.endswith(".csv"):
        return pl.scan_ndjson(path, schema=_raw_types(pl))
    with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
        head = file.readline()
    separator = max(",;", key=head.count)
    rows = pl.scan_csv(path, separator=separator, infer_schema=False)
    return rows.with_columns(pl.all().str.replace(_DEFUSED, "${1}"))


def _raw_types(pl: Any) -> dict[str, Any]:
    """Return the types as which a line is read: nested values and times become texts."""
    own = {name: pl.String if FRAME[name] == "time" else kind for name, kind in schema().items()}
    own |= dict.fromkeys(_OF_RECORDS, pl.String)
    return {name: kind for name, kind in own.items() if name not in _NOT_EXPORTED}


def _columns(pl: Any, present: Any) -> "list[pl.Expr]":
    types = schema()

    def raw(name: str) -> Any:
        return pl.col(name).cast(pl.String) if name in present else pl.lit(None, pl.String)

    proposal = raw("proposed_output")
    made = {
        "signals": _words(raw("signals")),
        "has_proposal": proposal.is_not_null(),
        "predicted_label": _shown_label(pl, proposal.str.json_path_match("$.predicted_label")),
        "classifier_failed": raw("classifier_error").is_not_null(),
        "unreadable": _words(raw("unreadable")) != "",
        "votes": raw("votes").map_elements(_votes, return_dtype=pl.String),
        "metadata": raw("metadata"),
    }
    for name, kind in types.items():
        if name not in made and name != "finished_seq":
            is_time = FRAME[name] == "time"
            of_text = raw(name).str.to_datetime("%+", time_unit="us", time_zone="UTC")
            of_column = _cast(pl, name, kind, present[name]) if name in present else pl.lit(None, kind)
            made[name] = of_text if is_time else of_column
    return [expression.alias(name) for name, expression in made.items()]


def _cast(pl: Any, name: str, kind: Any, present: Any) -> Any:
    """Return a column in its type; the truth values of CSV are the words True and False."""
    if kind == pl.Boolean and present == pl.String:
        return pl.col(name).replace_strict({"True": True, "False": False}, return_dtype=pl.Boolean)
    return pl.col(name).cast(kind)


def _shown_label(pl: Any, labels: Any) -> Any:
    """Return labels as the ledger's table holds them: on one line, and of limited length."""
    line = labels.str.replace_all(r"[\s\x1c-\x1f]+", " ").str.strip_chars(" ").str.slice(0, _LONGEST_LABEL)
    return pl.when(line != "").then(line)


def _words(texts: Any) -> Any:
    """Return the words of JSON lists, separated by blanks; words have no quotation marks and no blanks."""
    return texts.fill_null("").str.replace_all(r'[\[\]"]', "").str.replace_all(r",\s*", " ")


def _votes(text: str) -> str | None:
    """Return the votes of a record in the form of the ledger's table; a single one says no more than its columns.

    What has another form is returned as it is, which fits no row of the table.
    """
    try:
        votes = json.loads(text)
        if isinstance(votes, list) and len(votes) < 2:  # noqa: PLR2004 - the columns of the reviewer have a single vote
            return None
        listed = [[vote.get("person") or vote["reviewer_id"], vote["human_decision"], vote["role"]] for vote in votes]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return text
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
