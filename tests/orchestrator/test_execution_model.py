"""Any sequence of wake-ups, ends, deaths, answers and recoveries: one execution, moving as the lifecycle says."""

from collections import Counter
from contextlib import suppress

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.calls import approved, ask
from support.internals import services_of

from hitl_orchestrator import Orchestrator, RequestRejected
from hitl_orchestrator.errors import ExecutionEnded

LATER = {
    None: {"started"},
    "started": {"finished", "failed", "unknown"},
    "unknown": {"finished", "failed"},
    "finished": set(),
    "failed": set(),
}


class OneExecution(RuleBasedStateMachine):
    """One approved call, and everything that can happen to it."""

    @initialize()
    def begin(self):
        self.hitl = Orchestrator.open("memory://")
        self.case_id = approved(self.hitl, reviewer="domain_reviewer").case_id
        self.owner, self.claims, self.seen = None, 0, [None]

    def teardown(self):
        if hasattr(self, "hitl"):
            found = self.hitl.audit.verify()
            self.hitl.close()
            assert found.sound

    @rule()
    def wake_up(self):
        with suppress(RequestRejected):
            begun = ask(self.hitl).grant.begin()
            self.claims += begun.is_new
            self.owner = begun if begun.is_new else self.owner
            assert begun.is_new or begun.execution.status == "finished"

    @precondition(lambda self: self.owner is not None)
    @rule()
    def end(self):
        with suppress(ExecutionEnded):
            self.owner.done({"made": True})

    @precondition(lambda self: self.owner is not None)
    @rule()
    def fail(self):
        with suppress(ExecutionEnded):
            self.owner.failed("no connection")

    @precondition(lambda self: self.owner is not None)
    @rule()
    def lose(self):
        """Another process finds the lease of the owner ended."""
        held = services_of(self.hitl).ledger.execution(self.case_id)
        services_of(self.hitl).executions.lost(held)

    @precondition(lambda self: self.hitl.inbox())
    @rule()
    def answer(self):
        self.hitl.decide(self.hitl.inbox()[0].case_id, "approve", reviewer="domain_reviewer")

    @precondition(lambda self: self.hitl.inbox())
    @rule()
    def deny(self):
        self.hitl.decide(self.hitl.inbox()[0].case_id, "reject", reviewer="domain_reviewer")

    @rule()
    def recover(self):
        self.hitl.recover()

    @invariant()
    def is_one_execution(self):
        execution = self.hitl.executions.get(self.case_id)
        status = None if execution is None else execution.status.value
        if status != self.seen[-1]:
            assert status in LATER[self.seen[-1]]
            self.seen.append(status)
        assert self.claims <= 1
        kinds = Counter(event.kind.value for event in self.hitl.cases.history(self.case_id))
        assert max((number for kind, number in kinds.items() if "execution" in kind), default=1) == 1
        assert len(self.hitl.inbox()) <= 1


OneExecution.TestCase.settings = settings(max_examples=6, stateful_step_count=10, deadline=None)
test_any_sequence_is_one_execution = OneExecution.TestCase
