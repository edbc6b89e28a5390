"""The people of a store: recorded when it is made, changed by two persons, and named by every entry that uses them."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of
from support.people_changes import change_people
from support.policy_changes import ASKS_ALWAYS, LOOSE, STRICT

from hitl_orchestrator.errors import InvalidInput, LedgerDamaged, NotAuthorized, PeopleMismatch, TaskConflict
from hitl_orchestrator.policies.engine.risk import RiskRule
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.services.config_files import load_people

ANA = {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"], "domains": ["finance"]}
MAX = {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]}
ZOE = {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]}
BOB = {"reviewer_id": "bob", "name": "Bob", "roles": ["senior_manager"]}
TEAM = [ANA, MAX, ZOE]
BY_MAX = {"reviewer": "max", "reason": "we agreed so"}


def kinds(hitl):
    return [event.kind.value for event in hitl.people.history()]


def one(account, **changed):
    """Return the team with one account changed."""
    return [{**each, **changed} if each["reviewer_id"] == account else each for each in TEAM]


@pytest.fixture
def hitl(opened, store):
    return opened(store, reviewers=TEAM, policy=STRICT)


def test_a_new_store_records_its_people_and_its_policy_first(hitl):
    first, second = list(services_of(hitl).ledger.events())

    assert (first.kind, second.kind) == ("people_recorded", "policy_recorded")
    assert first.body["people_hash"] == second.body["people_hash"] == load_people(TEAM).hash
    assert hitl.audit.verify().sound


def test_the_same_people_in_another_form_are_the_same(opened, durable_store, tmp_path):
    opened(durable_store, reviewers=TEAM).close()
    (tmp_path / "people.json").write_text(json.dumps({"reviewers": TEAM}, indent=3))
    (tmp_path / "people.yaml").write_text(json.dumps({"reviewers": TEAM}))

    for given in (TEAM, None, tmp_path / "people.json", tmp_path / "people.yaml", load_people(TEAM)):
        with opened(durable_store, reviewers=given) as hitl:
            assert [each.reviewer_id for each in hitl.people.active()] == ["ana", "max", "zoe"]
            assert kinds(hitl) == ["people_recorded"]


@pytest.mark.parametrize(
    "other", [[*TEAM, BOB], TEAM[:2], one("ana", domains=["*"]), "placeholders"], ids=["more", "fewer", "wider", "old"]
)
def test_a_store_with_people_accepts_no_others_on_open(opened, durable_store, other):
    opened(durable_store, reviewers=TEAM).close()

    with pytest.raises(PeopleMismatch, match="hitl people propose FILE"):
        opened(durable_store, reviewers=load_people(None) if other == "placeholders" else other)

    assert kinds(opened(durable_store, reviewers=None)) == ["people_recorded"]


def test_the_placeholders_give_way_to_the_first_people_once(opened, durable_store, caplog):
    opened(durable_store, reviewers=None, policy=STRICT).close()

    with opened(durable_store, reviewers=TEAM) as hitl:
        assert kinds(hitl) == ["people_recorded", "people_recorded"]
        assert hitl.audit.verify().sound

    assert any("from now on it has the people" in record.getMessage() for record in caplog.records)
    with pytest.raises(PeopleMismatch, match="the bundled placeholder reviewers are not in force"):
        opened(durable_store, reviewers=load_people(None))


def test_a_wider_change_waits_for_a_second_person(hitl):
    done = hitl.people.propose([*TEAM, BOB], **BY_MAX)

    assert (done.in_force, done.alone, done.case.status) == (False, False, "waiting")
    assert done.wider == ("account 'bob' is added, with senior_manager in all domains",)
    assert "account 'bob' is added" in done.case.open_review.shown.routing.output.agent_output.explanation
    with pytest.raises(NotAuthorized, match="they submitted this case"):
        hitl.decide(done.case.case_id, "approve", reviewer="max")
    with pytest.raises(NotAuthorized, match="no such reviewer"):
        hitl.decide(done.case.case_id, "approve", reviewer="bob")
    assert hitl.decide(done.case.case_id, "approve", reviewer="zoe").status == "approved"

    entry = hitl.people.history()[-1].body
    assert (entry["by"], entry["approved_by"], entry["alone"]) == ("max", "zoe", False)
    assert hitl.people.active().hash == done.people_hash
    assert hitl.people.status().versions[done.people_hash].approved_by == "zoe"
    assert [event.kind for event in hitl.cases.history(done.case.case_id)][-1] == "people_activated"
    assert hitl.audit.verify().sound


@pytest.mark.parametrize("answer", ["reject", "modify", "override", "cancel"])
def test_any_other_answer_changes_nothing(hitl, answer):
    case = hitl.people.propose([*TEAM, BOB], **BY_MAX).case.case_id

    if answer == "cancel":
        hitl.cases.cancel(case, submitted_by="max", reason="not yet")
    else:
        hitl.decide(case, a_review(answer, "zoe"))

    assert kinds(hitl)[-1] == "people_declined"
    assert (hitl.people.active().hash, hitl.people.status().pending) == (load_people(TEAM).hash, {})
    assert hitl.audit.verify().sound


NARROWER = {
    "fewer accounts": TEAM[1:],
    "fewer domains": one("ana", domains=["finance"], roles=["domain_reviewer"], name="Ana P."),
    "one domain": one("max", domains=["policy"]),
    "fewer claims": one("zoe", max_open_claims=3),
    "absences": one("ana", away=[{"first": "2025-01-01", "last": "2025-01-05"}]),
    "working hours": one("ana", working_hours={"begins": "08:00"}),
    "reason codes": {"reviewers": TEAM, "reason_codes": ["other"]},
    "another order": TEAM[::-1],
}


@pytest.mark.parametrize("people", NARROWER.values(), ids=NARROWER)
def test_a_narrower_or_neutral_change_takes_one_person(opened, people):
    hitl = opened("memory://", reviewers=TEAM, policy=STRICT)

    done = hitl.people.propose(people, **BY_MAX)

    assert (done.in_force, done.wider, done.case) == (True, (), None)
    assert hitl.people.active().hash == load_people(people).hash
    assert hitl.audit.verify().sound


TOO_MANY = [{**ANA, "max_open_claims": 2}, MAX, ZOE]
WIDER = {
    "an account": (TEAM, [*TEAM, {**MAX, "reviewer_id": "max2", "person": "max"}]),
    "a role": (TEAM, one("ana", roles=["domain_reviewer", "senior_manager"])),
    "a lower role": (TEAM, one("zoe", roles=["compliance_officer", "domain_reviewer"])),
    "a domain": (TEAM, one("ana", domains=["finance", "legal"])),
    "every domain": (TEAM, one("ana", domains=["*"])),
    "more claims": (TOO_MANY, [{**ANA, "max_open_claims": 3}, MAX, ZOE]),
    "any number of claims": (TOO_MANY, TEAM),
    "another person": (TEAM, one("max", person="zoe")),
    "a split person": ([*TEAM, {**MAX, "reviewer_id": "m2", "person": "max"}], [*TEAM, {**MAX, "reviewer_id": "m2"}]),
    "a shorter chain": (
        [ANA, MAX, BOB],
        {"escalation_chain": ["domain_reviewer", "senior_manager"], "reviewers": [ANA, MAX, BOB]},
    ),
    "a longer chain": (
        TEAM,
        {
            "escalation_chain": ["intern", "domain_reviewer", "senior_manager", "compliance_officer"],
            "reviewers": TEAM,
        },
    ),
    "a reversed chain": (
        TEAM,
        {"escalation_chain": ["compliance_officer", "senior_manager", "domain_reviewer"], "reviewers": TEAM},
    ),
    "a calendar": (TEAM, {"reviewers": TEAM, "calendar": {"timezone": "UTC"}}),
    "too few left": (TEAM, [ANA, MAX]),
    "too few may": (TEAM, one("zoe", domains=["finance"])),
}


@pytest.mark.parametrize(("before", "after"), WIDER.values(), ids=WIDER)
def test_a_change_that_widens_anything_takes_two(opened, before, after):
    hitl = opened("memory://", reviewers=before, policy=ASKS_ALWAYS)

    done = hitl.people.propose(after, **BY_MAX)

    assert (done.in_force, bool(done.wider), done.case.status) == (False, True, "waiting")
    assert hitl.people.active().hash == load_people(before).hash


def test_a_single_operator_acts_alone_and_the_ledger_records_it(opened, store):
    hitl = opened(store, reviewers=[ANA, MAX], policy=STRICT)

    done = hitl.people.propose(TEAM, **BY_MAX)

    assert (done.in_force, done.alone, done.case) == (True, True, None)
    assert hitl.people.history()[-1].body["alone"]
    assert not hitl.people.propose([*TEAM, BOB], **BY_MAX).in_force
    assert hitl.audit.verify().sound


@pytest.mark.parametrize(
    ("who", "why"), [("ana", "it takes 'senior_manager' or a role above it"), ("eve", "there is no such reviewer")]
)
def test_changing_the_people_takes_the_right_to_change_the_policy(hitl, who, why):
    for people in ([*TEAM, BOB], [ANA, MAX]):
        with pytest.raises(NotAuthorized, match=f"may not .*: .*{why}"):
            hitl.people.propose(people, reviewer=who, reason="r")


def test_an_approver_must_have_had_the_right_when_a_change_was_proposed(opened, store):
    hitl = opened(store, reviewers=[*TEAM, {**BOB, "roles": ["domain_reviewer"]}], policy=STRICT)
    looser = hitl.policy.activate(LOOSE, **BY_MAX).case.case_id
    change_people(hitl, [*TEAM, BOB, {**MAX, "reviewer_id": "eve", "name": "Eve"}])

    for late in ("bob", "eve"):
        with pytest.raises(NotAuthorized, match="when this change was proposed"):
            hitl.decide(looser, "approve", reviewer=late)

    assert hitl.decide(looser, "approve", reviewer="zoe").status == "approved"
    assert hitl.audit.verify().sound


def test_proposed_people_lapse_with_those_that_they_were_compared_with(hitl):
    case = hitl.people.propose([*TEAM, BOB], **BY_MAX).case.case_id
    hitl.people.propose(one("ana", name="Ana B."), **BY_MAX)

    hitl.decide(case, "approve", reviewer="zoe")

    assert "propose them again" in hitl.people.history()[-1].body["why"]
    assert hitl.people.active().get("bob") is None


def test_a_person_stays_the_same_after_the_account_is_gone(opened, store):
    """Otherwise a submitter could remove their account, and decide their own case with another one."""
    again = {**MAX, "reviewer_id": "max-2", "person": "max"}
    hitl = opened(
        store, reviewers=[*TEAM, BOB, {**again, "reviewer_id": "max-3", "person": "max"}, again], policy=STRICT
    )
    hitl.submit(a_task(), an_output(confidence=0.1), submitted_by="max-3")
    looser = hitl.policy.activate(LOOSE, reviewer="max-3", reason="r").case.case_id
    change_people(hitl, [*TEAM, BOB, again])

    for case in ({"task_id": "task-1"}, {"case_id": looser}):
        with pytest.raises(NotAuthorized, match="they submitted this case"):
            hitl.decide(**case, decision="approve", reviewer="max-2")


@pytest.mark.parametrize(
    ("requested_by", "changed"),
    [
        ("mm77", [ANA, MAX, ZOE]),
        ("max@example.org", [ANA, {**MAX, "aliases": ["mm77"]}, ZOE]),
        ("Max Muster", [ANA, {**MAX, "aliases": ["mm77"], "name": "M"}, ZOE]),
        ("MAX_2", [ANA, {**MAX, "aliases": ["mm77"]}, ZOE]),
    ],
    ids=["alias", "mail", "name", "account"],
)
def test_a_person_who_gives_up_a_name_or_an_account_stays_barred(opened, store, requested_by, changed):
    known = {**MAX, "name": "Max Muster", "aliases": ["mm77"], "emails": ["max@example.org"]}
    hitl = opened(store, reviewers=[ANA, known, {**MAX, "reviewer_id": "max-2", "person": "max"}, ZOE], policy=STRICT)
    hitl.submit(a_task(metadata={"requested_by": requested_by}), an_output(confidence=0.1))

    assert hitl.people.propose(changed, **BY_MAX).in_force

    with pytest.raises(NotAuthorized, match="the task was requested by them"):
        hitl.decide(task_id="task-1", decision="approve", reviewer="max")


def test_proposed_people_say_nothing_about_the_persons_behind_accounts(hitl):
    """Otherwise a proposal alone could bar a person from cases, or shed a bar."""
    hitl.submit(a_task(), an_output(confidence=0.1), submitted_by="agent-7")
    hitl.people.propose([*TEAM, {**BOB, "reviewer_id": "agent-7", "person": "zoe"}], **BY_MAX)
    change_people(hitl, one("max", name="Max M."))

    assert hitl.decide(task_id="task-1", decision="approve", reviewer="zoe").status == "approved"


def test_another_chain_applies_to_policies_at_once(opened, durable_store, waits):
    running, other = (opened(durable_store, reviewers=TEAM, policy=STRICT) for _ in range(2))
    waits(running, "task-1", risk="low", domain="finance")
    chain = ["domain_reviewer", "lead", "senior_manager", "compliance_officer"]
    lead = {"reviewer_id": "lea", "name": "Lea", "roles": ["lead"]}

    change_people(other, {"escalation_chain": chain, "reviewers": [*TEAM, lead]})
    waits(running, "task-2", risk="low", domain="finance")
    running.decide(task_id="task-2", decision=a_review("escalate", "ana"))

    assert running.cases.get(task_id="task-2").open_review.role == "lead"
    assert running.decide(task_id="task-2", decision=a_review("approve", "lea")).status == "approved"


def test_every_decision_and_every_entry_about_policies_names_the_people(hitl, waits):
    before = hitl.people.active().hash
    waits(hitl, domain="finance")
    hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))
    looser = hitl.policy.activate(LOOSE, **BY_MAX).case.case_id
    change_people(hitl, one("zoe", name="Zoe Z."), by="zoe")
    after = hitl.people.active().hash
    hitl.decide(looser, "approve", reviewer="zoe")

    decided = [event for event in services_of(hitl).ledger.events() if event.kind == "decided"]
    assert [event.body["verdict"]["people_hash"] for event in decided] == [before, after]
    entries = {event.kind.value: event.body["people_hash"] for event in hitl.policy.history()}
    assert (entries["policy_recorded"], entries["policy_proposed"], entries["policy_activated"]) == (
        before,
        before,
        after,
    )


@pytest.mark.parametrize("people", [[], [{**MAX, "roles": ["king"]}], {"escalation_chain": []}, 7])
def test_unusable_people_are_refused_with_every_problem(hitl, people):
    with pytest.raises(InvalidInput):
        hitl.people.propose(people, **BY_MAX)
    assert kinds(hitl) == ["people_recorded"]


def test_a_change_of_people_needs_a_reason(hitl):
    with pytest.raises(InvalidInput, match="state why the people change"):
        hitl.people.propose([*TEAM, BOB], reviewer="max", reason=" ")


def test_agents_cannot_submit_a_change_of_people(hitl):
    with pytest.raises(InvalidInput, match="is reserved for changes of the people"):
        hitl.submit(a_task(task_type="people_change"))
    proposed = hitl.people.propose([*TEAM, BOB], **BY_MAX).case
    with pytest.raises((InvalidInput, TaskConflict)):
        hitl.submit(a_task(proposed.task_id), resubmit=True)


def test_equal_proposals_at_once_are_one_case(opened, durable_store):
    both = [opened(durable_store, reviewers=TEAM, policy=STRICT) for _ in range(2)]
    together = Barrier(2)

    def propose(number):
        together.wait()
        who = ("max", "zoe")[number]
        return both[number].people.propose([*TEAM, BOB, {**BOB, "reviewer_id": "b2"}], reviewer=who, reason="r")

    with ThreadPoolExecutor(2) as pool:
        cases = {done.case.case_id for done in pool.map(propose, range(2))}

    assert cases == set(both[0].people.status().pending)
    assert len(cases) == 1


def test_recovery_opens_the_case_of_a_proposal_and_carries_out_an_approved_one(opened, durable_store):
    with opened(durable_store, reviewers=TEAM, policy=STRICT) as hitl:
        case = hitl.people.propose([*TEAM, BOB], **BY_MAX).case.case_id
        # The process dies after the decision, before it carries out the change.
        services_of(hitl).case_runner._on_finished.clear()
        hitl.decide(case, "approve", reviewer="zoe")
        assert hitl.people.active().get("bob") is None

    with opened(durable_store, reviewers=None) as hitl:
        hitl.recover()
        assert hitl.people.active().get("bob") is not None
        assert hitl.audit.verify().sound


def test_people_that_were_altered_are_refused(opened, durable_store, intruder):
    opened(durable_store, reviewers=TEAM, policy=STRICT).close()
    intruder.disarm()
    entry = intruder.run("SELECT entry FROM events WHERE kind = 'people_recorded'")[0]["entry"]
    forged = entry.replace('"roles":["domain_reviewer"]', '"roles":["senior_manager"]')
    intruder.run("UPDATE events SET entry = ? WHERE kind = 'people_recorded'", forged)

    with pytest.raises(LedgerDamaged, match="entry 1: its text or its digest was altered"):
        opened(durable_store, reviewers=None)


def test_other_rules_and_schemas_are_recorded_when_they_are_first_used(opened, durable_store, caplog):
    rules = {"risk_rules": [RiskRule(risk_level="low")], "score_rules": ScoreRules(low_confidence_below=0.5)}
    schema = {"schemas": {"refund": {"type": "object"}}}

    numbers = count(1)

    def configurations(**options):
        caplog.clear()
        task_id = f"task-{next(numbers)}"
        with opened(durable_store, reviewers=TEAM, policy=STRICT, **options) as hitl:
            hitl.submit(a_task(task_id), an_output(task_id))
            events = [event for event in services_of(hitl).ledger.events() if event.kind == "configuration_recorded"]
        return len(events), any("than those recorded last" in record.getMessage() for record in caplog.records)

    assert configurations() == (0, False)
    assert configurations(**rules) == (1, False)
    assert configurations(**rules) == (1, False)
    assert configurations(**rules, **schema) == (2, True)
    assert configurations(**rules) == (2, False)
