"""The policies in force for a case: the one it was submitted under, and the active one. The stricter one decides."""

from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple

from pydantic import ValidationError

from hitl_orchestrator.domain.audit import is_drawn
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.counting.counters import Counted, Counter
from hitl_orchestrator.domain.decision import FALLBACK, Facts, RoutingDecision, ShadowAnswer
from hitl_orchestrator.domain.enums import OWN_QUESTIONS, Action, QualityCheckKind
from hitl_orchestrator.domain.input.parsing import problems
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import PolicyUnreadable, TamperedPolicy
from hitl_orchestrator.policies.engine.builtin_rules import (
    builtin_decision,
    held_by_chance,
    unmatched,
    with_builtin_rules,
)
from hitl_orchestrator.policies.engine.compiled import CompiledPolicy, compile_policy
from hitl_orchestrator.policies.engine.strictness import stricter
from hitl_orchestrator.policies.language.model import NO_RULE, Policy, policy_hash, policy_of
from hitl_orchestrator.policies.lifecycle.history import Lot, PolicyHistory, in_canary

Read = Callable[[str], dict[str, Any]]
"""Returns the recorded body of a policy by its hash; raises `KeyError` where there is none."""

_MOST_COMBINED = 10_000


class _InForce(NamedTuple):
    """The active policy and the history. Replaced as a whole, so that no thread reads half of a change."""

    active: CompiledPolicy
    history: PolicyHistory = PolicyHistory()

    def decides_alone(self, policy_hash: str, task_id: str | None, lot: Lot) -> bool:
        """Return whether only the policy of the case decides: it is the active one, or the canary for this task."""
        if policy_hash == self.active.hash:
            return True
        canary = self.history.canary
        if canary is None or task_id is None or canary.policy_hash != policy_hash:
            return False
        return in_canary(canary, task_id, lot)


class _Cache(NamedTuple):
    """Policies as compiled for an escalation chain, and combined decisions. Replaced as a whole with the chain."""

    roles: RoleChain
    compiled: dict[str, CompiledPolicy]
    combined: dict[tuple[int, int], tuple[RoutingDecision, ...]]


