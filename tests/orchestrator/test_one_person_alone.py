"""One person alone, with any sequence of commands, files and clocks, gets no looser policy and no wider rights."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.builders import FakeClock, a_task, an_output
from support.internals import services_of
from support.one_person import ANA, CHAIN, EVE, MAX, MAX_2, OWN_ACCOUNTS, STRICT, TEAM, ZOE, OnePerson, check_unharmed
from support.policy_changes import ASKS_ALWAYS, LOOSE, checked, goes_ahead, hash_of

from hitl_orchestrator.services.config_files import load_people

LOOSER = goes_ahead(0.94)
STRICTER = goes_ahead(0.97)


def but(account, **changed):
    """Return the team with one account changed, or without it."""
    changed_one = [{**each, **changed} for each in TEAM if each["reviewer_id"] == account and changed]
    return [each for each in TEAM if each["reviewer_id"] != account] + changed_one


def with_chain(*chain, people=TEAM):
    return {"escalation_chain": list(chain), "reviewers": people}


def rules(*conditions, action="auto_approve", **more):
    made = [
        {"rule_id": f"r{number}", "priority": number, "conditions": each, "action": action, **more}
        for number, each in enumerate((*conditions, {"risk_level": "low", "min_confidence": 0.95}), start=1)
    ]
    return {"policy_id": "ours", "timezone": "Europe/Vienna", "metadata": {"requested_by": "text"}, "rules": made}


def layered(**layer):
    return {**STRICT, "users": {"max": {"rules": [{"rule_id": "u", "priority": 1, "conditions": {}, **layer}]}}}


def propose_looser(max_):
    """Propose a looser policy, and return its case."""
    return max_.hitl.policy.activate(LOOSE, reason="r", reviewer="max").case.case_id


def withdrawn_and_replayed(max_):
    case = propose_looser(max_)
    before = max_.hitl.cases.get(case)
    max_.hitl.cases.cancel(case, submitted_by="max", reason="not yet")
    max_.approve()
    services_of(max_.hitl).policy.settle(before, max_.hitl.cases.get(case))
    max_.hitl.recover()


def withdrawn_people_and_replayed(max_):
    case = max_.hitl.people.propose([*TEAM, EVE], reason="r", reviewer="max").case.case_id
    max_.hitl.cases.cancel(case, submitted_by="max-2", reason="not yet")
    services_of(max_.hitl).people_admin.settle(max_.hitl.cases.get(case), max_.hitl.cases.get(case))
    max_.approve()


def removed_account_then_approved(max_):
    max_.try_(max_.hitl.policy.activate, LOOSE, reason="r", reviewer="max-2")
    max_.people(but("max-2"))
    max_.approve()


def shrunk_step_by_step(max_):
    max_.people(but("zoe", roles=["compliance_officer", "senior_manager"][:1], domains=["policy"]))
    max_.people(but("zoe", domains=["finance"]))
    max_.people(but("zoe"))
    max_.people([*but("zoe"), EVE])


def canary_then_activation(max_):
    max_.policy(STRICTER, "max", "start_canary", 1.0)
    max_.policy(STRICT)
    max_.try_(max_.hitl.policy.stop_canary, reason="r", reviewer="max")
    max_.policy(LOOSER, "max", "start_canary", 1.0)


def rollback_to_a_shadow(max_):
    max_.try_(max_.hitl.policy.start_shadow, LOOSE, reason="r", reviewer="max")
    max_.policy(hash_of(LOOSE), "max", "rollback")


def rollback_of_a_tightening(max_):
    max_.policy(ASKS_ALWAYS)
    max_.policy(None, "max", "rollback")
    max_.policy(hash_of(STRICT), "max-2", "rollback")


def undone_again_and_again(max_):
    max_.policy(STRICTER)
    max_.policy(ASKS_ALWAYS)
    for account in (*OWN_ACCOUNTS, "max"):
        max_.try_(max_.hitl.policy.undo, reason="r", reviewer=account)
    max_.policy(LOOSER)
    max_.try_(max_.hitl.policy.undo, reason="r", reviewer="max")


def small_steps(max_):
    for bound in (0.949, 0.945, 0.94, 0.9, 0.5):
        max_.policy(goes_ahead(bound))


def older_proposal_and_new_account(max_):
    propose_looser(max_)
    max_.people([*TEAM, EVE])
    max_.approve()


def clock_moved(max_):
    propose_looser(max_)
    for seconds in (10**8, -2 * 10**8):
        max_.clock.tick(seconds)
        max_.try_(max_.hitl.run_maintenance)
        max_.approve()
        max_.people([*TEAM, EVE])


def delegated(max_):
    case = propose_looser(max_)
    for account in OWN_ACCOUNTS:
        max_.try_(max_.hitl.reviews.claim, case, reviewer=account)
        for other in OWN_ACCOUNTS:
            max_.try_(max_.hitl.reviews.delegate, case, reviewer=account, to=other, reason="r")
    max_.approve()


def submitted_as_an_agent(max_):
    for kind in ("policy_change", "people_change"):
        for name in ("task-9", f"{kind.replace('_', '-')}-01a22613-94c2-7397-8492-5af7e6d54701"):
            max_.try_(max_.hitl.submit, a_task(name, task_type=kind), an_output(name))
    max_.approve()


def resubmitted(max_):
    task = max_.hitl.cases.get(propose_looser(max_)).submission.task
    own = task.model_copy(update={"task_type": "document_classification"})
    for each in (task, own):
        max_.try_(max_.hitl.submit, each, an_output(task.task_id), resubmit=True)
    max_.approve()


def redacted(max_):
    case = propose_looser(max_)
    max_.try_(max_.hitl.cases.redact, case, reason="r", reviewer="max-2")
    max_.approve()


def opened_after_a_tightening(max_):
    max_.policy(ASKS_ALWAYS)
    max_.open_with(policy=STRICT)
    max_.open_with(policy=LOOSE)


def copied_with_own_files(max_):
    max_.copied()
    max_.open_with(reviewers=[MAX, EVE], policy=LOOSE)
    max_.people([MAX, EVE])
    max_.policy(LOOSE)


def reversed_chain_and_policy(max_):
    max_.people(with_chain(*CHAIN[::-1]))
    max_.policy({"policy_id": "asks", "rules": [{"rule_id": "r", "priority": 1, "conditions": {}, **TO_THE_LOWEST}]})


TO_THE_LOWEST = {"action": "human_review", "assigned_human_role": "domain_reviewer"}

SEQUENCES = {
    "a second account": lambda max_: max_.people([*TEAM, EVE]),
    "a third account of the same person": lambda max_: max_.people([*TEAM, {**EVE, "person": "max"}]),
    "an account under another name": lambda max_: max_.people([*but("max"), {**MAX, "reviewer_id": "eve"}]),
    "an account of the second person": lambda max_: max_.people([*TEAM, {**EVE, "person": "zoe"}]),
    "a split person": lambda max_: max_.people(but("max-2", person=None)),
    "an own account that becomes the second person": lambda max_: max_.people(but("max-2", person="zoe")),
    "the second person becomes the first": lambda max_: max_.people(but("zoe", person="max")),
    "a higher role": lambda max_: max_.people(but("max", roles=["senior_manager", "compliance_officer"])),
    "more domains for an ally": lambda max_: max_.people(but("ana", domains=["*"])),
    "any number of claims": lambda max_: (
        max_.people(but("max", max_open_claims=1)),
        max_.people(but("max", max_open_claims=None, name="Max")),
    ),
    "a reversed chain": lambda max_: max_.people(with_chain(*CHAIN[::-1])),
    "a reversed chain and a policy": reversed_chain_and_policy,
    "a shorter chain": lambda max_: max_.people(with_chain(*CHAIN[1:], people=[MAX, MAX_2, ZOE])),
    "a chain of one role": lambda max_: max_.people(with_chain("senior_manager", people=[MAX])),
    "a longer chain": lambda max_: max_.people(with_chain("intern", *CHAIN)),
    "renamed roles": lambda max_: max_.people(
        with_chain("domain_reviewer", "senior_manager", "king", people=[ANA, {**MAX, "roles": ["king"]}])
    ),
    "the second person removed": lambda max_: max_.people(but("zoe")),
    "the second person without a domain": lambda max_: max_.people(but("zoe", domains=["finance"])),
    "the second person without a role": lambda max_: max_.people(but("zoe", roles=["domain_reviewer"])),
    "shrunk step by step": shrunk_step_by_step,
    "only oneself": lambda max_: (max_.people([MAX]), max_.people([MAX, EVE])),
    "own reviewers on open": lambda max_: max_.open_with(reviewers=[MAX, EVE]),
    "the placeholders on open": lambda max_: max_.open_with(reviewers=load_people(None)),
    "own reviewers and policy on open": lambda max_: max_.open_with(reviewers=[MAX, EVE], policy=LOOSE),
    "the first policy": lambda max_: max_.open_with(policy=LOOSE),
    "an own policy on open after a tightening": opened_after_a_tightening,
    "a looser policy": lambda max_: max_.policy(LOOSE),
    "a looser policy by the second account": lambda max_: max_.policy(LOOSE, "max-2"),
    "small steps": small_steps,
    "a canary of every case": lambda max_: max_.policy(LOOSE, "max", "start_canary", 1.0),
    "a canary of few cases": lambda max_: max_.policy(LOOSE, "max", "start_canary", 0.0001),
    "a stricter canary, then a looser one": canary_then_activation,
    "a rollback to a shadow policy": rollback_to_a_shadow,
    "a rollback of a tightening": rollback_of_a_tightening,
    "undone again and again": undone_again_and_again,
    "a layer for one user": lambda max_: max_.policy(layered(action="auto_approve")),
    "a rule for a list of users": lambda max_: max_.policy(rules({"metadata": {"requested_by": ["max", "eve"]}})),
    "a rule for the night": lambda max_: max_.policy(rules({"time": {"begins": "01:00", "ends": "01:01"}})),
    "a rule for one kind of task": lambda max_: max_.policy(rules({"task_type": "policy_change"})),
    "changed zones": lambda max_: (
        max_.policy(rules({"time": {"days": ["monday"]}}, action="escalate")),
        max_.policy({**rules({"time": {"days": ["monday"]}}, action="escalate"), "timezone": "Pacific/Auckland"}),
    ),
    "fewer spot checks": lambda max_: max_.policy({**checked(0.0), "policy_id": "strict"}),
    "a policy of the same name": lambda max_: max_.policy({**LOOSE, "policy_id": "strict"}),
    "a calendar": lambda max_: max_.people({"reviewers": TEAM, "calendar": {"days": ["sunday"]}}),
    "another calendar zone": lambda max_: (
        max_.people({"reviewers": TEAM, "calendar": {"timezone": "UTC"}}),
        max_.people({"reviewers": TEAM, "calendar": {"timezone": "Pacific/Auckland"}}),
    ),
    "absences of the second person": lambda max_: (
        max_.people(but("zoe", away=[{"first": "2000-01-01", "last": "2999-01-01"}])),
        max_.policy(LOOSE),
        max_.people([*TEAM, EVE]),
    ),
    "a copied store": lambda max_: (max_.copied(), max_.policy(LOOSE), max_.people([*TEAM, EVE])),
    "a copied store with own files": copied_with_own_files,
    "a clock that is moved": clock_moved,
    "a new account approves an older proposal": older_proposal_and_new_account,
    "a withdrawn policy, replayed": withdrawn_and_replayed,
    "withdrawn people, replayed": withdrawn_people_and_replayed,
    "an account that is removed after it proposed": removed_account_then_approved,
    "delegated to oneself": delegated,
    "submitted as an agent": submitted_as_an_agent,
    "resubmitted": resubmitted,
    "redacted": redacted,
    "answered with other words": lambda max_: (
        propose_looser(max_),
        *(max_.approve(word) for word in ("escalate", "modify", "override", "approve")),
    ),
    "proposed twice": lambda max_: (max_.people([*TEAM, EVE]), max_.people([*TEAM, EVE], "max-2")),
    "teams": lambda max_: max_.people({"reviewers": TEAM, "teams": [{"team_id": "t", "members": ["max"]}]}),
}


@pytest.fixture
def max_(tmp_path, clock):
    person = OnePerson(tmp_path, clock)
    yield person
    person.hitl.close()


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_one_person_alone_gets_nothing_looser_or_wider(max_, sequence):
    sequence(max_)
    max_.approve()
    max_.try_(max_.hitl.recover)

    check_unharmed(max_.hitl)


def test_two_persons_get_what_one_cannot(max_):
    """The same commands with the approval of the second person: the sequences above fail for no other reason."""
    for change in (lambda: propose_looser(max_), lambda: max_.hitl.people.propose(**ADD_EVE).case.case_id):
        assert max_.hitl.decide(change(), "approve", reviewer="zoe").status == "approved"

    assert services_of(max_.hitl).registry.active.hash == hash_of(LOOSE)
    assert max_.hitl.people.active().get("eve") is not None


ADD_EVE = {"source": [*TEAM, EVE], "reason": "r", "reviewer": "max"}

ACCOUNTS = st.fixed_dictionaries(
    {
        "reviewer_id": st.sampled_from(("max", "max-2", "zoe", "eve", "eve-2")),
        "name": st.just("N"),
        "roles": st.lists(st.sampled_from(CHAIN), min_size=1, max_size=2, unique=True),
        "domains": st.sampled_from((["*"], ["policy"], ["finance"], ["finance", "policy"])),
        "person": st.sampled_from((None, "max", "zoe", "eve")),
    }
)
PEOPLE = st.one_of(
    st.lists(ACCOUNTS, min_size=1, max_size=4, unique_by=lambda one: one["reviewer_id"]),
    st.lists(st.sampled_from(TEAM), min_size=1, unique_by=lambda one: one["reviewer_id"]),
)
POLICIES = st.sampled_from((LOOSE, LOOSER, STRICT, STRICTER, ASKS_ALWAYS, rules({"domain": "policy"})))


class OnePersonAlone(RuleBasedStateMachine):
    """Searches for sequences that get one person something looser or wider."""

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.max_ = OnePerson(Path(self.folder.name), FakeClock())

    @rule(people=PEOPLE, by=st.sampled_from(OWN_ACCOUNTS))
    def change_people(self, people, by):
        self.max_.people(people, by)

    @rule(chain=st.permutations(CHAIN), cut=st.integers(1, 3))
    def change_the_chain(self, chain, cut):
        self.max_.people(with_chain(*chain[:cut], people=[MAX, ZOE]))

    @rule(policy=POLICIES, by=st.sampled_from(OWN_ACCOUNTS))
    def activate(self, policy, by):
        self.max_.policy(policy, by)

    @rule(policy=POLICIES, share=st.sampled_from((0.1, 1.0)))
    def start_a_canary(self, policy, share):
        self.max_.policy(policy, "max", "start_canary", share)

    @rule()
    def roll_back(self):
        self.max_.policy(None, "max", "rollback")

    @rule(by=st.sampled_from(OWN_ACCOUNTS))
    def undo(self, by):
        self.max_.try_(self.max_.hitl.policy.undo, reason="r", reviewer=by)

    @rule(people=PEOPLE, policy=POLICIES)
    def open_with_own_files(self, people, policy):
        self.max_.open_with(reviewers=people, policy=policy)

    @rule(seconds=st.sampled_from((10**7, -(10**7))))
    def move_the_clock(self, seconds):
        self.max_.clock.tick(seconds)
        self.max_.try_(self.max_.hitl.run_maintenance)

    @rule()
    def withdraw(self):
        for row in self.max_.hitl.inbox():
            for account in OWN_ACCOUNTS:
                self.max_.try_(self.max_.hitl.cases.cancel, row.case_id, submitted_by=account, reason="r")

    @invariant()
    def nothing_is_looser_or_wider(self):
        check_unharmed(self.max_.hitl)

    def teardown(self):
        self.max_.hitl.close()
        self.folder.cleanup()


_QUICK = {"deadline": None, "suppress_health_check": list(HealthCheck)}
TestOnePersonAlone = OnePersonAlone.TestCase
TestOnePersonAlone.settings = settings(max_examples=8, stateful_step_count=8, **_QUICK)


@pytest.mark.soak
class TestOnePersonAloneForLong(OnePersonAlone.TestCase):
    settings = settings(max_examples=300, stateful_step_count=25, **_QUICK)
