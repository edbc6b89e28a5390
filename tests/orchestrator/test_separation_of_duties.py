"""Separation of duties fails closed: no spelling and no resubmission lets a person decide their own case."""

from threading import Thread

import pytest
from support.builders import FakeClock, a_review, a_task, an_output
from support.named_people import ANA, ANA_2
from support.names import SPELLINGS

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.principal import Principal, PrincipalKind
from hitl_orchestrator.errors import AmbiguousTask, NotAuthorized, TaskConflict, TaskOfAnother, UnknownCase

PEOPLE = [
    ANA,
    ANA_2,
    {"reviewer_id": "ben", "name": "Ben", "roles": ["domain_reviewer"]},
    {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]},
    {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]},
]
ALL_OF_THEM = {each["reviewer_id"] for each in PEOPLE}
UNREADABLE = [42, {}, [{}], "", "\u0430na", "\u202eana", ["carla", 7], {"id": 1}, "x" * 600]


@pytest.fixture
def hitl(opened, store):
    return opened(store, reviewers=PEOPLE)


@pytest.fixture(scope="module")
def many():
    """One store for a table of cases, which do not meet."""
    with Orchestrator.open("memory://", reviewers=PEOPLE, clock=FakeClock()) as opened:
        yield opened


def submit(hitl, task_id="task-1", by=None, *, resubmit=False, text="Classify an email", **metadata):
    task = a_task(task_id, metadata=metadata, task_description=text)
    return hitl.submit(task, an_output(task_id, confidence=0.5), submitted_by=by, resubmit=resubmit)


def may_decide(hitl, case, also_named=()):
    """Return who sees the case in their inbox; no other reviewer may claim or decide it.

    `also_named` are named to others as well, since to leave them out would tell what the case is.
    """
    seen = {who for who in ALL_OF_THEM if any(row.case_id == case.case_id for row in hitl.inbox(reviewer=who))}
    for who in ALL_OF_THEM - seen:
        for call in (hitl.reviews.claim, lambda case_id, reviewer: hitl.decide(case_id, "approve", reviewer=reviewer)):
            with pytest.raises(NotAuthorized):
                call(case.case_id, reviewer=who)
    assert set(hitl.reviews.view(case.case_id).may_decide) == {*seen, *also_named}
    return seen


def agent(hitl, subject):
    principal = Principal(subject=subject, kind=PrincipalKind.AGENT, authenticated_by="oidc")
    return hitl.acting_as(principal=principal)


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_requester_never_decides_in_any_spelling(many, name):
    case = submit(many, f"spelled-{SPELLINGS.index(name)}", requested_by=name)

    with pytest.raises(NotAuthorized, match="the task was requested by them"):
        many.decide(case.case_id, "approve", reviewer="ana")
    with pytest.raises(NotAuthorized, match="the task was requested by them"):
        many.decide(case.case_id, "approve", reviewer="ana-2")
    assert many.decide(case.case_id, "approve", reviewer="ben").status == "approved"


@pytest.mark.parametrize("name", ["ANA", "user:ana", "Ana.Silva", "asilva", "ana-2", "u-1042", "a.n.a"])
def test_a_submitter_never_decides_in_any_spelling(many, name):
    case = submit(many, f"by-{name}", name)

    assert may_decide(many, case) == {"ben", "max", "zoe"}


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: repr(value)[:30])
def test_an_unreadable_requester_leaves_the_case_to_the_top_of_the_chain(many, value):
    case = submit(many, f"unread-{UNREADABLE.index(value)}", requested_by=value)

    with pytest.raises(NotAuthorized, match=r"the requester of the task cannot be read \(.*'compliance_officer'"):
        many.decide(case.case_id, "approve", reviewer="ben")
    assert may_decide(many, case) == {"zoe"}
    assert many.decide(case.case_id, "approve", reviewer="zoe").status == "approved"


def test_a_customer_bars_no_reviewer(hitl):
    case = submit(hitl, requested_by={"name": "Carla Customer", "id": 17}, customer="ana")

    assert may_decide(hitl, case) == ALL_OF_THEM


