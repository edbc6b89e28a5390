"""The orchestrator against a model of it that fits on one page: both agree for any sequence of operations."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from support.builders import FakeClock, a_review, a_task, an_output
from support.internals import services_of
from support.sizes import sized

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import InvalidInput, RequestRejected

PEOPLE = [
    {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"]},
    {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]},
    {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]},
]
CHAIN = ("domain_reviewer", "senior_manager", "compliance_officer")
HIGHEST = {"ana": 0, "max": 1, "zoe": 2}
FINAL = {
    "approve": "approved",
    "reject": "rejected",
    "modify": "modified_and_approved",
    "override": "override_approved",
}
TASKS = st.integers(0, 3).map(lambda number: f"task-{number}")
# Risk, confidence, and the level of the chain that the canonical policy requires; None is approved.
ROUTES = st.sampled_from(
    [("low", 0.9, None), ("low", 0.5, 0), ("medium", 0.65, 0), ("high", 0.9, 1), ("high", None, 1)]
)


@dataclass
class Known:
    """The state of a task in the model: its content, the needed role, and the decisions."""

    content: tuple[str, float | None]
    level: int | None
    status: str
    answers: list[tuple[str, str]] = field(default_factory=list)


class Model(RuleBasedStateMachine):
    """Submissions, answers, restarts and recoveries in any order."""

    kind = "memory"

    @initialize()
    def begin(self):
        self.clock, self.known = FakeClock(), {}
        self.folder = Path(tempfile.mkdtemp())
        self.hitl = self.opened()

    def opened(self):
        store = "memory://" if self.kind == "memory" else f"sqlite:///{self.folder / 'hitl.db'}"
        return Orchestrator.open(store, reviewers=PEOPLE, clock=self.clock)

    def teardown(self):
        if hasattr(self, "hitl"):
            self.hitl.close()
            shutil.rmtree(self.folder)

    @rule(task_id=TASKS, route=ROUTES)
    def submit(self, task_id, route):
        risk, confidence, level = route
        known = self.known.get(task_id)
        task, output = a_task(task_id, risk_level=risk), an_output(task_id, confidence=confidence)
        if known is not None and known.content != (risk, confidence):
            with pytest.raises(RequestRejected, match="already submitted with other content"):
                self.hitl.submit(task, output)
            return

        case = self.hitl.submit(task, output)

        if known is None:
            known = Known((risk, confidence), level, "approved" if level is None else "waiting")
            self.known[task_id] = known
        assert case.status == known.status

    @rule(task_id=TASKS, reviewer=st.sampled_from(sorted(HIGHEST)), stated=st.sampled_from([*FINAL, "escalate"]))
    def answer(self, task_id, reviewer, stated):
        self.clock.tick()
        known = self.known.get(task_id)
        if self.is_refused(known, reviewer, stated):
            with pytest.raises((RequestRejected, InvalidInput)):
                self.hitl.decide(task_id=task_id, decision=a_review(stated, reviewer))
            return

        case = self.hitl.decide(task_id=task_id, decision=a_review(stated, reviewer))

        if (reviewer, stated) not in known.answers:
            known.answers.append((reviewer, stated))
            if stated == "escalate":
                known.level = max(known.level, HIGHEST[reviewer]) + 1
            else:
                known.status = FINAL[stated]
        assert case.status == known.status

    def is_refused(self, known, reviewer, stated):
        if known is None or known.level is None:
            return True
        if (reviewer, stated) in known.answers:
            return False  # the same answer again is the same receipt
        if known.status != "waiting" or HIGHEST[reviewer] < known.level:
            return True
        return stated == "escalate" and HIGHEST[reviewer] == len(CHAIN) - 1

    @rule()
    def recover(self):
        assert self.hitl.recover() == []

    @rule()
    def restart(self):
        if self.kind != "memory":
            self.hitl.close()
            self.hitl = self.opened()

    @rule(task_id=TASKS)
    def lose_the_thread(self, task_id):
        if task_id in self.known:
            services_of(self.hitl).runner._checkpoints.delete_thread(self.hitl.cases.get(task_id=task_id).case_id)

    @invariant()
    def the_inbox_holds_exactly_who_is_asked(self):
        if not hasattr(self, "known"):
            return
        asked = {row.task_id: row.needed_role for row in self.hitl.inbox()}
        waiting = {name: CHAIN[known.level] for name, known in self.known.items() if known.status == "waiting"}
        assert asked == waiting

    @invariant()
    def there_is_one_record_of_each_finished_case(self):
        if not hasattr(self, "known"):
            return
        records = [(record.task_id, record.final_decision.value) for record in self.hitl.audit.records()]
        finished = [(name, known.status) for name, known in self.known.items() if known.status != "waiting"]
        assert sorted(records) == sorted(finished)


class ModelOnSqlite(Model):
    kind = "sqlite"


@sized(("examples", "steps"), ci=(50, 30), soak=(2000, 60))
@pytest.mark.parametrize("machine", [Model, ModelOnSqlite])
def test_the_orchestrator_agrees_with_the_model(machine, examples, steps):
    """Number of runs in memory and on SQLite."""
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    )
