"""Change the people of a store as two of them do."""


def change_people(hitl, people, by="max", approver="zoe"):
    """Put people in force by a proposal and, if it widens rights, the approval of a second person."""
    done = hitl.people.propose(people, reviewer=by, reason="the organization changes")
    if done.case is not None:
        assert hitl.decide(done.case.case_id, "approve", reviewer=approver).status == "approved"
    assert hitl.people.status().current == done.people_hash
    return hitl


def change_policy(hitl, policy, by="max", approver="zoe"):
    """Activate a policy by a proposal and, if it is looser, the approval of a second person."""
    done = hitl.policy.activate(policy, reviewer=by, reason="the policy changes")
    if done.case is not None:
        assert hitl.decide(done.case.case_id, "approve", reviewer=approver).status == "approved"
    return hitl
