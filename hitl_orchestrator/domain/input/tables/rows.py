"""From a row of a foreign table to a task, an agent output and a recorded review."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.audit import RECORDED_TRUTH
from hitl_orchestrator.domain.enums import HumanDecision, RiskLevel
from hitl_orchestrator.domain.input.parsing import problems as problems_of
from hitl_orchestrator.domain.input.reserved_ids import is_reserved
from hitl_orchestrator.domain.input.tables.mapping import Mapped
from hitl_orchestrator.domain.input.tables.reading import Row, Table
from hitl_orchestrator.domain.input.tables.values import (
    AUTOMATIC,
    Scale,
    decision_of,
    id_of,
    is_like_number,
    is_missing,
    number_or_text,
    risk_of_word,
    scale_of,
    text_of,
    time_of,
    truth_of,
)
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.value import check_json

UNNAMED = "imported"
"""The domain and the task type of rows whose table has none."""

WAS_AUTOMATIC = "went_ahead"
"""The field of a task's metadata that is true where the row went ahead without a person."""

_AS_WRITTEN = frozenset({"task_id", "label", "truth", "decision", "description", "domain", "task_type"})
"""Targets whose texts are taken as they are: `none` may be an answer."""

TRUTH_NAME = "Recorded truth"
"""The name of who answered where the right answer is known, and no person is named."""

_METADATA, _OUTPUT = "metadata.", "output."


class Imported(NamedTuple):
    """What one row became. A row without a verdict has no review; neither has one that went ahead by itself."""

    line: int
    task: dict[str, Any]
    output: dict[str, Any]
    review: dict[str, Any] | None
    automatic: bool

    @property
    def decision(self) -> str:
        """The decision of the row: that of the review, `automatic`, or `undecided`."""
        if self.review is not None:
            return str(self.review["human_decision"])
        return AUTOMATIC if self.automatic else "undecided"


class BadRow(NamedTuple):
    """A row that cannot be imported, with the reason."""

    line: int
    problem: str


