"""A proposed change of people as the case that a second person decides."""

from hitl_orchestrator.domain.enums import PEOPLE_CHANGE, POLICY_DOMAIN, RiskLevel
from hitl_orchestrator.domain.input.reserved_ids import change_id
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.review.governance.history import PeopleProposal

MOST_SHOWN = 20
"""The number of wider rights that a case lists."""

SHORT = 12


def change_task(proposal: PeopleProposal) -> Task:
    """Return the task of a proposed change of people."""
    description = (
        f"Put the people {proposal.people_hash[:SHORT]} in force in place of {proposal.base[:SHORT]}. This widens "
        "rights, so a second person must approve it: 'approve' carries out the change, any other answer changes "
        f"nothing. 'hitl people show {proposal.people_hash[:SHORT]}' shows them. Reason: {proposal.reason}"
    )
    return Task(
        task_id=change_id(PEOPLE_CHANGE, proposal.case_id),
        task_type=PEOPLE_CHANGE,
        task_description=description,
        domain=POLICY_DOMAIN,
        risk_level=RiskLevel.HIGH,
        timestamp=proposal.at,
        metadata={"people_hash": proposal.people_hash, "base": proposal.base, "reason": proposal.reason},
    )


def change_output(task: Task, proposal: PeopleProposal) -> AgentOutput:
    """Return the proposal of a case about people: the change, and the rights that it widens."""
    lines = [*proposal.wider[:MOST_SHOWN]]
    if len(proposal.wider) > MOST_SHOWN:
        lines.append(f"... and {len(proposal.wider) - MOST_SHOWN} more; 'hitl people diff' lists all of them")
    output = Proposal(predicted_label=f"people {proposal.people_hash[:SHORT]}", explanation="\n".join(lines))
    return AgentOutput(task_id=task.task_id, agent_output=output)
