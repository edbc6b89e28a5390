"""An answer that is being made: everything typed stays in it until it is recorded, or taken back on purpose. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from hitl_orchestrator.domain.enums import DECISION_SPECS, HumanDecision
from hitl_orchestrator.domain.input.parsing import parse, read_json
from hitl_orchestrator.domain.json_patch import FieldChange, changes
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.review.schemas import OutputSchemas
from hitl_orchestrator.review.view import CaseView

DELEGATE = "delegate"
WITH_REASON = tuple(decision for decision, spec in DECISION_SPECS.items() if spec.needs_reason)
WITH_OUTPUT = tuple(decision for decision, spec in DECISION_SPECS.items() if spec.takes_output)
EDITOR = "your output"


@dataclass
class Draft:
    """What one reviewer is about to answer to one review. `act` is pending: nothing of it is recorded yet."""

    act: HumanDecision | str | None = None
    text: str = ""
    reason_code: str | None = None
    edited: str = ""
    own_label: str = ""
    delegate_to: str | None = None
    key: str = field(default_factory=lambda: f"desk-{uuid4()}")

    @property
    def typed(self) -> bool:
        """Whether something would be lost if this were thrown away."""
        return bool(self.text.strip() or self.edited or self.own_label.strip())

    def take_back(self) -> None:
        """Let the pending answer go, and keep what was typed."""
        self.act, self.delegate_to = None, None
        self.key = f"desk-{uuid4()}"

    def next_reason(self, codes: Sequence[str]) -> None:
        """Go on to the next reason code; behind the last there is none."""
        choices: list[str | None] = [None, *codes]
        place = choices.index(self.reason_code) if self.reason_code in choices else 0
        self.reason_code = choices[(place + 1) % len(choices)]

    def output(self) -> Proposal | None:
        """Return the edited output; None where there is none.

        Raises:
            InvalidInput: what stands in the editor is no output.
        """
        return read_output(self.edited) if self.edited and self.act in WITH_OUTPUT else None

    def lacks(self) -> str:
        """Return what is still needed before this can be recorded; empty where nothing is."""
        if self.act in WITH_REASON and not self.text.strip():
            return f"{self.act} needs a reason: press t and say why"
        if isinstance(self.act, HumanDecision) and self.act.spec.needs_output and not self.edited:
            return f"{self.act} needs an edited output: press {self.act.spec.key}"
        return ""

    def review(self, view: CaseView) -> Review:
        """Return the answer, to exactly what was on the screen. Sent again it is the same receipt.

        Raises:
            InvalidInput: what stands in the editor is no output.
        """
        said = {"reason": self.text} if self.act in WITH_REASON else {"human_feedback": self.text}
        return Review.model_validate(
            {
                "human_decision": self.act,
                "review_id": view.review_id,
                "shown_digest": view.digest,
                "modified_output": self.output(),
                "reason_code": self.reason_code,
                "idempotency_key": self.key,
                **said,
            }
        )


def read_output(text: str) -> Proposal:
    """Return the output that a text in the editor says.

    Raises:
        InvalidInput: every problem, in a sentence with its place.
    """
    return parse(Proposal, read_json(text, EDITOR), EDITOR)


def problems(text: str, view: CaseView) -> tuple[str, ...]:
    """Return what is wrong with a text in the editor, in plain words; nothing where it can be used."""
    try:
        output = read_output(text)
        if view.output_schema is not None:
            OutputSchemas({view.task.task_type: view.output_schema}).check(view.task.task_type, output)
    except InvalidInput as exc:
        return tuple(problem.removeprefix(f"{EDITOR}: ") for problem in exc.problems)
    return ()


def as_text(proposal: Proposal | None) -> str:
    """Return a proposal as it is edited; where there is none, the least that an output has."""
    said = {"predicted_label": "", "explanation": ""} if proposal is None else proposal.model_dump(mode="json")
    return json.dumps(said, indent=2, ensure_ascii=False)


def differences(before: Proposal | None, after: Proposal | None) -> tuple[FieldChange, ...]:
    """Return field by field what differs."""
    return changes(*({} if one is None else one.model_dump(mode="json") for one in (before, after)))
