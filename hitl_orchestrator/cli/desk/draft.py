"""A draft of a decision. It keeps everything typed until the decision is recorded or withdrawn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from hitl_orchestrator.domain.enums import WITH_OUTPUT, WITH_REASON, HumanDecision
from hitl_orchestrator.domain.input.json_patch import FieldChange, changes
from hitl_orchestrator.domain.input.parsing import parse, read_json
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.shown.invisible_characters import escape_in_json
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.orchestrator import CaseView, OutputSchemas

DELEGATE = "delegate"
OUTPUT_OPTIONAL = tuple(decision for decision in WITH_OUTPUT if not decision.spec.needs_output)
EDITOR = "your output"


@dataclass
class Draft:
    """One reviewer's draft about one review. `act` is the pending decision or delegation; nothing is recorded yet.

    Each decision has a text, a reason code and an output of its own, so that none is recorded with those of another.
    """

    act: HumanDecision | str | None = None
    own_label: str = ""
    delegate_to: str | None = None
    key: str = field(default_factory=lambda: f"desk-{uuid4()}")
    texts: dict[str, str] = field(default_factory=dict)
    reason_codes: dict[str, str | None] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text of the pending decision."""
        return self.texts.get(self.act or "", "")

    @property
    def reason_code(self) -> str | None:
        """The reason code of the pending decision."""
        return self.reason_codes.get(self.act or "")

    @property
    def edited(self) -> str:
        """The edited output of the pending decision, as JSON text."""
        return self.outputs.get(self.act or "", "")

    @property
    def typed(self) -> str:
        """Everything typed; empty if discarding the draft would lose nothing."""
        return "\n".join((*self.texts.values(), *self.outputs.values(), self.own_label)).strip()

    def write(self, text: str) -> None:
        """Replace the text of the pending decision."""
        if self.act is not None:
            self.texts[self.act] = text

    def turn_to(self, act: HumanDecision | str | None, delegate_to: str | None = None) -> None:
        """Make a decision pending, with the text that was typed for it, or none."""
        if (self.act, self.delegate_to) != (act, delegate_to):
            self.act, self.delegate_to, self.key = act, delegate_to, f"desk-{uuid4()}"

    def withdraw(self) -> None:
        """Withdraw the pending decision with its text, reason code and output."""
        for kept in (self.texts, self.reason_codes, self.outputs):
            kept.pop(self.act or "", None)
        self.turn_to(None)

    def next_reason(self, codes: Sequence[str]) -> None:
        """Select the next reason code; after the last one, none."""
        choices: list[str | None] = [None, *codes]
        index = choices.index(self.reason_code) if self.reason_code in choices else 0
        self.reason_codes[self.act or ""] = choices[(index + 1) % len(choices)]

    def output(self) -> Proposal | None:
        """Return the edited output, or None.

        Raises:
            InvalidInput: the text in the editor is not an output.
        """
        return read_output(self.edited) if self.edited and self.act in WITH_OUTPUT else None

    def missing(self) -> str:
        """Return the missing parts of the decision; empty if it can be recorded."""
        if self.act in WITH_REASON and not self.text.strip():
            return f"{self.act} needs a reason: press t and type it"
        if isinstance(self.act, HumanDecision) and self.act.spec.needs_output and not self.edited:
            return f"{self.act} needs an edited output: press {self.act.spec.key}"
        return ""

    def review(self, view: CaseView) -> Review:
        """Return the review, bound to the content on the screen. Sending it again returns the same result.

        Raises:
            InvalidInput: the text in the editor is not an output.
        """
        text = {"reason": self.text} if self.act in WITH_REASON else {"human_feedback": self.text}
        return Review.model_validate(
            {
                "human_decision": self.act,
                "review_id": view.review_id,
                "shown_digest": view.digest,
                "modified_output": self.output(),
                "reason_code": self.reason_code,
                "idempotency_key": self.key,
                **text,
            }
        )


def read_output(text: str) -> Proposal:
    """Return the output in a text of the editor.

    Raises:
        InvalidInput: every problem, in a sentence with its path.
    """
    return parse(Proposal, read_json(text, EDITOR), EDITOR)


def problems(text: str, view: CaseView) -> tuple[str, ...]:
    """Return the problems of a text in the editor, in plain words."""
    try:
        output = read_output(text)
        if view.output_schema is not None:
            OutputSchemas({view.task.task_type: view.output_schema}).check(view.task.task_type, output)
    except InvalidInput as exc:
        return tuple(problem.removeprefix(f"{EDITOR}: ") for problem in exc.problems)
    return ()


def as_text(proposal: Proposal | None) -> str:
    """Return a proposal as text to edit; without one, the required fields of an output."""
    fields = {"predicted_label": "", "explanation": ""} if proposal is None else proposal.model_dump(mode="json")
    return escape_in_json(json.dumps(fields, indent=2, ensure_ascii=False))


def differences(before: Proposal | None, after: Proposal | None) -> tuple[FieldChange, ...]:
    """Return the differences between two proposals, field by field."""
    return changes(*({} if each is None else each.model_dump(mode="json") for each in (before, after)))


def why_not_offered(decision: HumanDecision, view: CaseView) -> str:
    """Return why a review does not offer a decision."""
    if decision.spec.approves_proposal and view.proposal is None:
        return "the agent proposes nothing to approve"
    if decision.spec.escalates:
        return "no role is above yours"
    return "this review does not offer it"