SHED = {
    "the same content": {"by": "ana", "requested_by": "ana"},
    "no requester": {"by": "ana"},
    "an empty list of requesters": {"by": "ana", "requested_by": []},
    "another requester": {"by": "ana", "requested_by": "ben"},
    "a stranger as requester": {"by": "ana", "requested_by": "carla"},
    "another field": {"by": "ana", "customer": "ana"},
    "an unreadable requester": {"by": "ana", "requested_by": 7},
    "another text": {"by": "ana", "text": "other"},
    "the text twice": {"by": "ana", "text": "Classify an email Classify an email"},
}
WITHOUT_A_NAME = {
    "no submitter": {"by": None},
    "no submitter and no requester": {"by": None, "text": "other"},
    "another submitter": {"by": "carla"},
    "a bot": {"by": "bot:refunds"},
    "capitals": {"by": "ANA"},
    "a prefix": {"by": "user:ana"},
    "a mailbox": {"by": "ana.silva"},
    "an alias": {"by": "asilva"},
    "the second account": {"by": "ana-2"},
    "a colleague": {"by": "ben"},
    "the top": {"by": "zoe"},
}


@pytest.mark.parametrize("attempt", SHED, ids=str)
@pytest.mark.parametrize("times", [1, 3])
def test_no_resubmission_sheds_a_bar(many, attempt, times):
    name = f"shed-{list(SHED).index(attempt)}-{times}"
    submit(many, name, "ana", requested_by=["asilva", "max"])

    for number in range(times):
        given = {"text": "try", **SHED[attempt]}
        case = submit(many, name, resubmit=True, **given | {"text": f"{given['text']} {number}"})
    with pytest.raises(NotAuthorized):
        many.decide(case.case_id, "approve", reviewer="ana")
    with pytest.raises(NotAuthorized):
        many.decide(case.case_id, "approve", reviewer="ana-2")
    with pytest.raises(NotAuthorized, match="the task was requested by them"):
        many.decide(case.case_id, "approve", reviewer="max")
    assert case.submission.attempt == times + 1


@pytest.mark.parametrize("attempt", WITHOUT_A_NAME, ids=str)
def test_a_task_is_resubmitted_by_its_submitter_alone(many, attempt):
    name = f"whose-{list(WITHOUT_A_NAME).index(attempt)}"
    first = submit(many, name, "ana", text="the secret text")

    with pytest.raises(TaskOfAnother) as refused:
        submit(many, name, resubmit=True, **{"text": "try", **WITHOUT_A_NAME[attempt]})

    assert "secret" not in str(refused.value)
    assert first.case_id not in str(refused.value)
    assert many.cases.get(first.case_id).status == "waiting"


@pytest.mark.parametrize("attempt", WITHOUT_A_NAME, ids=str)
def test_under_another_name_the_first_submitter_stays_barred(many, attempt):
    name = f"fresh-{list(WITHOUT_A_NAME).index(attempt)}"
    submit(many, name, "ana")

    case = submit(many, name, **{"text": "try", **WITHOUT_A_NAME[attempt]})

    assert not {"ana", "ana-2"} & may_decide(many, case)


def test_a_bar_outlives_a_redaction(hitl):
    first = submit(hitl, by="bot", requested_by="ana")
    hitl.decide(first.case_id, "reject", reviewer="ben", reason="no")
    hitl.cases.redact(first.case_id, reason="a request", reviewer="zoe")

    again = submit(hitl, by="bot", resubmit=True, text="other")

    assert may_decide(hitl, again) == {"zoe"}
    assert hitl.audit.verify().sound


def test_the_requesters_of_earlier_attempts_are_erased_with_the_others(durable, durable_store, opened):
    submit(durable, by="bot", requested_by="Carla Confidential")
    second = submit(durable, by="bot", resubmit=True, text="other")
    durable.decide(second.case_id, "reject", reviewer="ana", reason="no")
    durable.cases.redact(second.case_id, reason="a request", reviewer="zoe")

    assert "Confidential" not in str([event.body for event in durable.cases.history(second.case_id)])


def test_a_copy_of_a_case_bars_the_same_people(opened):
    hitl = opened("memory://", reviewers=PEOPLE)
    first = submit(hitl, by="ana", requested_by="max")
    hitl.decide(first.case_id, "approve", reviewer="ben")

    second = hitl.acting_as("max").reviews.add_second_review(first.case_id, new_task_id="task-2")

    assert may_decide(hitl, second, also_named=("ben",)) == {"zoe"}


