"""A policy whose row was altered decides nothing: it is named, and cases under other policies go on."""

import pytest
from support.builders import a_review
from support.policy_changes import BY_MAX

from hitl_orchestrator.errors import TamperedPolicy

RULE = {"rule_id": "all", "priority": 1, "conditions": {}, "action": "human_review"}
EARLIER, ACTIVE = ({"policy_id": name, "rules": [RULE | {"rule_id": name}]} for name in ("earlier", "active"))


@pytest.fixture
def store(opened, durable_store, waits):
    """A store with two reviews under an earlier policy, and two under the active one."""
    with opened(durable_store, policy=EARLIER) as hitl:
        hitl.policy.activate(EARLIER, **BY_MAX)
        for number in range(2):
            waits(hitl, f"task-{number}")
        hitl.policy.activate(ACTIVE, **BY_MAX)
        for number in range(2, 4):
            waits(hitl, f"task-{number}")
    return durable_store


def damage(intruder, policy_id):
    intruder.run("UPDATE policies SET body = ? WHERE policy_id = ?", '{"policy_id": "x"}', policy_id)
    (row,) = intruder.run("SELECT policy_hash FROM policies WHERE policy_id = ?", policy_id)
    return row["policy_hash"]


def test_a_damaged_active_policy_is_refused_in_a_sentence_with_the_remedy(opened, store, intruder):
    name = damage(intruder, "active")

    with pytest.raises(TamperedPolicy) as refused:
        opened(store)

    assert str(refused.value) == (
        f"policy {name[:12]!r} in the store differs from the recorded one: no ledger entry records what its row holds; "
        "nothing is decided under it until its row is restored from a backup; find out who changed the database"
    )


@pytest.mark.parametrize("were_derived", [False, True], ids=["as opened", "as derived"])
def test_a_damaged_earlier_policy_is_named_and_stops_no_other_case(opened, store, intruder, caplog, were_derived):
    if not were_derived:
        intruder.run("UPDATE reviews SET needed_role = role, needed_under = policy_hash")
    name = damage(intruder, "earlier")
    with opened(store) as hitl:
        taken = hitl.acting_as("ana").reviews.next()
        assert taken.task_id == "task-2"
        assert f"policy {name[:12]!r} in the store differs" in caplog.text
        assert hitl.decide(taken.case_id, a_review("approve", "ana")).status == "approved"
        assert [each.review.task_id for each in hitl.acting_as("max").reviews.assign() if each.to] == ["task-3"]
    for call in (
        lambda hitl: hitl.acting_as("ana").reviews.next(),
        lambda hitl: hitl.run_maintenance(),
        lambda hitl: hitl.recover(),
    ):
        caplog.clear()
        with opened(store) as hitl:
            assert not call(hitl)
            assert f"policy {name[:12]!r} in the store differs" in caplog.text
            assert len(hitl.inbox()) == 3, "none vanishes from the list of all"
            assert {"task-0", "task-1"} < {each.task_id for each in hitl.inbox("domain_reviewer")}
