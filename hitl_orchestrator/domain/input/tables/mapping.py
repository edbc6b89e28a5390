"""Which column means what: the mapping that a caller states, and a proposal from the names of the columns."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.task import plain_field
from hitl_orchestrator.errors import InvalidInput, shortened

TARGETS = (
    "task_id",
    "description",
    "domain",
    "task_type",
    "risk",
    "timestamp",
    "label",
    "explanation",
    "confidence",
    "decision",
    "truth",
    "correct",
    "reviewer",
    "feedback",
    "decided",
)
"""What a column can mean. Besides, `metadata.NAME` is a field of the task and `output.NAME` one of the agent output."""

FREE = ("metadata.", "output.")
VERDICTS = ("decision", "truth", "correct")
_JOIN = "+"
_TARGET = rf"(?:{'|'.join(TARGETS)}|metadata\.[^=,]+|output\.[^=,]+)"
_NEXT = re.compile(rf",(?=\s*{_TARGET}\s*=)")

_NAMES = {
    "task_id": ("taskid", "id", "caseid", "ticketid", "ticket", "claimid", "invoiceid", "postid", "questionid", "uuid"),
    "description": ("taskdescription", "description", "text", "subject", "title", "message", "body", "content", "note"),
    "domain": ("domain", "department", "team", "queue", "businessunit", "area"),
    "task_type": ("tasktype", "type", "category", "kind", "workflow"),
    "risk": ("risklevel", "risk", "severity", "priority", "criticality"),
    "timestamp": ("timestamp", "createdat", "created", "receivedat", "submittedat", "datetime", "date", "time"),
    "label": (
        "predictedlabel",
        "prediction",
        "predicted",
        "modellabel",
        "agentlabel",
        "modeloutput",
        "airesult",
        "answer",
    ),
    "explanation": ("explanation", "rationale", "reasoning", "justification"),
    "confidence": ("confidencescore", "confidence", "statedconfidence", "probability", "score", "prob", "certainty"),
    "decision": ("humandecision", "decision", "reviewdecision", "verdict", "action", "outcome", "status"),
    "truth": ("truth", "groundtruth", "gold", "goldlabel", "truelabel", "actual", "finallabel", "humanlabel"),
    "correct": ("correct", "iscorrect", "wasright"),
    "reviewer": ("reviewerid", "reviewer", "reviewedby", "annotator", "worker", "moderator", "approver", "decidedby"),
    "feedback": ("humanfeedback", "feedback", "comment", "reviewcomment", "reviewernote"),
    "decided": ("decidedat", "reviewedat", "completedat", "closedat", "resolvedat"),
    "metadata.amount": ("amount", "total", "value", "sum", "price", "loanamount", "invoicetotal", "claimamount"),
    "metadata.currency": ("currency",),
    "output.agent_id": ("agent", "agentid", "bot"),
    "output.model": ("model", "modelname"),
    "output.model_version": ("modelversion", "version"),
}


class Source(NamedTuple):
    """Where the values of a target come from: columns, whose texts are joined by a dot, or a constant."""

    columns: tuple[str, ...] = ()
    constant: str | None = None

    @property
    def shown(self) -> str:
        """The source as it is written after the equal sign."""
        return f"={self.constant}" if self.constant is not None else _JOIN.join(self.columns)


Mapped = Mapping[str, Source]


def read_mapping(texts: Sequence[str], columns: Sequence[str]) -> dict[str, Source]:
    """Return the mapping that `--map` states: `target=COLUMN`, `target=COLUMN+COLUMN` or `target==constant`.

    Raises:
        InvalidInput: a target or a column is unknown, or stated twice; no label, or no verdict, is mapped.
    """
    found: dict[str, Source] = {}
    problems: list[str] = []
    for part in (part.strip() for text in texts for part in _NEXT.split(text) if part.strip()):
        target, equals, source = part.partition("=")
        target = target.strip()
        if not equals or not _is_target(target):
            hint = did_you_mean(target, TARGETS)
            known = f"{', '.join(TARGETS)}, metadata.NAME and output.NAME"
            problems.append(f"--map: {shortened(part)!r} is not target=COLUMN; the targets are {known}{hint}")
        elif target in found:
            problems.append(f"--map: {target} is stated twice; keep one")
        else:
            found[target] = _source(source, columns)
            problems += _unknown(target, found[target], columns)
    if not problems:
        problems += _missing(found)
    if problems:
        raise InvalidInput(problems)
    return found


def proposal(columns: Sequence[str]) -> dict[str, Source]:
    """Return a mapping by the names of the columns. It is shown to the caller, and not used."""
    plain = {plain_field(column): column for column in reversed(columns)}
    found: dict[str, Source] = {}
    used: set[str] = set()
    for target, names in _NAMES.items():
        column = next((plain[name] for name in names if name in plain and plain[name] not in used), None)
        if column is not None:
            found[target] = Source((column,))
            used.add(column)
    if found.keys() & {"decision", "truth"}:
        found.pop("correct", None)
    return found


def completed(found: Mapped) -> dict[str, Source]:
    """Return a proposed mapping with a constant for the label, where no column has it: it can be copied as it is."""
    return dict(found) if not found or "label" in found else {**found, "label": Source(constant="answer")}


def written(mapping: Mapped) -> str:
    """Return a mapping as `--map` takes it."""
    return ",".join(f"{target}={source.shown}" for target, source in mapping.items())


def _source(text: str, columns: Sequence[str]) -> Source:
    if text.startswith("="):
        return Source(constant=text[1:].strip())
    name = text.strip()
    return Source((name,) if name in columns else tuple(part.strip() for part in name.split(_JOIN)))


def _is_target(target: str) -> bool:
    return target in TARGETS or (target.startswith(FREE) and bool(target.partition(".")[2].strip()))


def _unknown(target: str, source: Source, columns: Sequence[str]) -> list[str]:
    if source.constant is not None:
        return [] if source.constant else [f"--map: {target}==: the constant is empty"]
    listed = ", ".join(shortened(column) for column in columns[:20])
    return [
        f"--map: {target}: the file has no column {shortened(column)!r}{did_you_mean(column, columns)}; "
        f"its columns are {listed}"
        for column in source.columns
        if column not in columns
    ]


def _missing(found: Mapped) -> list[str]:
    problems = []
    if "label" not in found:
        problems.append("--map: label is missing: the column with the agent's answer, or a constant (label==answer)")
    if not any(target in found for target in VERDICTS):
        problems.append("--map: a verdict is missing: decision=, truth= (the right label) or correct= (true or false)")
    if "correct" in found and ("decision" in found or "truth" in found):
        problems.append("--map: correct stands alone; leave out decision and truth, or correct")
    return problems
