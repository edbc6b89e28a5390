"""The life of cases with many people at them: whatever is done in whatever order, what a review desk promises holds.

What is checked is computed here from the events alone, without a line of what decides it in the product.
"""

from collections import Counter

from builders import FakeClock, a_review, a_task, an_output
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sizes import sized

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import Refusal, UnfitInput

CHAIN = ("domain_reviewer", "senior_manager", "compliance_officer")
FIRST, SENIOR, TOP = CHAIN
HERE, ELSEWHERE = "customer_support", "finance"


def somebody(name, *roles, domains=("*",), person=None):
    return {"reviewer_id": name, "name": name, "roles": roles, "domains": domains, "person": person}


PEOPLE = [
    somebody("first", FIRST, domains=[HERE]),
    somebody("senior", SENIOR),
    somebody("top", TOP),
    somebody("elsewhere", FIRST, domains=[ELSEWHERE]),
    somebody("twice-1", FIRST, domains=[HERE], person="twice"),
    somebody("twice-2", FIRST, SENIOR, person="twice"),
    somebody("submitter", FIRST, SENIOR),
]
KNOWN = {one["reviewer_id"]: one for one in PEOPLE}


def asks(task_type, **fields):
    how = {"action": "human_review", "assigned_human_role": FIRST}
    return {"rule_id": task_type, "priority": len(task_type), "conditions": {"task_type": task_type}, **how, **fields}


RULES = [
    asks("one", respond_within="PT4H"),
    asks("one_or_none", respond_within="PT4H", on_timeout="reject"),
    asks("two", approvals=2, respond_within="PT8H"),
    asks("two_roles", approvals=2, distinct_roles=True),
    asks("two_most", approvals=2, agreement="majority", respond_within="PT8H", on_timeout="wait"),
    asks("three", approvals=3, assigned_human_role=SENIOR),
    asks("three_most", approvals=3, agreement="majority"),
    asks("of_the_top", assigned_human_role=TOP),
]
POLICY = {"policy_id": "lifecycle", "rules": [{**rule, "priority": place} for place, rule in enumerate(RULES)]}
NEEDED = {rule["rule_id"]: rule.get("approvals", 1) for rule in RULES}
DISTINCT_ROLES = {rule["rule_id"] for rule in RULES if rule.get("distinct_roles")}
ANSWERED = {"voted", "decided", "escalated", "expired", "cancelled", "superseded"}

WHO = st.sampled_from([*KNOWN, "nobody"])
WHICH = st.integers(0, 3).map(lambda number: f"task-{number}")


