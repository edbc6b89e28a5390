"""The lifecycle of cases with many reviewers: the invariants hold for any sequence of operations.

Expected values are computed from the events alone, without the code under test.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from support.builders import FakeClock, a_review, a_task, an_output
from support.internals import services_of
from support.sizes import sized

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import InvalidInput, RequestRejected

CHAIN = ("domain_reviewer", "senior_manager", "compliance_officer")
FIRST, SENIOR, TOP = CHAIN
HERE, ELSEWHERE = "customer_support", "finance"


def reviewer(name, *roles, domains=("*",), person=None):
    return {"reviewer_id": name, "name": name, "roles": roles, "domains": domains, "person": person}


PEOPLE = [
    reviewer("first", FIRST, domains=[HERE]),
    reviewer("senior", SENIOR),
    reviewer("top", TOP),
    reviewer("elsewhere", FIRST, domains=[ELSEWHERE]),
    reviewer("twice-1", FIRST, domains=[HERE], person="twice"),
    reviewer("twice-2", FIRST, SENIOR, person="twice"),
    reviewer("submitter", FIRST, SENIOR),
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
ANSWERED = {"voted", "decided", "escalated", "expired", "canceled", "superseded"}

WHICH, WHO = st.integers(0, 5), st.integers(0, 30)
KINDS = st.sampled_from(sorted(NEEDED))


class Lifecycle(RuleBasedStateMachine):
    """Everything that people, deadlines and newer attempts can do to cases."""

    @initialize(kinds=st.lists(KINDS, min_size=1, max_size=4, unique=True))
    def begin(self, kinds):
        self.clock, self.interested, self.looked_through = FakeClock(), {}, {}
        self.hitl = Orchestrator.open("memory://", policy=POLICY, reviewers=PEOPLE, clock=self.clock)
        for number, kind in enumerate(kinds):
            self.submit(number, kind)

    def teardown(self):
        if hasattr(self, "hitl"):
            found = self.hitl.audit.verify()
            self.hitl.close()
            assert found.sound, found.problem

    @rule(
        number=st.integers(0, 5),
        kind=KINDS,
        domain=st.sampled_from([HERE, HERE, ELSEWHERE]),
        submitted_by=st.sampled_from([None, "submitter", "an-agent"]),
        requested_by=st.sampled_from([None, "first", "twice-1", "top"]),
        newer=st.booleans(),
    )
    def submit(self, number, kind, domain=HERE, *, submitted_by=None, requested_by=None, newer=False):
        name, metadata = f"task-{number}", {"requested_by": requested_by} if requested_by else {}
        task = a_task(name, task_type=kind, domain=domain, metadata=metadata)
        case = self.tried(lambda: self.hitl.submit(task, an_output(name), submitted_by=submitted_by, resubmit=newer))
        if case is not None:
            self.interested.setdefault(case.case_id, {submitted_by, requested_by} - {None})

    @rule(which=WHICH, who=WHO, minutes=st.sampled_from([15, 15, 600]))
    def claim(self, which, who, minutes):
        row, who = self.reviewer_with(which, who)
        self.tried(lambda: self.hitl.reviews.claim(row.case_id, reviewer=who, seconds=60 * minutes))

    @rule(which=WHICH, who=WHO)
    def release(self, which, who):
        row, who = self.reviewer_with(which, who)
        self.tried(lambda: self.hitl.reviews.release(row.case_id, reviewer=who))

    @rule(which=WHICH, who=WHO, to=WHO)
    def delegate(self, which, who, to):
        row, who = self.reviewer_with(which, who)
        _, to = self.reviewer_with(which, to)
        self.tried(lambda: self.hitl.reviews.delegate(row.case_id, reviewer=who, to=to, reason="I am away"))

    @rule(who=st.sampled_from(sorted(KNOWN)))
    def take_the_next(self, who):
        row = self.tried(lambda: self.hitl.reviews.next(reviewer=who))
        assert row is None or row.claimed_by == who

    @rule()
    def hand_out(self):
        for row, to, why in self.hitl.acting_as("senior").reviews.assign():
            assert to in self.who_may(row) if to else why

    @rule(which=WHICH, who=WHO)
    def view(self, which, who):
        row, who = self.reviewer_with(which, who)
        self.tried(lambda: self.hitl.reviews.view(row.case_id, reviewer=who))

    @rule(
        which=WHICH,
        who=WHO,
        word=st.sampled_from(["approve"] * 5 + ["reject", "reject", "modify", "override", "escalate"]),
        label=st.sampled_from(["this", "that"]),
    )
    def answer(self, which, who, word, label):
        self.say(*self.reviewer_with(which, who), word, label)

    def say(self, row, who, word, label="this"):
        """Let a reviewer answer; assert that they were authorized and that the review accepted the answer."""
        row = self.hitl.cases.get(row.case_id).open_review or row
        more = {"modified_output": {"predicted_label": label}} if word == "modify" else {}
        case = self.tried(lambda: self.hitl.decide(row.case_id, a_review(word, who, **more)))
        if case is not None and row.verdict is None and self.is_answered(row):
            assert row.claimed_by in (None, who) or row.claimed_until <= self.clock()
            assert row.expires_at is None or row.expires_at > self.clock()

    @rule(which=WHICH, people=st.lists(WHO, min_size=1, max_size=4), word=st.sampled_from(["approve", "reject"]))
    def agree(self, which, people, word):
        for who in people:
            self.say(*self.reviewer_with(which, who), word)

    @rule(which=WHICH, people=st.tuples(WHO, WHO))
    def disagree(self, which, people):
        for who, word in zip(people, ("approve", "reject"), strict=True):
            self.say(*self.reviewer_with(which, who), word)

    @rule(which=WHICH, word=st.sampled_from(["approve", "reject"]))
    def say_it_twice(self, which, word):
        row, _ = self.reviewer_with(which, 0)
        for who in ("twice-1", "twice-2"):
            self.say(row, who, word)

    @rule(which=WHICH, who=WHO)
    def answer_too_late(self, which, who):
        row, who = self.reviewer_with(which, who)
        if row.due_at is not None:
            self.clock.now = max(self.clock.now, row.due_at)
        self.say(row, who, "approve")

    @rule(which=WHICH, who=st.sampled_from(["submitter", "an-agent", "first"]))
    def cancel(self, which, who):
        row, _ = self.reviewer_with(which, 0)
        case = self.tried(lambda: self.hitl.cases.cancel(row.case_id, submitted_by=who, reason="no longer needed"))
        assert case is None or who in self.interested[case.case_id]

    @rule()
    def sweep(self):
        self.hitl.run_maintenance()

    @rule(minutes=st.sampled_from([1, 16, 300]))
    def let_time_pass(self, minutes):
        self.clock.tick(60 * minutes)

    def reviewer_with(self, which, who):
        """Return an open review, and a reviewer: most of the time one who may decide it."""
        rows = self.hitl.inbox()
        if not rows:
            self.submit(9 + len(self.interested), "two", submitted_by="an-agent")
            rows = self.hitl.inbox()
        row = rows[which % len(rows)]
        people = [*self.who_may(row) * 4, *KNOWN, "stranger"]
        return row, people[who % len(people)]

    def who_may(self, row):
        return [who for who in KNOWN if may_decide(who, row.needed_role, row.task.domain, self.interested[row.case_id])]

    def tried(self, act):
        """Run an operation; if it is rejected, assert that only the entry about the rejection was written."""
        self.clock.tick()
        rows, end = self.hitl.inbox(), services_of(self.hitl).ledger.head().seq
        try:
            return act()
        except (RequestRejected, InvalidInput):
            reported = [event.kind.value for event in services_of(self.hitl).ledger.events() if event.seq > end]
            assert self.hitl.inbox() == rows
            assert reported in ([], ["refused"])
            return None

    def is_answered(self, row):
        return any(event.body.get("review_id") == row.review_id for event in self.answers(row.case_id))

    def answers(self, case_id):
        return [event for event in self.hitl.cases.history(case_id) if event.kind in ANSWERED]

    @invariant()
    def what_must_hold_of_a_case_holds(self):
        waiting = {row.case_id: row for row in self.hitl.inbox()} if hasattr(self, "hitl") else {}
        for case_id in getattr(self, "interested", ()):
            events = self.hitl.cases.history(case_id)
            if self.looked_through.get(case_id) != len(events):
                self.looked_through[case_id] = len(events)
                one_answer_to_a_review_and_one_outcome(events)
                every_answer_of_reviewer_who_may_give_it(events, self.interested[case_id])
                nothing_goes_ahead_without_the_persons_it_needs(events)
                self.reviewer_can_reach_it(self.hitl.cases.get(case_id), waiting.get(case_id))

    def reviewer_can_reach_it(self, case, row):
        assert (row is None) is (case.record is not None)
        if row is not None:
            view = self.hitl.reviews.view(case.case_id)
            assert set(view.may_decide) <= set(self.who_may(row))
            assert view.may_decide or (row.needed_role == TOP and not self.who_may(row))


def one_answer_to_a_review_and_one_outcome(events):
    answered = Counter(event.body["review_id"] for event in events if event.kind in ANSWERED)

    assert max(answered.values(), default=0) <= 1
    assert sum(event.kind == "finished" for event in events) <= 1


def every_answer_of_reviewer_who_may_give_it(events, interested):
    asked, domain = {}, events[0].body["task"]["domain"]
    for event in events:
        if event.kind == "review_opened":
            asked[event.body["review_id"]] = event.body["role"]
        if is_an_answer(event):
            who = event.body["verdict"]["review"]["reviewer_id"]
            assert may_decide(who, asked[event.body["review_id"]], domain, interested)


def nothing_goes_ahead_without_the_persons_it_needs(events):
    record = events[-1].body
    if events[-1].kind != "finished" or record["final_output"] is None:
        return
    latest = {}
    for event in events:
        if is_an_answer(event) and event.kind != "escalated":
            given = event.body["verdict"]
            latest[human(given["review"]["reviewer_id"])] = (outcome_of(given["review"]), given["role"])
    edited = record["final_output"]["predicted_label"] if record["human_decision"] == "modify" else None
    same = [role for outcome, role in latest.values() if outcome == (record["human_decision"], edited)]
    counted = set(same) if record["rule_id"] in DISTINCT_ROLES else same
    assert len(counted) >= NEEDED[record["rule_id"]]


def is_an_answer(event):
    return event.kind in {"voted", "decided", "escalated"} and event.body["verdict"]["source"] == "human"


def human(reviewer_id):
    return KNOWN[reviewer_id]["person"] or reviewer_id


def may_decide(who, role, domain, interested):
    """Whether a reviewer holds a role that is high enough, in the domain, and has no part in the case."""
    if who not in KNOWN or {human(who), who} & {human(one) if one in KNOWN else one for one in interested}:
        return False
    one = KNOWN[who]
    high_enough = max(map(CHAIN.index, one["roles"])) >= CHAIN.index(role)
    return high_enough and ("*" in one["domains"] or domain in one["domains"])


def outcome_of(answer):
    edited = answer["modified_output"] or {}
    return answer["human_decision"], edited.get("predicted_label")


@sized(("examples", "steps"), ci=(25, 30), soak=(1000, 80))
def test_invariants_hold_for_any_sequence_of_operations(examples, steps):
    run_state_machine_as_test(
        Lifecycle, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    )
