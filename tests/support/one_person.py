"""One person who wants a looser policy or wider rights, and who acts alone: with all accounts, files and clocks."""

import shutil
from contextlib import suppress
from pathlib import Path

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.policies.language.model import policy_hash, policy_of
from hitl_orchestrator.policies.lifecycle.change_request import where_looser
from hitl_orchestrator.review.governance.changes import wider
from hitl_orchestrator.services.config_files import load_people
from support.builders import a_task, an_output
from support.internals import services_of
from support.policy_changes import goes_ahead

ANA = {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"], "domains": ["customer_support"]}
MAX = {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]}
MAX_2 = {"reviewer_id": "max-2", "name": "Max again", "roles": ["compliance_officer"], "person": "max"}
ZOE = {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]}
EVE = {"reviewer_id": "eve", "name": "Max as well", "roles": ["compliance_officer"]}
TEAM = [ANA, MAX, MAX_2, ZOE]
CHAIN = ["domain_reviewer", "senior_manager", "compliance_officer"]
STRICT = goes_ahead(0.95, "strict")
OWN_ACCOUNTS = ("max", "max-2", "eve", "eve-2")


class OnePerson:
    """Max, who has two accounts, and never acts under the name of another person. Refusals are suppressed."""

    def __init__(self, folder: Path, clock) -> None:
        self.file, self.clock = folder / "hitl.db", clock
        self.hitl = self._open(reviewers=TEAM, policy=STRICT)

    def _open(self, **options):
        return Orchestrator.open(f"sqlite:///{self.file}", **{"clock": self.clock, **options})

    def open_with(self, **options):
        """Open the store with these files and rules, or else as it is."""
        self.hitl.close()
        try:
            self.hitl = self._open(**options)
        except HitlError:
            self.hitl = self._open()

    def copied(self):
        """Go on with a copy of the store, and with its keys."""
        self.hitl.close()
        copy = self.file.with_name(f"copy-{self.file.name}")
        for file in self.file.parent.glob(f"{self.file.name}*"):
            shutil.copy(file, file.with_name(file.name.replace(self.file.name, copy.name, 1)))
        self.file = copy
        self.hitl = self._open()

    def people(self, people, by="max"):
        """Propose people, and approve whatever can be approved."""
        with suppress(HitlError):
            self.hitl.people.propose(people, reason="r", reviewer=by)
        self.approve()

    def policy(self, policy, by="max", how="activate", *more):
        """Propose a policy, and approve whatever can be approved."""
        with suppress(HitlError):
            getattr(self.hitl.policy, how)(policy, *more, reason="r", reviewer=by)
        self.approve()

    def approve(self, answer="approve"):
        """Answer every open case with every account."""
        for row in self.hitl.inbox():
            for account in OWN_ACCOUNTS:
                with suppress(HitlError):
                    self.hitl.decide(row.case_id, answer, reviewer=account, reason="r")

    def try_(self, act, *given, **named):
        """Try something that may be refused."""
        with suppress(HitlError):
            act(*given, **named)


def check_unharmed(hitl) -> None:
    """Check that one person alone got nothing looser and nothing wider in force, in the whole history of the store."""
    policies = services_of(hitl).ledger.policy
    active, before, people = None, None, None
    chains = {RoleChain(roles=CHAIN), hitl.people.active().chain}
    for event in services_of(hitl).ledger.governance_events():
        body = event.body
        assert body.get("approved_by") is None, event
        if event.kind in (EventKind.PEOPLE_RECORDED, EventKind.PEOPLE_ACTIVATED):
            assert (people is None) == (event.kind is EventKind.PEOPLE_RECORDED)
            now = load_people(body["people"])
            assert people is None or wider(people, now) == ()
            people = now
        if event.kind in (EventKind.POLICY_RECORDED, EventKind.POLICY_ACTIVATED, EventKind.POLICY_CANARY):
            policy = body["policy_hash"] and policy_of(policies(body["policy_hash"]))
            if policy and active:
                assert all(where_looser(active, policy, chain) == () for chain in chains)
            before, active = active, active if event.kind is EventKind.POLICY_CANARY else policy
        if event.kind is EventKind.POLICY_UNDONE:
            assert policy_hash(before) == body["policy_hash"]
            active = before
    probe = f"probe-{services_of(hitl).ledger.head().seq}"
    assert hitl.submit(a_task(probe, timestamp=None), an_output(probe, confidence=0.6)).status == "waiting"
    assert hitl.audit.verify().sound