class PolicyRegistry:
    """The active policy, and the earlier policies of open cases, compiled. Threads may share it."""

    def __init__(self, active: Policy, roles: RoleChain, read: Read, lot: Lot) -> None:
        compiled = compile_policy(active, roles)
        self._read, self._lot = read, lot
        self._cache = _Cache(roles, {compiled.hash: compiled}, {})
        self._now, self._changing = _InForce(compiled), Lock()

    @property
    def active(self) -> CompiledPolicy:
        """The active policy."""
        return self._now.active

    @property
    def history(self) -> PolicyHistory:
        """The recorded history of policies."""
        return self._now.history

    def put_in_force(self, history: PolicyHistory) -> None:
        """Apply a history from the ledger. An older history than the current one changes nothing.

        Raises:
            TamperedPolicy: the active policy or the canary is not the recorded one; nothing changes.
        """
        active = self.active if history.active is None else self.policy(history.active)
        if history.canary is not None:
            self.policy(history.canary.policy_hash)
        with self._changing:
            if history.seen > self._now.history.seen:
                self._now = _InForce(active, history)

    def use_roles(self, roles: RoleChain) -> None:
        """Decide with another escalation chain from now on: that of the people who have come into force."""
        with self._changing:
            if roles != self._cache.roles:
                active = compile_policy(self._now.active.policy, roles)
                self._cache = _Cache(roles, {active.hash: active}, {})
                self._now = _InForce(active, self._now.history)

    def for_task(self, task: Task) -> CompiledPolicy:
        """Return the policy for a new case: the active one, or the canary if the task is in its share.

        A governed change is never in the share: its author could submit it until it is.
        """
        active, history = self._now
        canary = history.canary
        if canary is None or task.task_type in OWN_QUESTIONS or not in_canary(canary, task.task_id, self._lot):
            return active
        return self.policy(canary.policy_hash)

    def decide(self, policy_hash: str, facts: Facts, task_id: str | None = None) -> RoutingDecision:
        """Return the stricter of the answers of the case's own policy and the active one.

        A canary decides the tasks in its share alone, but never a governed change, which is always escalated.
        """
        now, drawn = self._now, None if facts.task_type in OWN_QUESTIONS else task_id
        decided = self.policy(policy_hash).decide(facts)
        if not now.decides_alone(policy_hash, drawn, self._lot):
            decided = self._stricter_once(decided, now.active.decide(facts))
        return with_builtin_rules(decided, facts, self._cache.roles)

    def _stricter_once(self, first: RoutingDecision, second: RoutingDecision) -> RoutingDecision:
        """Return `stricter` of two decisions that compiled policies keep: combining them costs more than both."""
        pair, combined = (id(first), id(second)), self._cache.combined
        # An entry holds both decisions, so that no other object takes their ids.
        entry = combined.get(pair) or (first, second, self.stricter(first, second))
        if len(combined) < _MOST_COMBINED:
            combined[pair] = entry
        return entry[-1]

    def answer(self, submission: Submission, facts: Facts) -> RoutingDecision:
        """Return the decision about a submission: that of `decide`, or a review where it is held or is a spot check."""
        decided = self.decide(submission.policy_hash, facts, submission.task.task_id)
        if submission.quality_check is not None and submission.quality_check.kind is QualityCheckKind.SPOT_CHECK:
            # It must not reveal that the case was approved already.
            asked = builtin_decision(decided, Action.HUMAN_REVIEW, FALLBACK, NO_RULE, self._cache.roles)
            return unmatched(asked.model_copy(update={"layers": decided.layers}))
        if submission.held and not decided.needs_human:
            why = f"{submission.held}; otherwise {decided.reason}"
            return builtin_decision(decided, Action.HUMAN_REVIEW, FALLBACK, why, self._cache.roles)
        return self._drawn(decided, submission)

    def _drawn(self, decided: RoutingDecision, submission: Submission) -> RoutingDecision:
        """Hold a share of the cases that would go ahead, drawn under the key of the ledger.

        A task that was held is held in every later attempt, and each attempt has a draw of its own: submitting it again
        neither evades a draw nor keeps a lucky one. Records of the past and measures of reviewers are not held.
        """
        if not decided.hold or decided.needs_human or submission.replayed or submission.quality_check is not None:
            return decided
        task, rate, attempts = (submission.submitter, submission.task.task_id), decided.hold, submission.attempt
        chance = rate if attempts == 1 else 1 - (1 - rate) ** attempts
        lots = (self._lot("hold", *task, str(number)) for number in range(1, attempts + 1))
        if any(is_drawn(rate, lot) for lot in lots):
            return held_by_chance(decided, chance, self._cache.roles)
        return decided if chance == rate else decided.model_copy(update={"hold": chance})

    def route(self, submission: Submission, facts: Facts) -> RoutingDecision:
        """Return the decision for a new case, with the answer of the shadow policy, which has no effect."""
        decided = self.answer(submission, facts)
        aside = submission.quality_check is not None or facts.task_type in OWN_QUESTIONS
        shadow = None if aside else self._shadow(facts)
        return decided if shadow is None else decided.model_copy(update={"shadow": shadow})

    def counters(self, policy_hash: str) -> tuple[Counter, ...]:
        """Return the counters of the policy of a case, and of all others that are in force, ordered by their keys."""
        active, history = self._now
        others = [each.policy_hash for each in (history.canary, history.shadow) if each is not None]
        if not others and policy_hash == active.hash:
            return active.counters
        found = {each.key: each for each in active.counters}
        for name in {policy_hash, *others}:
            # One that cannot be read decides nothing, and is reported where it is to decide.
            with suppress(PolicyUnreadable, TamperedPolicy):
                found |= {each.key: each for each in self.policy(name).counters}
        return tuple(found[key] for key in sorted(found))

    def as_declared(self, submission: Submission, counted: tuple[Counted, ...]) -> tuple[Counted, ...]:
        """Return values of counters, unknown where a policy that decides declares the field `same` otherwise.

        Else a customer in another type, or one that does not exist, would be a new one, of whom nothing counts yet.
        """
        policies, metadata = [self.active, self.policy(submission.policy_hash)], submission.task.metadata
        unfit = frozenset().union(*(each.unfit_counters(metadata) for each in policies if each.counters))
        return tuple(each.model_copy(update={"value": None}) if each.counter.key in unfit else each for each in counted)

    def _shadow(self, facts: Facts) -> ShadowAnswer | None:
        shadow = self._now.history.shadow
        if shadow is None:
            return None
        try:
            answer = self.policy(shadow.policy_hash).decide(facts)
        except Exception:  # noqa: BLE001 - a faulty shadow policy must not stop a case
            return None
        fields = {name: getattr(answer, name) for name in ("rule_id", "action", "assigned_human_role")}
        return ShadowAnswer(policy_hash=shadow.policy_hash, **fields)

    def policy(self, policy_hash: str) -> CompiledPolicy:
        """Return a policy by its hash. Raises `TamperedPolicy`, `PolicyUnreadable`."""
        roles, compiled, _ = self._cache
        if policy_hash not in compiled:
            compiled[policy_hash] = compile_policy(recorded_policy(policy_hash, self._read), roles)
        return compiled[policy_hash]

    def stricter(self, first: RoutingDecision, second: RoutingDecision) -> RoutingDecision:
        """Return the stricter decision with the requirements of the other added; `first` on a tie.

        A policy change never removes a requirement from an open case.
        """
        return stricter(first, second, self._cache.roles)


def recorded_policy(wanted_hash: str, read: Read) -> Policy:
    """Return the recorded policy with this hash.

    Raises:
        TamperedPolicy: the row is missing, or it was changed.
        PolicyUnreadable: it is the recorded one, and it is invalid for this version, or for the time zones known here.
    """
    try:
        raw = read(wanted_hash)
    except KeyError:
        raise TamperedPolicy(wanted_hash, "its row is missing") from None
    recorded = readable_policy(raw, wanted_hash)
    actual = policy_hash(recorded)
    if actual != wanted_hash:
        raise TamperedPolicy(wanted_hash, f"its row holds the policy {actual[:12]!r}")
    return recorded


def readable_policy(raw: Any, recorded_hash: str | None = None) -> Policy:
    """Return the policy in a recorded body. Raises `PolicyUnreadable`."""
    try:
        return policy_of(raw)
    except ValidationError as exc:
        first, *others = problems(exc, "policy", Policy)
        more = f" (and {len(others)} more)" if others else ""
        raise PolicyUnreadable(recorded_hash, f"{first}{more}") from exc
