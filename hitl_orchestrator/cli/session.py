"""What every command starts from: the settings, and the store that they name."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import which

from hitl_orchestrator.cli.context import NO_OPTIONS, GlobalOptions
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.address import is_postgres, shown
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.orchestrator import Orchestrator
from hitl_orchestrator.policies import Policy
from hitl_orchestrator.review.people import People
from hitl_orchestrator.settings import Settings, keep_traces_at_home, read_settings
from hitl_orchestrator.wiring.build import MEMORY, load_policy, notary_of, open_to_audit, store_exists


@dataclass(frozen=True, kw_only=True)
class Session:
    """Where the cases are, which policy and which people hold, and who reads the answer. `given` is what was typed."""

    store: str
    policy: str | None
    reviewers: str | None
    as_json: bool
    seal_key: str | None = field(default=None, repr=False)
    checkpoint_key: str | None = field(default=None, repr=False)
    settings: Settings = field(default_factory=Settings)
    given: GlobalOptions = NO_OPTIONS

    def open(self) -> Orchestrator:
        """Open a store that is there. A misspelled name must not look like an empty inbox.

        Raises:
            StoreUnavailable: there is none.
        """
        self._check_that_it_exists()
        return self.open_or_make(self.policy, self.reviewers)

    def open_or_make(self, policy: "str | Policy | None", reviewers: "str | People | None") -> Orchestrator:
        """Open a store with the keys of the environment, and make it where there is none."""
        return Orchestrator.open(
            self.store,
            policy=policy,
            reviewers=reviewers,
            schemas=self.settings.schemas,
            seal_key=self.seal_key,
            checkpoint_key=self.checkpoint_key,
            head_file=self.settings.head_file,
            head_key=self.head_key,
        )

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger alone, whatever has become of what it says: neither policy nor people are read.

        Raises:
            StoreUnavailable: there is none.
        """
        self._check_that_it_exists()
        with closing(open_to_audit(self.store)) as ledger:
            yield ledger

    def on(self, store: str) -> "Session":
        """Return the same session with another store."""
        return replace(self, store=store)

    @contextmanager
    def notary(self, head_file: str | None = None) -> Iterator[LedgerSigner]:
        """Open the ledger alone for whoever verifies, signs or proves. Raises as `ledger` does."""
        with self.ledger() as ledger:
            yield notary_of(ledger, self.store, head_file=head_file, head_key=self.head_key)

    @property
    def head_key(self) -> str | Path | None:
        """The key that signs heads, or its file, where the environment names one."""
        file = self.settings.head_key_file
        return self.settings.head_key or (None if file is None else Path(file))

    def _check_that_it_exists(self) -> None:
        if not store_exists(self.store):
            what = "it holds no cases yet" if is_postgres(self.store) else "there is no such file"
            raise StoreUnavailable(
                shown(self.store), f"{what}; 'hitl run' makes one, --store or HITL_STORE name another"
            )

    def policy_in_force(self, roles: RoleChain) -> Policy:
        """Return the policy that was named, else the one of the store if there is a store, else the canonical one."""
        if self.policy is None and self.store != MEMORY and store_exists(self.store):
            with self.open() as hitl:
                return hitl.services.rulebook.active.policy
        return load_policy(self.policy, roles)

    def command(self, *words: str, deciding: bool = False) -> str:
        """Return a command to type next, on the same store, with the same people and for a decision the policy."""
        options = [("--store", self.given.store and shown(self.given.store))]
        if deciding:
            options.append(("--policy", self.given.policy))
        options.append(("--reviewers", self.given.reviewers))
        named = [word for option, value in options if value for word in (option, value)]
        return shlex.join((program(), *words, *named))


def program() -> str:
    """Return what to type for `hitl`: the name where the shell finds it, else the path it was called by."""
    called = sys.argv[0]
    return called if Path(called).name == "hitl" and which("hitl") is None else "hitl"


def start(given: GlobalOptions) -> Session:
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
        settings=settings,
        given=given,
    )