def test_two_submitters_may_use_one_task_id(hitl):
    his, hers = submit(hitl, by="bot-1", text="his secret"), submit(hitl, by="bot-2", text="hers")

    assert his.case_id != hers.case_id
    assert (his.submission.supersedes, hers.submission.supersedes) == (None, None)
    assert submit(hitl, by="bot-1", text="his secret").case_id == his.case_id
    hitl.decide(his.case_id, "approve", reviewer="ben")
    assert hitl.cases.get(hers.case_id).status == "waiting"
    assert agent(hitl, "bot-2").submit(a_task(task_description="hers"), an_output(confidence=0.5)).status == "waiting"
    with pytest.raises(TaskConflict) as refused:
        agent(hitl, "bot-2").submit(a_task(task_description="third"), an_output(confidence=0.5))
    assert "his secret" not in str(refused.value)
    assert hitl.audit.verify().sound


def test_a_task_id_names_the_task_of_its_submitter(hitl):
    his, hers = submit(hitl, by="bot-1"), submit(hitl, by="bot-2", text="hers")

    assert agent(hitl, "bot-1").cases.get(task_id="task-1").case_id == his.case_id
    assert agent(hitl, "bot-2").cases.get(task_id="task-1").case_id == hers.case_id
    with pytest.raises(UnknownCase):
        agent(hitl, "bot-3").cases.get(task_id="task-1")
    with pytest.raises(AmbiguousTask, match=f"{his.case_id}, {hers.case_id}"):
        hitl.decide(task_id="task-1", decision="approve", reviewer="ben")
    gone = hitl.cases.cancel(task_id="task-1", submitted_by="bot-2", reason="no longer needed")
    assert (gone.case_id, gone.status) == (hers.case_id, "canceled")


def test_the_only_task_of_an_id_is_found_without_its_submitter(hitl):
    case = submit(hitl, by="bot-1")

    assert hitl.cases.get(task_id="task-1").case_id == case.case_id
    assert hitl.decide(task_id="task-1", decision="approve", reviewer="ben").case_id == case.case_id


def test_an_agent_learns_nothing_of_the_tasks_of_others(hitl):
    submit(hitl, by="bot-1", text="secret", requested_by="carla")
    mine = agent(hitl, "bot-2")

    case = mine.submit(a_task(task_description="mine"), an_output(confidence=0.5), resubmit=True)

    assert (case.submission.attempt, case.submission.supersedes) == (1, None)
    seen = str([mine.cases.get(case.case_id).submission, *mine.cases.history(case.case_id)])
    assert "bot-1" not in seen
    assert "secret" not in seen


def test_a_resubmission_supersedes_the_attempt_of_its_submitter_alone(hitl):
    his, hers = submit(hitl, by="bot-1"), submit(hitl, by="bot-2")

    again = submit(hitl, by="bot-1", text="other", resubmit=True)
    hitl.recover()

    assert again.submission.supersedes == his.case_id
    assert [hitl.cases.get(each.case_id).status for each in (his, hers)] == ["superseded", "waiting"]


def test_of_many_threads_each_submitter_gets_one_case(hitl):
    found = []
    names = [f"bot-{number % 3}" for number in range(9)]
    threads = [Thread(target=lambda name=name: found.append((name, submit(hitl, by=name).case_id))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 9
    assert len(set(found)) == 3
    assert hitl.audit.verify().sound


def test_a_case_moved_to_another_submitter_is_found(durable, intruder):
    submit(durable, by="bot-1")

    intruder.run("UPDATE cases SET submitter = 'bot-2'")

    assert "another submitter" in str(durable.audit.verify().problem)


def test_a_vote_of_a_barred_person_is_refused_over_all_attempts(opened):
    rule = {"rule_id": "r1", "priority": 1, "conditions": {}, "action": "human_review", "approvals": 2}
    hitl = opened("memory://", reviewers=PEOPLE, policy={"policy_id": "two", "rules": [rule]})
    submit(hitl, by="bot", requested_by="ana")

    again = submit(hitl, by="bot", resubmit=True, text="other")

    assert may_decide(hitl, again) == {"ben", "max", "zoe"}
    hitl.decide(again.case_id, a_review("approve", "ben"))
    with pytest.raises(NotAuthorized):
        hitl.decide(again.case_id, a_review("approve", "ana"))
