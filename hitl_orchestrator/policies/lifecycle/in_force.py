"""The policies in force: the one a case came in under, and the active one. The stricter of the two decides."""

from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Facts, RoutingDecision, ShadowAnswer
from hitl_orchestrator.domain.enums import POLICY_CHANGE, Action, QualityCheckKind
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import TamperedPolicy
from hitl_orchestrator.policies.engine.builtin_rules import held_to_the_floor, without_a_rule
from hitl_orchestrator.policies.engine.compiled import CompiledPolicy, compile_policy
from hitl_orchestrator.policies.engine.strictness import stricter
from hitl_orchestrator.policies.language.model import FALLBACK, Policy, policy_hash, policy_of
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory, in_canary

Read = Callable[[str], dict[str, Any]]
"""Returns the recorded body of a policy by its hash; raises `KeyError` where there is none."""


class _InForce(NamedTuple):
    """What rules at one moment. It is replaced as a whole, so that nobody reads half of a change."""

    active: CompiledPolicy
    life: PolicyHistory = PolicyHistory()

    def leads(self, policy_hash: str, task_id: str | None) -> bool:
        """Whether a case is decided by its own policy alone: that is the active one, or the canary that drew it."""
        if policy_hash == self.active.hash:
            return True
        canary = self.life.canary
        drawn = canary is not None and task_id is not None and in_canary(canary, task_id)
        return drawn and canary is not None and canary.policy_hash == policy_hash


class PolicyRegistry:
    """The active policy, and every earlier one that a case still holds on to. Threads may share it."""

    def __init__(self, active: Policy, roles: RoleChain, read: Read) -> None:
        compiled = compile_policy(active, roles)
        self._roles, self._read = roles, read
        self._compiled: dict[str, CompiledPolicy] = {compiled.hash: compiled}
        self._now, self._changing = _InForce(compiled), Lock()

    @property
    def active(self) -> CompiledPolicy:
        """The active policy."""
        return self._now.active

    @property
    def life(self) -> PolicyHistory:
        """What the ledger has told of policies so far."""
        return self._now.life

    def put_in_force(self, life: PolicyHistory) -> None:
        """Let what the ledger tells of policies rule from now on. What is older than what is known changes nothing.

        Raises:
            TamperedPolicy: the policy that is to rule, or the canary, is not what was recorded; all stays as it was.
        """
        active = self.active if life.active is None else self.policy(life.active)
        if life.canary is not None:
            self.policy(life.canary.policy_hash)
        with self._changing:
            if life.seen > self._now.life.seen:
                self._now = _InForce(active, life)

    def for_task(self, task: Task) -> CompiledPolicy:
        """Return the policy that a new task comes in under: the active one, or the canary that draws it.

        A change of the policy is never drawn: who asks for one could ask again until it is.
        """
        active, life = self._now
        canary = life.canary
        if canary is None or task.task_type == POLICY_CHANGE or not in_canary(canary, task.task_id):
            return active
        return self.policy(canary.policy_hash)

    def decide(self, policy_hash: str, facts: Facts, task_id: str | None = None) -> RoutingDecision:
        """Return what the case's own policy says, or what the active one says where that is stricter.

        A canary decides the tasks that it has drawn alone, and never a change of the policy, which is always escalated.
        """
        now, drawn = self._now, None if facts.task_type == POLICY_CHANGE else task_id
        decided = self.policy(policy_hash).decide(facts)
        if not now.leads(policy_hash, drawn):
            decided = self.stricter(decided, now.active.decide(facts))
        return held_to_the_floor(decided, facts, self._roles)

    def route(self, submission: Submission, facts: Facts) -> RoutingDecision:
        """Return where a case goes that came in, and what a watched policy would have said, which changes nothing."""
        decided = self.decide(submission.policy_hash, facts, submission.task.task_id)
        if submission.quality_check is not None and submission.quality_check.kind is QualityCheckKind.SPOT_CHECK:
            return self._looked_at(decided)
        aside = submission.quality_check is not None or facts.task_type == POLICY_CHANGE
        shadow = None if aside else self._shadow(facts)
        return decided if shadow is None else decided.model_copy(update={"shadow": shadow})

    def _shadow(self, facts: Facts) -> ShadowAnswer | None:
        watched = self._now.life.shadow
        if watched is None:
            return None
        try:
            said = self.policy(watched.policy_hash).decide(facts)
        except Exception:  # noqa: BLE001 - whatever is wrong with a policy that only watches, no case waits for it
            return None
        kept = {"rule_id": said.rule_id, "action": said.action, "assigned_human_role": said.assigned_human_role}
        return ShadowAnswer(policy_hash=watched.policy_hash, **kept)

    def _looked_at(self, decided: RoutingDecision) -> RoutingDecision:
        """Return who looks at a case that went ahead by itself, with nothing that tells them so."""
        return without_a_rule(decided, Action.HUMAN_REVIEW, FALLBACK, "a person decides it", self._roles)

    def policy(self, policy_hash: str) -> CompiledPolicy:
        """Return a policy by its hash. Raises `TamperedPolicy` where what is recorded is not it."""
        if policy_hash not in self._compiled:
            self._compiled[policy_hash] = compile_policy(recorded_policy(policy_hash, self._read), self._roles)
        return self._compiled[policy_hash]

    def stricter(self, one: RoutingDecision, other: RoutingDecision) -> RoutingDecision:
        """Return whichever asks for more, with all that the other asks besides; `one` on a tie.

        A change of policy takes nothing away from a case that is under way.
        """
        return stricter(one, other, self._roles)


def recorded_policy(wanted_hash: str, read: Read) -> Policy:
    """Return a recorded policy that still is the one of its hash.

    Raises:
        TamperedPolicy: it is gone, or its row was changed.
    """
    try:
        recorded = policy_of(read(wanted_hash))
    except KeyError:
        raise TamperedPolicy(wanted_hash, "it is gone") from None
    except (ValueError, TypeError) as exc:
        raise TamperedPolicy(wanted_hash, "what stands there is no policy") from exc
    found = policy_hash(recorded)
    if found != wanted_hash:
        raise TamperedPolicy(wanted_hash, f"what stands there is the policy {found[:12]!r}")
    return recorded