class Lifecycle(RuleBasedStateMachine):
    """Everything that people, deadlines and newer attempts can do to cases."""

    @initialize()
    def begin(self):
        self.clock, self.tasks, self.interested = FakeClock(), {}, {}
        self.hitl = Orchestrator.open("memory://", policy=POLICY, reviewers=PEOPLE, clock=self.clock)

    def teardown(self):
        if hasattr(self, "hitl"):
            found = self.hitl.verify()
            self.hitl.close()
            assert found.sound, found.problem

    @rule(
        task_id=WHICH,
        kind=st.sampled_from(sorted(NEEDED)),
        domain=st.sampled_from([HERE, HERE, ELSEWHERE]),
        submitted_by=st.sampled_from([None, "submitter", "an-agent"]),
        requested_by=st.sampled_from([None, None, "first", "top"]),
    )
    def submit(self, task_id, kind, domain, submitted_by, requested_by):
        metadata = {"requested_by": requested_by} if requested_by else {}
        task = a_task(task_id, task_type=kind, domain=domain, metadata=metadata)

        case = self.tried(
            lambda: self.hitl.submit(
                task, an_output(task_id), submitted_by=submitted_by, resubmit=self.clock().second % 2
            )
        )

        if case is not None:
            self.tasks[task_id] = case.case_id
            self.interested.setdefault(case.case_id, {submitted_by, requested_by} - {None})

    @rule(task_id=WHICH, who=WHO, minutes=st.sampled_from([1, 15, 600]))
    def claim(self, task_id, who, minutes):
        self.tried(lambda: self.hitl.claim(task_id, who, seconds=60 * minutes))

    @rule(task_id=WHICH, who=WHO)
    def release(self, task_id, who):
        self.tried(lambda: self.hitl.release(task_id, who))

    @rule(task_id=WHICH, who=WHO, to=WHO)
    def delegate(self, task_id, who, to):
        self.tried(lambda: self.hitl.delegate(task_id, who, to, reason="I am away"))

    @rule(who=WHO)
    def take_the_next(self, who):
        self.tried(lambda: self.hitl.next_for(who))

    @rule()
    def hand_out(self):
        if hasattr(self.hitl, "assign"):
            self.hitl.assign()

    @rule(task_id=WHICH, who=WHO)
    def view(self, task_id, who):
        self.tried(lambda: self.hitl.view(task_id, who))

    @rule(
        task_id=WHICH,
        who=WHO,
        word=st.sampled_from(["approve", "approve", "approve", "reject", "modify", "override", "escalate"]),
        label=st.sampled_from(["this", "that"]),
    )
    def answer(self, task_id, who, word, label):
        more = {"modified_output": {"predicted_label": label}} if word == "modify" else {}
        before = self.open_review(task_id)

        case = self.tried(lambda: self.hitl.decide(task_id, a_review(word, who, **more)))

        if case is not None and before is not None and self.answers(before) > 0:
            held_by_another = before.claimed_by not in (None, who) and before.claimed_until > self.clock()
            assert not held_by_another
            assert before.expires_at is None or before.expires_at > self.clock()

    @rule(task_id=WHICH, who=st.sampled_from(["submitter", "an-agent", "first"]))
    def cancel(self, task_id, who):
        case = self.tried(lambda: self.hitl.cancel(task_id, who, reason="no longer needed"))

        assert case is None or who in self.interested[case.case_id]

    @rule()
    def sweep(self):
        self.hitl.sweep()

    @rule(minutes=st.sampled_from([1, 16, 60, 300]))
    def let_time_pass(self, minutes):
        self.clock.tick(60 * minutes)

    def tried(self, act):
        """Do something; where it is refused, make sure that nothing came of it but the entry that says so."""
        self.clock.tick()
        before, told = self.as_it_stands(), self.kinds()
        try:
            return act()
        except (Refusal, UnfitInput):
            assert self.as_it_stands() == before
            assert self.kinds()[: len(told)] == told
            assert set(self.kinds()[len(told) :]) <= {"refused"}
            return None

    def as_it_stands(self):
        return {case_id: self.hitl.show(case_id) for case_id in self.cases()}

    def kinds(self):
        return [event.kind.value for event in self.hitl.ledger.events()]

    def cases(self):
        return list(self.interested)

    def open_review(self, task_id):
        return self.hitl.show(task_id).open_review if task_id in self.tasks else None

    def answers(self, row):
        events = self.hitl.history(row.case_id)
        return sum(event.body.get("review_id") == row.review_id and event.kind in ANSWERED for event in events)

    @precondition(lambda self: hasattr(self, "hitl"))
    @invariant()
    def a_review_has_one_answer_and_a_case_one_outcome(self):
        for case_id in self.cases():
            events = self.hitl.history(case_id)
            answered = Counter(event.body["review_id"] for event in events if event.kind in ANSWERED)
            assert max(answered.values(), default=0) <= 1
            assert sum(event.kind == "finished" for event in events) <= 1
        assert max(Counter(record.case_id for record in self.hitl.records()).values(), default=0) <= 1

    @precondition(lambda self: hasattr(self, "hitl"))
    @invariant()
    def every_answer_is_of_somebody_who_may_give_it(self):
        for case_id in self.cases():
            asked = {}
            for event in self.hitl.history(case_id):
                if event.kind == "review_opened":
                    asked[event.body["review_id"]] = event.body["role"]
                if is_an_answer(event):
                    who = event.body["verdict"]["review"]["reviewer_id"]
                    role, domain = asked[event.body["review_id"]], self.domain_of(case_id)
                    assert may_decide(who, role, domain, self.interested[case_id])

    @precondition(lambda self: hasattr(self, "hitl"))
    @invariant()
    def nothing_goes_ahead_without_the_persons_it_needs(self):
        for record in self.hitl.records():
            if record.final_output is None or record.decision_source != "human":
                continue
            latest = {}
            for event in self.hitl.history(record.case_id):
                if is_an_answer(event) and event.kind != "escalated":
                    given = event.body["verdict"]
                    latest[human(given["review"]["reviewer_id"])] = (outcome_of(given["review"]), given["role"])
            same = [role for outcome, role in latest.values() if outcome == latest_outcome(record)]
            counted = set(same) if record.rule_id in DISTINCT_ROLES else same
            assert len(counted) >= NEEDED[record.rule_id]

    @precondition(lambda self: hasattr(self, "hitl"))
    @invariant()
    def somebody_can_reach_every_case(self):
        waiting = {row.case_id: row for row in self.hitl.inbox()}
        finished = {record.case_id for record in self.hitl.records()}
        assert set(waiting) == set(self.cases()) - finished
        for case_id, row in waiting.items():
            domain, interested = row.domain, self.interested[case_id]
            may = {who for who in KNOWN if may_decide(who, row.role, domain, interested)}
            view = self.hitl.view(case_id)
            assert set(view.may_decide) <= may
            assert may or row.role == TOP

    def domain_of(self, case_id):
        return self.hitl.show(case_id).submission.task.domain


def is_an_answer(event):
    return event.kind in {"voted", "decided", "escalated"} and event.body["verdict"]["source"] == "human"


def human(reviewer_id):
    return KNOWN[reviewer_id]["person"] or reviewer_id


def may_decide(who, role, domain, interested):
    """Whether somebody holds a role that is high enough, in the domain, and has no part in the case."""
    if who not in KNOWN or {human(who), who} & {human(one) if one in KNOWN else one for one in interested}:
        return False
    one = KNOWN[who]
    high_enough = max(map(CHAIN.index, one["roles"])) >= CHAIN.index(role)
    return high_enough and ("*" in one["domains"] or domain in one["domains"])


def outcome_of(answer):
    edited = answer["modified_output"]
    return answer["human_decision"], None if edited is None else edited["predicted_label"]


def latest_outcome(record):
    edited = record.final_output.predicted_label if record.human_decision in ("modify", "override") else None
    return record.human_decision.value, edited


@sized(("examples", "steps"), ci=(25, 30), soak=(1000, 80))
def test_what_must_hold_of_a_review_desk_holds_whatever_people_do(examples, steps):
    run_state_machine_as_test(
        Lifecycle, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    )
