"""What every command starts from: the settings, and the store that they name."""

import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

from hitl_orchestrator.cli.options import NOTHING_GIVEN, Given
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.address import is_postgres, shown
from hitl_orchestrator.policies import Policy
from hitl_orchestrator.review.people import People
from hitl_orchestrator.settings import keep_traces_at_home, read_settings
from hitl_orchestrator.wiring import MEMORY, Orchestrator, load_policy, store_exists


@dataclass(frozen=True, kw_only=True)
class Session:
    """Where the cases are, which policy and which people hold, and who reads the answer. `given` is what was typed."""

    store: str
    policy: str | None
    reviewers: str | None
    as_json: bool
    seal_key: str | None = field(default=None, repr=False)
    checkpoint_key: str | None = field(default=None, repr=False)
    given: Given = NOTHING_GIVEN

    def open(self) -> Orchestrator:
        """Open a store that is there. A misspelt name must not look like an empty inbox.

        Raises:
            StoreUnavailable: there is none.
        """
        if not store_exists(self.store):
            what = "it holds no cases yet" if is_postgres(self.store) else "there is no such file"
            raise StoreUnavailable(
                shown(self.store), f"{what}; 'hitl run' makes one, --store or HITL_STORE name another"
            )
        return self.open_or_make(self.policy, self.reviewers)

    def open_or_make(self, policy: "str | Policy | None", reviewers: "str | People | None") -> Orchestrator:
        """Open a store with the keys of the environment, and make it where there is none."""
        return Orchestrator.open(
            self.store,
            policy=policy,
            reviewers=reviewers,
            seal_key=self.seal_key,
            checkpoint_key=self.checkpoint_key,
        )

    def policy_in_force(self, roles: RoleChain) -> Policy:
        """Return the policy that was named, else the one of the store if there is a store, else the canonical one."""
        if self.policy is None and self.store != MEMORY and store_exists(self.store):
            with self.open() as hitl:
                return hitl.rulebook.active.policy
        return load_policy(self.policy, roles)

    def command(self, *words: str, deciding: bool = False) -> str:
        """Return a command to type next, on the same store and, for a decision, with the same policy and people."""
        options = [("--store", self.given.store and shown(self.given.store))]
        if deciding:
            options += [("--policy", self.given.policy), ("--reviewers", self.given.reviewers)]
        named = [word for option, value in options if value for word in (option, value)]
        return shlex.join((program(), *words, *named))


def program() -> str:
    """Return what to type for `hitl`: the name where the shell finds it, else the path it was called by."""
    called = sys.argv[0]
    return called if Path(called).name == "hitl" and which("hitl") is None else "hitl"


def start(given: Given) -> Session:
    """Return the session that the command line and, where it says nothing, the environment ask for."""
    settings = read_settings()
    keep_traces_at_home(settings)
    return Session(
        store=settings.store if given.store is None else given.store,
        policy=settings.policy if given.policy is None else given.policy,
        reviewers=settings.reviewers if given.reviewers is None else given.reviewers,
        as_json=given.as_json,
        seal_key=settings.seal_key,
        checkpoint_key=settings.checkpoint_key,
        given=given,
    )