@dataclass
class Importer:
    """Reads the rows of a table by a mapping. `now` is the time of rows that state none."""

    table: Table
    mapping: Mapped
    now: datetime
    words: Mapping[str, str] = field(default_factory=dict)
    unit: str | None = None
    zone: ZoneInfo | None = None
    risks: Mapping[str, RiskLevel] = field(default_factory=dict)
    time_format: str | None = None
    reviewers: dict[str, str] = field(default_factory=dict)
    like_numbers: dict[str, tuple[int, str]] = field(default_factory=dict)
    scale: Scale | None = None

    def __post_init__(self) -> None:
        """Find the unit of the confidences, which takes a reading of all rows. Raises `InvalidInput`."""
        source = self.mapping.get("confidence")
        if source is not None:
            cells = (self._value("confidence", row.cells) for row in self.table.rows() if not row.problem)
            self.scale = scale_of(cells, self.unit, source.shown)

    def rows(self) -> Iterator[Imported | BadRow]:
        """Yield what each row became, or why it became nothing."""
        seen: dict[str, int] = {}
        self.reviewers.clear()
        self.like_numbers.clear()
        for row in self.table.rows():
            if row.problem:
                yield BadRow(row.line, row.problem)
                continue
            try:
                imported = self._imported(row)
            except ValueError as exc:
                yield BadRow(row.line, str(exc))
                continue
            task_id = imported.task["task_id"]
            if seen.setdefault(task_id, row.line) != row.line:
                joined = "map several columns, such as task_id=case+worker"
                yield BadRow(row.line, f"task_id: {task_id!r} is also that of line {seen[task_id]}; {joined}")
                continue
            yield imported

    def _imported(self, row: Row) -> Imported:
        """Return the values of a row. Raises `ValueError` with the reason."""
        value = partial(self._value, cells=row.cells)
        task_id = id_of(value("task_id"), "task_id") if value("task_id") is not None else f"row-{row.line}"
        if is_reserved(task_id):
            raise ValueError(f"task_id: {task_id!r} has the form of the system's own tasks")
        at = self._time(value("timestamp"), "timestamp") or self.now
        verdict = self._verdict(row.cells)
        automatic = verdict.word == AUTOMATIC
        metadata = self._free(_METADATA, row.cells)
        if automatic:
            metadata[WAS_AUTOMATIC] = True
        risk = risk_of_word(value("risk"), self.risks)
        fields = {
            "task_id": task_id,
            "task_type": text_of(value("task_type") or UNNAMED),
            "task_description": text_of(value("description") or f"Line {row.line} of {self.table.name}"),
            "domain": text_of(value("domain") or UNNAMED),
            **({} if risk is None else {"risk_level": risk.value}),
            "timestamp": at.isoformat(),
            "metadata": metadata,
        }
        task = _checked(Task, fields)
        proposal = {
            "predicted_label": verdict.label,
            "explanation": text_of(value("explanation") or ""),
            **self._free(_OUTPUT, row.cells),
        }
        confidence = None if self.scale is None else self.scale.confidence(value("confidence"))
        output = _checked(AgentOutput, {"task_id": task_id, "agent_output": proposal, "confidence_score": confidence})
        review = None if automatic or verdict.word is None else self._review(row, task_id, at, verdict, proposal)
        return Imported(row.line, task, output, review, automatic)

    def _verdict(self, cells: Mapping[str, Any]) -> "_Verdict":
        label = self._value("label", cells)
        if label is None:
            raise ValueError("label: it is empty; the agent proposed nothing")
        label, truth = text_of(label), self._value("truth", cells)
        right = truth_of(self._value("correct", cells))
        word, by_truth = decision_of(self._value("decision", cells), self.words), False
        better = None if truth is None or _same(text_of(truth), label) else text_of(truth)
        if right is not None:
            by_truth = True
            word = (HumanDecision.APPROVE if right else HumanDecision.REJECT).value
        elif "decision" not in self.mapping and truth is not None:
            by_truth = True
            word = (HumanDecision.APPROVE if better is None else HumanDecision.MODIFY).value
        return _Verdict(label, word, better, by_truth)

    def _review(
        self, row: Row, task_id: str, at: datetime, verdict: "_Verdict", proposal: Mapping[str, Any]
    ) -> dict[str, Any]:
        decision = HumanDecision(verdict.word or "")
        if decision.spec.escalates:
            raise ValueError("decision: escalate is not final; leave the cell empty, or name the final decision")
        who, feedback = self._value("reviewer", row.cells), self._value("feedback", row.cells)
        decided = self._time(self._value("decided", row.cells), "decided") or at
        if decided < at:
            raise ValueError(f"decided: {decided.isoformat()} lies before the task, {at.isoformat()}")
        feedback = feedback or ("No reason is recorded" if decision.spec.needs_reason else "")
        edited = {"modified_output": {**proposal, "predicted_label": verdict.better}}
        fields = {
            "review_id": f"review-{row.line}",
            "task_id": task_id,
            **self._by(who, verdict),
            "human_decision": decision.value,
            "human_feedback": text_of(feedback),
            "timestamp": decided.isoformat(),
            **(edited if verdict.better is not None and decision.spec.takes_output else {}),
        }
        return _checked(Review, fields)

    def _by(self, who: Any, verdict: "_Verdict") -> dict[str, str]:
        """Return who gave an answer: the person, or else the column of right answers, if it has the answer."""
        if who is not None:
            return {"reviewer_id": self._reviewer(text_of(who))}
        return {"reviewer_id": self._reviewer(TRUTH_NAME)} if verdict.by_truth else {}

    def _reviewer(self, name: str) -> str:
        """Return the id of a reviewer, whose name is kept. Raises `ValueError` if another one has this id."""
        reviewer_id = RECORDED_TRUTH if name == TRUTH_NAME else id_of(name, "reviewer")
        if self.reviewers.setdefault(reviewer_id, name) != name:
            raise ValueError(f"reviewer: {name!r} and {self.reviewers[reviewer_id]!r} would both be {reviewer_id!r}")
        return reviewer_id

    def _time(self, value: Any, what: str) -> datetime | None:
        at = time_of(value, what, self.zone, self.time_format)
        if at is not None and at.tzinfo is None:
            raise ValueError(f"{what}: {text_of(value)!r} has no time zone; state that of the table with --timezone")
        if at is not None and at > self.now + timedelta(minutes=5):
            raise ValueError(f"{what}: {at.isoformat()} lies in the future")
        return at

    def _value(self, target: str, cells: Mapping[str, Any]) -> Any:
        source = self.mapping.get(target)
        if source is None:
            return None
        if source.constant is not None:
            return source.constant
        values = [cells.get(column) for column in source.columns]
        if target not in _AS_WRITTEN:
            values = [None if is_missing(value) else value for value in values]
        if len(values) == 1:
            return values[0]
        return None if None in values else ".".join(map(text_of, values))

    def _free(self, prefix: str, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Return the free fields of a task or an output; empty cells are left out."""
        found = {
            target.removeprefix(prefix): number_or_text(self._value(target, cells))
            for target in self.mapping
            if target.startswith(prefix)
        }
        for name, value in found.items():
            if prefix == _METADATA and is_like_number(value):
                number, example = self.like_numbers.get(prefix + name, (0, value))
                self.like_numbers[prefix + name] = (number + 1, example)
        return {name: check_json(value) for name, value in found.items() if value is not None}


class _Verdict(NamedTuple):
    """The agent's label, the decision about it, and the right label where it is another one.

    `by_truth` is whether the decision follows from a right answer instead of being one of a person.
    """

    label: str
    word: str | None
    better: str | None
    by_truth: bool = False


def _same(first: str, second: str) -> bool:
    return first.casefold() == second.casefold()


def _checked(model: type[BaseModel], fields: dict[str, Any]) -> dict[str, Any]:
    try:
        model.model_validate(fields)
    except ValidationError as exc:
        raise ValueError("; ".join(each.removeprefix(": ") for each in problems_of(exc, "", model)[:3])) from None
    return fields
