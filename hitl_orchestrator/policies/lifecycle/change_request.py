"""A change of the policy as people are asked about it: what is to change, and where it asks for less. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import POLICY_CHANGE, PolicyChange, RiskLevel
from hitl_orchestrator.domain.input.reserved_ids import policy_change_id
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.domain.value import Text, Value
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.check import Finding, Severity
from hitl_orchestrator.policies.analysis.describe import say_facts
from hitl_orchestrator.policies.analysis.diff import Direction, differences
from hitl_orchestrator.policies.language.model import Policy, policy_hash
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory

POLICY_DOMAIN = "policy"
"""The domain of cases about the policy itself."""

MOST_SHOWN = 20
"""So many places where a policy asks for less are told one by one."""


class _Said(Value):
    reason: Annotated[Text, Field(max_length=2000)]


def reason_of(given: str) -> str:
    """Return why somebody changes the policy. Raises `InvalidInput` where they do not say."""
    if not given.strip():
        raise InvalidInput(["reason: it is empty; say in words why the policy is to change"])
    try:
        return _Said(reason=given).reason
    except ValidationError as exc:
        raise InvalidInput([f"reason: {exc.errors()[0]['msg'].removeprefix('Value error, ')}"]) from exc


def share_of(given: object) -> float:
    """Return the share of a canary. Raises `InvalidInput` for anything but a number in (0, 1]: true is none."""
    # A fraction or a decimal would be written as text, and the ledger keeps what it is told for ever.
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise InvalidInput([f"canary: share: {given!r} is no number; give one above 0 and up to 1, such as 0.1"])
    if not 0 < given <= 1:
        raise InvalidInput([f"canary: share: {given} is not in (0, 1]"])
    return float(given)


class PolicyChangeRequest(NamedTuple):
    """What somebody wants of the policy, and as whom they act. `findings` are those of its check."""

    change: PolicyChange
    policy: Policy
    who: Reviewer
    actor: Actor
    reason: str
    findings: Sequence[Finding]
    share: float | None = None

    @property
    def hash(self) -> str:
        """Return the hash of the policy."""
        return policy_hash(self.policy)

    def is_so(self, life: PolicyHistory) -> bool:
        """Whether it is so already."""
        if self.change is not PolicyChange.CANARY:
            return life.active == self.hash
        return life.canary is not None and (life.canary.policy_hash, life.canary.share) == (self.hash, self.share)


def unsound(policy: Policy, found: Sequence[Finding]) -> list[str]:
    """Return every finding about a policy that has an error; none where it has no error."""
    if all(one.severity is not Severity.ERROR for one in found):
        return []
    told = [f"{one.severity}: {f'{one.rule_id}: ' if one.rule_id else ''}{one.sentence}" for one in found]
    return [f"policy {policy.policy_id!r}: {one}" for one in told]


def version_of(policy: Policy, reason: str, found: Sequence[Finding]) -> dict[str, Any]:
    """Return what is kept of a version: the policy, why it came, and the report of its check."""
    return {
        "policy_id": policy.policy_id,
        "policy_hash": policy_hash(policy),
        "policy": policy.model_dump(mode="json"),
        "reason": reason,
        "findings": [finding.model_dump(mode="json") for finding in found],
    }


def change_task(case_id: str, between: tuple[Policy, Policy], at: datetime, how: Mapping[str, Any]) -> Task:
    """Return the task of a change from one policy to another. `how` says what is done, why, and for which share."""
    base, policy = between
    change = PolicyChange(how["change"])
    share = f" for a share of {how['share']:g} of the new cases" if change is PolicyChange.CANARY else ""
    said = (
        f"{_DOES[change]} the policy {policy.policy_id!r} ({policy_hash(policy)[:12]}){share} in place of "
        f"{base.policy_id!r} ({policy_hash(base)[:12]}). It asks for less than that one, so that it takes a second "
        f"person: 'approve' carries it out, any other answer leaves everything as it is. Why: {how['reason']}"
    )
    return Task(
        task_id=policy_change_id(case_id),
        task_type=POLICY_CHANGE,
        task_description=said,
        domain=POLICY_DOMAIN,
        risk_level=RiskLevel.HIGH,
        timestamp=at,
        metadata={**how, "policy_hash": policy_hash(policy), "base": policy_hash(base)},
    )


def change_output(task: Task, policy: Policy, change: PolicyChange, looser: Sequence[str]) -> AgentOutput:
    """Return what is proposed, with the places where it asks for less."""
    told = [*looser[:MOST_SHOWN]]
    if len(looser) > MOST_SHOWN:
        told.append(f"... and {len(looser) - MOST_SHOWN} places more; 'hitl policy diff' lists them all")
    said = {"predicted_label": f"{change} {policy.policy_id}", "explanation": "\n".join(told)}
    return AgentOutput(task_id=task.task_id, agent_output=Proposal.model_validate(said))


def where_looser(base: Policy, policy: Policy, roles: RoleChain) -> tuple[str, ...]:
    """Return where a policy asks for less than another one, each place with an example.

    Two that cannot be held against one another are told of as well: nobody knows that it asks for as much.
    """
    try:
        found = differences(base, policy, roles)
    except InvalidInput as exc:
        return tuple(f"nobody can tell where it asks for less: {problem}" for problem in exc.problems)
    return tuple(
        f"{one.sentence}; for example: {say_facts(one.example)}" for one in found if one.direction is Direction.LOOSER
    )


_DOES = {
    PolicyChange.ACTIVATE: "Activate",
    PolicyChange.ROLLBACK: "Go back to",
    PolicyChange.CANARY: "Try",
}
