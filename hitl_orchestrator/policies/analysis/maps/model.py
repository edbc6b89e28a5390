"""The parts of a decision map: panels of risk by confidence, and lines for contexts in which neither changes much."""

from typing import NamedTuple

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.policies.language.phrases import join

ALL_OTHERS = "all other cases"
LETTER = {Action.AUTO_APPROVE: "A", Action.HUMAN_REVIEW: "R", Action.ESCALATE: "E", None: "\u2013"}
"""The letter of each action, which tells the actions apart without colors."""

MEANING = {
    Action.AUTO_APPROVE: "goes ahead",
    Action.HUMAN_REVIEW: "a person reviews",
    Action.ESCALATE: "escalated",
    None: "other layers decide",
}
"""What each action means to a reader who does not know its name."""

FLAT_HEAD = "Always a person, at any confidence, in this order"
OF_PANELS = "A panel holds where no earlier rule decides. Horizontal: the confidence of the agent."
OF_LETTERS = "One letter stands for all risks, three for high, medium and low risk."

Notes = dict[tuple[str, str], list[str]]
"""The labels that do not fit into their fields, with the stretch of the confidence, and the risks of these fields."""


def joined(notes: Notes, rows: int) -> list[str]:
    """Return a sentence for each label and stretch, such as `low, 0.9 to 1: A small`; no risks where it is all rows."""
    named = ((f"{join(risks, 'and')}, " if len(risks) < rows else "", *key) for key, risks in notes.items())
    return [f"{risks}{stretch}: {label}" for risks, stretch, label in named]


class Field(NamedTuple):
    """A stretch of a row where one rule decides; a layer without a matching rule is silent, and has no action.

    `low` and `high` are confidences, from the first to below the second; None for tasks without a confidence.
    """

    rule_id: str
    action: Action | None
    low: float | None
    high: float | None

    @property
    def label(self) -> str:
        """The letter of the action and the rule."""
        return f"{LETTER[self.action]} {self.rule_id}".strip()


class Row(NamedTuple):
    """One risk: the answers without a proposal, without a confidence, and by confidence."""

    risk: RiskLevel
    missing: tuple[Field, Field]
    fields: tuple[Field, ...]

    @property
    def is_constant(self) -> bool:
        """Whether the action of a proposal is the same at every confidence and without one."""
        return len({field.action for field in (self.missing[1], *self.fields)}) == 1


class Panel(NamedTuple):
    """The answers of a layer in some contexts, the riskiest row first. `kinds` counts the kinds of contexts.

    `title` leaves out what follows from earlier rules: a panel holds where no earlier rule decides.
    """

    layer: str
    title: str
    rows: tuple[Row, ...]
    kinds: int

    @property
    def parts_missing(self) -> bool:
        """Whether a missing proposal and a missing confidence are treated differently in some row."""
        return any(row.missing[0][:2] != row.missing[1][:2] for row in self.rows)

    @property
    def approves(self) -> bool:
        """Whether something goes ahead without a person."""
        return any(field.action is Action.AUTO_APPROVE for row in self.rows for field in row.fields)


class FlatContext(NamedTuple):
    """Contexts in which nothing goes ahead and the confidence does not change the action.

    Where the action without a proposal differs, `where` ends with its letters.

    `actions` holds the action for each risk, the highest first, or one where it is the same for all risks. `rules` are
    the rules that decide there.
    """

    layer: str
    where: str
    actions: tuple[Action | None, ...]
    rules: tuple[str, ...]

    @property
    def letters(self) -> str:
        """The letters of the actions, such as `E`, or `E R R` for high, medium and low risk."""
        return " ".join(LETTER[action] for action in self.actions)

    @property
    def named(self) -> str:
        """The deciding rules, `no rule` where a layer is silent."""
        return ", ".join(rule or "no rule" for rule in self.rules)
