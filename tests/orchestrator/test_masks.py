"""What an undecided case hides, from whom, in every view; and that a quality check looks like any other case."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import a_task, an_output
from support.policy_changes import checked
from support.teams import PEOPLE, TEAM, a_policy

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.principal import Principal, PrincipalKind
from hitl_orchestrator.errors import CaseUnfinished
from hitl_orchestrator.orchestrator import LedgerAudit

SECRETS = ("Zaphod", "0.4321", "It says so", "known_answer", "the vote of r1")
COMMAND = Principal.local("someone", PrincipalKind.HUMAN)


def a_principal(kind, person=None):
    return Principal(subject="login", kind=kind, person=person, authenticated_by="oidc")


READERS = {
    "command": {"principal": COMMAND},
    "reviewer": {"principal": a_principal(PrincipalKind.HUMAN, "r2")},
    "stated reviewer": {"reviewer": "r2"},
    "auditor who reviews": {"principal": a_principal(PrincipalKind.AUDITOR, "r2")},
}
SEES_ALL = {"library": {}, "auditor": {"principal": a_principal(PrincipalKind.AUDITOR)}}


def rendered(bound, case_id):
    """Return everything that a principal may read about one case."""
    parts = [bound.cases.get(case_id).model_dump_json()]
    parts += [event.model_dump_json() for event in bound.cases.history(case_id)]
    view = bound.reviews.view(case_id)
    parts += [view.model_dump_json(), view._repr_html_()]
    parts += [request.model_dump_json() for request in bound.inbox() if request.case_id == case_id]
    return "\n".join(parts)


@pytest.fixture
def blind(opened, durable_store):
    """A planted blind case with one vote in its open round."""
    hitl = opened(durable_store, reviewers=TEAM, policy=a_policy(blind=True, approvals=2))
    given = an_output(confidence=0.4321, label="Zaphod")
    case = hitl.reviews.add_gold_case(a_task(), given, HumanDecision.REJECT, reviewer="s1")
    hitl.reviews.label(case.case_id, label="mine", reviewer="r1")
    hitl.decide(case.case_id, "approve", reviewer="r1", feedback="the vote of r1")
    return hitl, case.case_id


@pytest.mark.parametrize("reader", READERS)
def test_an_undecided_case_hides_its_answer_votes_and_purpose(blind, reader):
    hitl, case_id = blind

    seen = rendered(hitl.acting_as(**READERS[reader]), case_id)

    assert [secret for secret in SECRETS if secret in seen] == []
    assert '"human_decision":"approve"' not in seen


@pytest.mark.parametrize("reader", SEES_ALL)
def test_a_principal_who_decides_no_case_sees_what_is_recorded(blind, reader):
    hitl, case_id = blind
    bound = hitl.acting_as(**SEES_ALL[reader])

    seen = bound.cases.get(case_id).model_dump_json()
    seen += "".join(event.model_dump_json() for event in bound.cases.history(case_id))

    assert [secret for secret in SECRETS if secret not in seen] == []


def test_a_reviewer_sees_their_own_vote_and_all_see_a_decided_case(blind):
    hitl, case_id = blind
    voter, other = hitl.acting_as("r1"), hitl.acting_as("r2")

    assert voter.cases.get(case_id).reviews[0].verdict.review.human_feedback == "the vote of r1"
    assert other.cases.get(case_id).reviews[0].verdict is None
    assert other.cases.get(case_id).open_review is not None
    other.reviews.label(case_id, label="mine")
    other.decide(case_id, "approve")

    assert [secret for secret in SECRETS if secret not in rendered(other, case_id) and secret != "0.4321"] == []


@pytest.mark.parametrize("reader", READERS)
def test_an_undecided_case_is_not_proven_to_those_who_may_decide(blind, reader):
    hitl, case_id = blind

    with pytest.raises(CaseUnfinished, match="cannot be proven: it is waiting"):
        hitl.acting_as(**READERS[reader]).audit.prove(case_id)
    assert hitl.audit.prove(case_id).case_id == case_id


def test_an_export_by_a_command_hides_what_undecided_cases_hide(blind, durable_store):
    hitl, case_id = blind
    hitl.submit(a_task("later"), an_output("later", label="Zaphod"))
    with LedgerAudit(durable_store, principal=COMMAND) as audit:
        exported = "".join(event.model_dump_json() for event in audit.events())
        with pytest.raises(CaseUnfinished):
            audit.prove(case_id)
    with LedgerAudit(durable_store) as audit:
        complete = "".join(event.model_dump_json() for event in audit.events())

    assert [secret for secret in SECRETS if secret in exported] == []
    assert [secret for secret in SECRETS if secret not in complete] == []


# ---- quality checks look like other cases

IDS = re.compile(
    "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:[.][0-9]+)?"  # of cases and reviews
    "|[0-9a-f]{32,}|(?<=shows )[0-9a-f]{12}"  # digests, salts and MACs
    "|20[0-9-]{8}T[0-9:.]+Z"
    "|task-[0-9a-z]+"
)


def shape(text):
    """Return a rendering without ids, digests, numbers of entries and times."""
    text = IDS.sub("ID", text)
    text = re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC", "TIME", text)
    return re.sub(r'"seq":\d+|"version":\d+', "N", text)


def three_cases(hitl):
    """An ordinary case, a gold case and a spot check of one shape: no rule matches, and a person decides."""
    ana = hitl.acting_as(channel="web")
    same = {"metadata": {"customer": "c"}}
    ordinary = ana.submit(a_task("task-1", **same), an_output("task-1", confidence=0.7), submitted_by="agent-7")
    gold = hitl.reviews.add_gold_case(
        a_task("task-2", **same), an_output("task-2", confidence=0.7), HumanDecision.REJECT, reviewer="max"
    )
    approved = ana.submit(a_task("task-3", **same), an_output("task-3", confidence=0.9), submitted_by="agent-7")
    [spot] = [each.case_id for each in hitl.inbox() if each.case_id not in (ordinary.case_id, gold.case_id)]
    assert approved.status == "approved"
    return ordinary.case_id, gold.case_id, spot


@pytest.mark.parametrize("reader", [{"principal": COMMAND}, {"reviewer": "ana"}])
def test_a_quality_check_differs_from_another_case_in_ids_and_content_alone(opened, store, reader):
    hitl = opened(store, policy=checked(1))
    bound = hitl.acting_as(channel="web", **reader)

    ordinary, gold, spot = (shape(rendered(bound, case_id)) for case_id in three_cases(hitl))

    assert gold == ordinary
    # The content of a spot check is one that the policy approves: only what follows from the confidence differs.
    assert unlike(spot, "0.9") == unlike(ordinary, "0.7")


def layered(share, rate):
    """Return a policy in layers that holds a share of the tasks of one kind, and checks those of another afterwards."""
    kinds = {"holds": {"hold": share}, "spots": {"spot_check": rate}}
    rules = [
        {
            "rule_id": kind,
            "conditions": {"metadata": {"kind": {"eq": kind}}},
            "action": "auto_approve",
            "priority": place,
        }
        for place, kind in enumerate(kinds, 1)
    ]
    layer = {"rule_id": "own", "priority": 1, "conditions": {"max_confidence": 0.1}, "action": "escalate"}
    return {
        "policy_id": "layered",
        "metadata": {"kind": "text"},
        "rules": [rule | kinds[rule["rule_id"]] for rule in rules],
        "domains": {"customer_support": {"policy_id": "support", "rules": [layer]}},
    }


def read_by_ana(hitl, case_id):
    """Return everything that a reviewer reads of a case before they decide it, without ids and the kind of the task."""
    bound = hitl.acting_as("ana", channel="web")
    texts = [rendered(bound, case_id)]
    claimed = bound.reviews.claim(case_id)
    texts += [claimed.model_dump_json(), rendered(bound, case_id)]
    return re.sub("holds|spots|plain", "KIND", shape("\n".join(texts)))


@settings(max_examples=20, deadline=None)
@given(
    confidence=st.sampled_from((0.2, 0.5, 0.875, 1.0)),
    has_layers=st.booleans(),
    rate=st.sampled_from((0.0, 0.25)),
)
def test_all_that_a_reviewer_reads_of_a_held_case_a_spot_check_and_another_case_has_one_form(
    confidence, has_layers, rate
):
    policy = layered(1, 1) if has_layers else layered(1, 1) | {"domains": {}}
    policy["rules"][0] |= {"spot_check": rate}
    with Orchestrator.open("memory://", policy=policy, reviewers=PEOPLE) as hitl:
        for number, kind in enumerate(("holds", "spots", "plain")):
            task = a_task(f"task-{number}", metadata={"kind": kind, "customer": "c"})
            hitl.submit(task, an_output(task.task_id, confidence=confidence), submitted_by="agent-7")
        texts = [read_by_ana(hitl, request.case_id) for request in hitl.inbox()]

    assert len(texts) == 3
    assert len(set(texts)) == 1


def unlike(text, confidence):
    """Return a rendering without what follows from the confidence."""
    text = re.sub(r"confidence 0\.[79] to \d\.\d", "BAND", text)
    return text.replace(confidence, "C").replace("90%", "P").replace("70%", "P")


def test_a_refusal_does_not_tell_a_quality_check_from_another_case(opened, store):
    hitl = opened(store, policy=checked(1))
    refusals = []
    for case_id in three_cases(hitl):
        with pytest.raises(Exception, match="their domains are finance") as refused:
            hitl.decide(case_id, "approve", reviewer="ben")
        refusals.append(shape(str(refused.value)))

    assert len(set(refusals)) == 1


def test_the_submitter_of_a_spot_checked_case_reads_the_refusal_of_a_submitter(opened, store):
    hitl = opened(store, policy=checked(1))
    hitl.submit(a_task(), an_output(), submitted_by="ana")
    mine = hitl.submit(a_task("task-2"), an_output("task-2", confidence=0.1), submitted_by="ana").case_id
    [spot] = [request.case_id for request in hitl.inbox() if request.case_id != mine]

    refusals = set()
    for case_id in (mine, spot):
        with pytest.raises(Exception, match="they submitted this case") as refused:
            hitl.decide(case_id, "approve", reviewer="ana")
        refusals.add(str(refused.value))

    assert len(refusals) == 1
