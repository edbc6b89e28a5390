"""A requested policy change: its validation, the case that people decide, and where it is looser."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import POLICY_CHANGE, POLICY_DOMAIN, PolicyChange, RiskLevel
from hitl_orchestrator.domain.input.reserved_ids import change_id
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.shown.numbers import plain_number
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.task import Proposal as Output
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.findings import Finding, Severity
from hitl_orchestrator.policies.language.asking import remarks_of
from hitl_orchestrator.policies.language.model import Policy, policy_hash
from hitl_orchestrator.policies.language.rule import Rule
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory, Proposal

_UNCHECKED = "unchecked, and therefore treated as looser: "


def share_of(value: object) -> float:
    """Return the share of a canary. Raises `InvalidInput` unless it is a number in (0, 1], not a boolean."""
    # A fraction or a decimal would be stored as text, and ledger entries are never changed.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput([f"canary: share: {value!r} is not a number; use one above 0 and up to 1, such as 0.1"])
    if not 0 < value <= 1:
        raise InvalidInput([f"canary: share: {value} is not in (0, 1]"])
    return float(value)


class PolicyChangeRequest(NamedTuple):
    """A policy change that a reviewer requests. `findings` are those of the check of the policy."""

    change: PolicyChange
    policy: Policy
    reviewer: Reviewer
    actor: Actor
    reason: str
    findings: Sequence[Finding]
    share: float | None = None

    @property
    def hash(self) -> str:
        """The hash of the policy."""
        return policy_hash(self.policy)

    def is_in_force(self, history: PolicyHistory) -> bool:
        """Return whether the change is already in force."""
        if self.change is not PolicyChange.CANARY:
            return history.active == self.hash
        canary = history.canary
        return canary is not None and (canary.policy_hash, canary.share) == (self.hash, self.share)


def unsound(policy: Policy, findings: Sequence[Finding]) -> list[str]:
    """Return the findings that are errors, as problems."""
    return [
        f"policy {policy.policy_id!r}: error: {f'{finding.about}: ' if finding.about else ''}{finding.sentence}"
        for finding in findings
        if finding.severity is Severity.ERROR
    ]


def version_of(policy: Policy, reason: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the body of a version entry: the policy, the reason, and the findings."""
    return {
        "policy_id": policy.policy_id,
        "policy_hash": policy_hash(policy),
        "policy": policy.model_dump(mode="json"),
        "reason": reason,
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }


def change_task(proposal: Proposal, between: tuple[Policy, Policy]) -> Task:
    """Return the task of a proposed change from one policy to another."""
    (base, policy), (base_name, name), change = between, proposal.names, proposal.change
    how = {"change": change.value, "reason": proposal.reason, "share": proposal.share}
    share = "" if proposal.share is None else f" for a share of {plain_number(proposal.share)} of the new cases"
    what = f"{_VERBS[change]} the policy {policy.policy_id!r}, {name}{share},"
    description = (
        f"{what} in place of {base.policy_id!r}, {base_name}. "
        "It is looser, so a second person must approve it: 'approve' carries out the change, any other answer changes "
        f"nothing. Reason: {proposal.reason}"
    )
    return Task(
        task_id=change_id(POLICY_CHANGE, proposal.case_id),
        task_type=POLICY_CHANGE,
        task_description=description,
        domain=POLICY_DOMAIN,
        risk_level=RiskLevel.HIGH,
        timestamp=proposal.at,
        metadata={**how, "policy_hash": policy_hash(policy), "base": policy_hash(base)},
    )


def change_output(
    task: Task, between: tuple[Policy, Policy], change: PolicyChange, looser: Sequence[str], review: Sequence[str]
) -> AgentOutput:
    """Return the proposal of a policy-change case: the change, the edits, where it is looser, remarks, and a review."""
    from hitl_orchestrator.policies.analysis.changes.edits import edits  # noqa: PLC0415 - slow to import

    open_parts = sum(sentence.startswith(_UNCHECKED) for sentence in looser)
    ways = len(looser) - open_parts
    rest = f"; {open_parts} part{'s' * (open_parts != 1)} could not be compared" if open_parts else ""
    found = f"It is looser in {ways} way{'s' * (ways != 1)}, the gravest first" if ways else "No looser way was found"
    summary = f"{found}{rest}."
    edited = [f"- {edit.text}" for edit in edits(*between)]
    numbered = [f"{number}. {sentence}" for number, sentence in enumerate(looser, start=1)]
    lines = [summary, "", "Edited:", *edited, "", *numbered] if edited else [summary, "", *numbered]
    remarks = _remarks(*between)
    lines += ["", *remarks] if remarks else []
    lines += ["", *review] if review else []
    proposal = Output(predicted_label=f"{change} {between[1].policy_id}", explanation="\n".join(lines))
    return AgentOutput(task_id=task.task_id, agent_output=proposal)


def _remarks(base: Policy, policy: Policy) -> list[str]:
    """Return the remarks on each rule that is new or changed, a line each."""
    before = {rule for _, part in base.parts for rule in map(_dumped, part.rules)}
    changed = [rule for _, part in policy.parts for rule in part.rules if _dumped(rule) not in before]
    written = [(rule.rule_id, remarks_of(rule.note, rule.owner, rule.reference)) for rule in changed]
    return [f"about {rule_id}: {remarks}" for rule_id, remarks in written if remarks]


def _dumped(rule: Rule) -> str:
    return rule.model_dump_json()


def where_looser(base: Policy, policy: Policy, roles: RoleChain) -> tuple[str, ...]:
    """Return the regions where a policy is looser than another, the gravest first, and the unchecked parts.

    Each sentence begins with the edit that leads to it, and ends with an example.
    """
    from hitl_orchestrator.policies.analysis.describe import describe_facts  # noqa: PLC0415 - slow to import
    from hitl_orchestrator.policies.analysis.diff import Direction, compare  # noqa: PLC0415

    differences, unchecked = compare(base, policy, roles)
    return (
        *(
            f"{difference.headline}: {difference.sentence}; for example: {describe_facts(difference.example)}"
            for difference in differences
            if difference.direction is Direction.LOOSER
        ),
        *(f"{_UNCHECKED}{problem}" for problem in unchecked),
    )


_VERBS = {
    PolicyChange.ACTIVATE: "Activate",
    PolicyChange.ROLLBACK: "Roll back to",
    PolicyChange.CANARY: "Run as a canary",
}
