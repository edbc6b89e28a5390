"""What every command starts from: the settings, and the store that they name."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from hitl_orchestrator.cli.options import NOTHING_GIVEN, Given
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.policies import Policy
from hitl_orchestrator.settings import keep_traces_at_home, read_settings
from hitl_orchestrator.wiring import MEMORY, Orchestrator, load_policy, sqlite_path


@dataclass(frozen=True, kw_only=True)
class Session:
    """Where the cases are, which policy and which people hold, and who reads the answer. `given` is what was typed."""

    store: str
    policy: str | None
    reviewers: str | None
    as_json: bool
    given: Given = NOTHING_GIVEN

    def open(self) -> Orchestrator:
        """Open a store that is there. A misspelt name must not look like an empty inbox.

        Raises:
            StoreUnavailable: there is none.
        """
        if self.store != MEMORY and not Path(sqlite_path(self.store)).exists():
            raise StoreUnavailable(
                self.store, "there is no such file; 'hitl run' makes one, --store or HITL_STORE name another"
            )
        return Orchestrator.open(self.store, policy=self.policy, reviewers=self.reviewers)

    def policy_in_force(self, roles: RoleChain) -> Policy:
        """Return the policy that was named, else the one of the store if there is a store, else the canonical one."""
        if self.policy is None and self.store != MEMORY and Path(sqlite_path(self.store)).exists():
            with self.open() as hitl:
                return hitl.rulebook.active.policy
        return load_policy(self.policy, roles)

    def command(self, *words: str, deciding: bool = False) -> str:
        """Return a command to type next, on the same store and, for a decision, with the same policy and people."""
        options = [("--store", self.given.store)]
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
        given=given,
    )
