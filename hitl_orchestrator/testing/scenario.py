"""The scenario of a simulation: arrivals of tasks, presence of reviewers, and faults."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple

from pydantic import Field

from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.domain.value import Confidence, Label, UtcDatetime, Value
from hitl_orchestrator.domain.working_hours import Absence, WorkingHours, zone_of
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.testing.clock import MONDAY
from hitl_orchestrator.testing.generator.drafts import described, details
from hitl_orchestrator.testing.generator.work import KINDS
from hitl_orchestrator.testing.reviewers import Habits, SimulatedReviewer

LEAST_STAFF = 3


class Strategy(StrEnum):
    """How reviewers get cases: `push` assigns them, `pull` lets each reviewer claim the next one."""

    PUSH = "push"
    PULL = "pull"


class Arrival(NamedTuple):
    """A task at its time of arrival, with its right label."""

    at: datetime
    task: Task
    output: AgentOutput
    truth: str


class Scenario(Value):
    """A number of days of an organization. The same scenario gives the same tasks and the same answers.

    The tasks are those of the generator, in the domains of the scenario.
    `tasks_per_day` arrive each day between 06:00 and 20:00 UTC, with a peak at 13:00. The agent is right in the share
    `agent_accuracy` of them. A reviewer is absent for a day with probability `sick`, although cases are assigned to
    them, and abandons a case for the rest of the day with probability `leaves`; their claims then last for
    `claimed_for`. After the last day reviewers work until all cases are decided, at most `winds_down` days.
    """

    days: int = Field(default=30, ge=1, le=3660)
    tasks_per_day: int = Field(default=500, ge=0, le=100_000)
    seed: int = 0
    strategy: Strategy = Strategy.PUSH
    starts: UtcDatetime = MONDAY
    domains: Mapping[Label, float] = Field(
        default_factory=lambda: {"customer_support": 0.5, "finance": 0.3, "legal": 0.2}
    )
    risks: Mapping[RiskLevel, float] = Field(default_factory=lambda: dict(zip(RiskLevel, (0.5, 0.4, 0.1), strict=True)))
    agent_accuracy: Confidence = 0.88
    sick: Confidence = 0.02
    leaves: Confidence = 0.002
    claimed_for: timedelta = timedelta(hours=8)
    hands_out_every: timedelta = timedelta(minutes=5)
    sweeps_every: timedelta = timedelta(minutes=15)
    winds_down: int = Field(default=14, ge=0)

    def arrivals(self) -> Iterator[Arrival]:
        """Yield the tasks in order of arrival."""
        for day in range(self.days):
            dice = Random(f"{self.seed}/arrivals/{day}")  # noqa: S311 - chances, not secrets
            midnight = self.starts + timedelta(days=day)
            hours = sorted(dice.triangular(6, 20, 13) for _ in range(self.tasks_per_day))
            for number, hour in enumerate(hours):
                yield self._arrival(f"day{day + 1:03}-{number + 1:05}", midnight + timedelta(hours=hour), dice)

    def _arrival(self, task_id: str, at: datetime, dice: Random) -> Arrival:
        kind, risk = dice.choice(KINDS), _one_of(self.risks, dice)
        truth = dice.choice(list(kind.labels))
        right = dice.random() < self.agent_accuracy
        label = truth if right else dice.choice([other for other in kind.labels if other != truth])
        sure = dice.betavariate(9, 2) if right else dice.betavariate(4, 3)
        metadata = details(kind, risk, dice)
        fields = {
            "task_id": task_id,
            "task_type": kind.task_type,
            "task_description": described(kind, truth, metadata, dice),
            "domain": _one_of(self.domains, dice),
            "risk_level": risk,
            "timestamp": at,
            "metadata": metadata,
        }
        proposal = Proposal(predicted_label=label, explanation=kind.labels[label].reason)
        output = AgentOutput(task_id=task_id, agent_output=proposal, confidence_score=round(sure, 3))
        return Arrival(at, Task.model_validate(fields), output, truth)

    def staff(self, count: int = 20, chain: RoleChain = DEFAULT_CHAIN) -> list[SimulatedReviewer]:
        """Return reviewers with individual habits: a tenth in the top role, a fifth below it, the rest by domain.

        Roles between the lowest and the top one share the fifth, and have one reviewer at least.

        Raises:
            ValueError: there are fewer than three, or fewer than roles.
        """
        least = max(LEAST_STAFF, len(chain.roles))
        if count < least:
            raise ValueError(f"an organization has at least {least} reviewers, one for each role, and not {count}")
        first, middle, top = chain.roles[0], chain.roles[1:-1], chain.top
        roles = [top] * max(1, count // 10)
        for place, role in enumerate(reversed(middle), start=1):
            shared = max(1, count // 5 // len(middle))
            roles += [role] * min(shared, count - len(roles) - (len(middle) - place) - 1)
        roles = [first] * (count - len(roles)) + roles[::-1]
        places = self._places(roles.count(first))
        everywhere = [("*",)] * (count - len(places))
        return [
            self._one(f"r{number:02}", role, domains)
            for number, (role, domains) in enumerate(zip(roles, [*places, *everywhere], strict=True), start=1)
        ]

    def _places(self, reviewers: int) -> list[tuple[str, ...]]:
        """Return the domains of reviewers: one each, in proportion to its tasks; all if reviewers are few."""
        if reviewers < len(self.domains):
            return [("*",)] * reviewers
        there = dict.fromkeys(self.domains, 1)
        for _ in range(reviewers - len(there)):
            there[max(there, key=lambda name: self.domains[name] / (there[name] + 1))] += 1
        return [(name,) for name, number in there.items() for _ in range(number)]

    def _one(self, reviewer_id: str, role: str, domains: tuple[str, ...]) -> SimulatedReviewer:
        dice = Random(f"{self.seed}/staff/{reviewer_id}")  # noqa: S311
        habits = Habits(
            accuracy=round(dice.uniform(0.88, 0.99), 3),
            tired=0.0005,
            bias=round(dice.uniform(0, 0.08), 3),
            strictness=round(dice.uniform(0.2, 0.6), 3),
            doubt=round(dice.uniform(0, 0.06), 3),
            seconds=round(dice.uniform(240, 720)),
        )
        reviewer = Reviewer(
            reviewer_id=reviewer_id,
            name=f"Reviewer {reviewer_id[1:]}",
            roles=(role,),
            domains=domains,
            working_hours=WorkingHours(),
            max_open_claims=6,
            away=self._away(dice),
        )
        return SimulatedReviewer(reviewer, habits, self.seed)

    def _away(self, dice: Random) -> tuple[Absence, ...]:
        """Return the absences: one holiday, or none."""
        first = self.starts.date() + timedelta(days=dice.randrange(self.days))
        last = first + timedelta(days=dice.randint(1, 5))
        return (Absence(first=first, last=last),) if dice.random() < _HAVE_A_HOLIDAY else ()

    def comes(self, reviewer: Reviewer, day: int) -> bool:
        """Whether a reviewer who is scheduled for a day is present."""
        return Random(f"{self.seed}/sick/{reviewer.reviewer_id}/{day}").random() >= self.sick  # noqa: S311

    def stays(self, reviewer: Reviewer, task_id: str, at: datetime) -> bool:
        """Whether a reviewer who starts a case now will finish it."""
        return Random(f"{self.seed}/leaves/{reviewer.reviewer_id}/{task_id}/{at}").random() >= self.leaves  # noqa: S311


def shift(reviewer: Reviewer, midnight: datetime) -> tuple[datetime, datetime] | None:
    """Return the working time of a reviewer on the day that starts at this UTC midnight; None on a day off.

    A reviewer without working hours has the default ones.
    """
    hours, day = reviewer.working_hours or WorkingHours(), midnight.date()
    weekday = list(type(hours.days[0]))[day.weekday()]
    if weekday not in hours.days or any(absence.first <= day <= absence.last for absence in reviewer.away):
        return None
    zone = zone_of(hours.timezone)
    start = datetime.combine(day, time(), zone)
    begins, ends = (start + timedelta(minutes=minute) for minute in hours.minutes)
    return begins.astimezone(midnight.tzinfo), ends.astimezone(midnight.tzinfo)


_HAVE_A_HOLIDAY = 0.3

DEFAULT_POLICY = Policy.model_validate(
    {
        "policy_id": "simulated",
        "description": "The canonical thresholds, with deadlines of three and four days",
        "rules": [
            {
                "rule_id": "high_risk",
                "priority": 1,
                "conditions": {"risk_level": "high"},
                "action": "escalate",
                "assigned_human_role": "senior_manager",
                "respond_within": "P3D",
            },
            {
                "rule_id": "sure_enough",
                "priority": 2,
                "conditions": {"risk_level": ["low", "medium"], "min_confidence": 0.8},
                "action": "auto_approve",
            },
            {
                "rule_id": "not_sure",
                "priority": 3,
                "conditions": {"risk_level": ["low", "medium"]},
                "action": "human_review",
                "assigned_human_role": "domain_reviewer",
                "respond_within": "P4D",
            },
        ],
    }
)
"""The default policy of a simulation."""


def _one_of(weights: Mapping[Any, float], dice: Random) -> Any:
    names: Sequence[Any] = list(weights)
    return dice.choices(names, [weights[name] for name in names])[0]
