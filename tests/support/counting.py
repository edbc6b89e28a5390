"""What counters had to say at each routing of a ledger, counted again from its entries alone."""

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.counting.counters import Counted, Counter
from support.builders import a_task, an_output
from support.internals import services_of

APPROVED = {"approved", "modified_and_approved", "override_approved"}


class Routed:
    """A routed case: its entry, its task, and the number and the decision of its end, if it has ended."""

    def __init__(self, submitted, entry):
        self.seq, self.at, self.case_id, self.body = entry.seq, entry.at, entry.case_id, entry.body
        self.metadata = submitted.body["task"]["metadata"]
        check = submitted.body["quality_check"]
        self.original = None if check is None else check["of"]
        aside = submitted.body["replayed"] or check is not None
        self.counts = not aside and self.body["decision"]["rule_id"] != "not_routed"
        self.ended, self.decision, self.erased = float("inf"), "", float("inf")

    @property
    def history(self) -> list[Counted]:
        return [Counted.model_validate(each) for each in self.body["history"]]

    def is_in(self, counter: Counter, later: "Routed") -> bool:
        decision = self.decision if self.ended < later.seq else ""
        if not self.counts or self.seq >= later.seq or self.erased < later.seq or decision == "superseded":
            return False
        if self.at <= later.at - counter.within or self.metadata.get(counter.same) != later.metadata.get(counter.same):
            return False
        if counter.of == "approved":
            return decision in {"", *APPROVED}
        return counter.of in {None, self.body["decision"]["action"]}


def routed_in(hitl: Orchestrator) -> list[Routed]:
    """Return the routed cases of a ledger, in order."""
    submitted, routed = {}, {}
    for event in services_of(hitl).ledger.events():
        if event.kind == "submitted":
            submitted[event.case_id] = event
        elif event.kind == "routed":
            routed[event.case_id] = Routed(submitted[event.case_id], event)
        elif event.kind == "finished":
            routed[event.case_id].ended, routed[event.case_id].decision = event.seq, event.body["final_decision"]
        elif event.kind == "redacted":
            routed[event.case_id].erased = event.seq
    return list(routed.values())


def counted_again(hitl: Orchestrator) -> tuple[list, list]:
    """Return the recorded values of all counters of all cases, and those that the entries before each lead to.

    A case that checks another one has those of its original.
    """
    cases = routed_in(hitl)
    by_id = {case.case_id: case for case in cases}
    recorded = [(case.case_id, each.counter.key, each.value) for case in cases for each in case.history]
    expected = [
        (case.case_id, each.counter.key, _value(each.counter, by_id.get(case.original, case), cases))
        for case in cases
        for each in case.history
    ]
    return recorded, expected


def _value(counter: Counter, case: Routed, cases: list[Routed]) -> float | None:
    if counter.same is not None and case.metadata.get(counter.same) is None:
        return None
    among = [each for each in cases if each.is_in(counter, case)]
    if counter.sum is None:
        return len(among)
    amounts = [each.metadata.get(counter.sum) for each in among]
    if any(isinstance(amount, bool) or not isinstance(amount, int | float) or amount < 0 for amount in amounts):
        return None
    return round(sum(amounts), 6)


def given(name, customer="ann", amount=10, confidence=0.95, **fields):
    metadata = {"customer": customer, "amount": amount} | fields.pop("metadata", {})
    return a_task(name, metadata=metadata, **fields), an_output(name, confidence)


def values(hitl, case):
    """The values by which a case was routed, by the names in the policy."""
    (routed,) = [each for each in routed_in(hitl) if each.case_id == case.case_id]
    by_key = {each.counter.key: each.value for each in routed.history}
    policy = services_of(hitl).registry.active.policy
    return {name: by_key[declared.counter.key] for name, declared in policy.history.items()}
