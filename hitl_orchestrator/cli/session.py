"""The session of one command: the settings in effect, and the store that they name."""

import os
import re
import shlex
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, TypedDict

from hitl_orchestrator.cli.global_options import NO_OPTIONS, GlobalOptions
from hitl_orchestrator.cli.output.render import note
from hitl_orchestrator.domain.principal import Principal, PrincipalKind
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.errors import HitlError, InvalidInput, StoreUnavailable, UnknownCase
from hitl_orchestrator.orchestrator import (
    MEMORY,
    Orchestrator,
    load_people,
    load_policy,
    load_score_rules,
    printable_url,
    store_exists,
)
from hitl_orchestrator.policies import policy_hash
from hitl_orchestrator.settings import Settings, read_settings

if TYPE_CHECKING:
    from hitl_orchestrator.orchestrator import LedgerAudit, People
    from hitl_orchestrator.policies import Policy

CHANNEL = "cli"
_CASE_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERSION = re.compile("[vV][0-9]{1,9}|[0-9a-f]{6,64}")
_SHORT_ID = re.compile("[0-9a-f]{8}[0-9a-f-]{0,27}")


@dataclass(frozen=True, kw_only=True)
class Session:
    """The store, policy and reviewers in effect, and the output format. `typed` holds the options as typed."""

    store: str = field(repr=False)
    policy: str | None
    reviewers: str | None
    as_json: bool
    settings: Settings = field(default_factory=Settings)
    typed: GlobalOptions = NO_OPTIONS

    def open(self, *, reviewer: str | None = None, app: str | None = None) -> Orchestrator:
        """Open an existing store, or use the one that an application has opened (`app`, as `module:name`).

        A misspelled store name must not look like an empty inbox.

        Raises:
            StoreUnavailable: the store does not exist.
            InvalidInput: there is no such application, or the call names a store as well.
        """
        if app is not None:
            return self._opened_by(app).acting_as(reviewer, channel=CHANNEL, principal=user_of_the_system())
        self.check_store_exists()
        return self.open_or_create(self.policy, self.reviewers, reviewer=reviewer)

    def _opened_by(self, app: str) -> Orchestrator:
        from hitl_orchestrator.cli.application import orchestrator_of  # noqa: PLC0415 - rarely needed

        given = [name for name in ("store", "policy", "reviewers") if getattr(self.typed, name) is not None]
        if given:
            options = ", ".join(f"--{name}" for name in given)
            raise InvalidInput([f"--app {app!r}: the application has opened its store itself; leave out {options}"])
        return orchestrator_of(app)

    def open_or_create(self, policy: Any, reviewers: Any, *, reviewer: str | None = None) -> Orchestrator:
        """Open the store with the keys of the environment, and create it if it is missing."""
        return Orchestrator.open(
            self.store,
            policy=policy,
            reviewers=reviewers,
            score_rules=load_score_rules(None, self.policy),
            **self.settings.opening,
        ).acting_as(reviewer, channel=CHANNEL, principal=user_of_the_system())

    def governed(self) -> "Session":
        """Return this session with the policy and the people of the store, whatever files were named."""
        return replace(self, policy=None, reviewers=None)

    def is_new(self) -> bool:
        """Whether opening the store creates it."""
        return self.store != MEMORY and not store_exists(self.store)

    def is_governed(self) -> bool:
        """Whether the policy is that of an existing store, because none was named."""
        return self.policy is None and self.store != MEMORY and store_exists(self.store)

    def made(self, hitl: Orchestrator) -> str:
        """Return a sentence with the policy and the people of a store."""
        policy, status = hitl.policy.active(), hitl.people.status()
        bundled = (
            ", the bundled default" if policy_hash(policy) == policy_hash(load_policy(None, DEFAULT_CHAIN)) else ""
        )
        people = "the bundled placeholders" if status.only_placeholders else f"people {str(status.current)[:12]}"
        name = f"{policy.policy_id} ({policy_hash(policy)[:12]}{bundled})"
        return f"the store {printable_url(self.store)} has the policy {name} and {people}"

    def people(self) -> "People":
        """Return the named people, or those in force in the store, or the bundled ones if there is no store."""
        if self.reviewers is None and self.store != MEMORY and store_exists(self.store):
            with self.audit() as audit:
                in_force = audit.people()
            if in_force is not None:
                return in_force
        return load_people(self.reviewers)

    def people_for_files(self) -> "People":
        """Return the people with whom policy files are read.

        A store that was not named and cannot be read does not matter to a file: a note says so, and the bundled people
        take the place of its own.

        Raises:
            HitlError: the reviewers file, or the store that was named, cannot be used.
        """
        named = self.reviewers is not None or self.typed.store is not None or self.settings.names_store
        try:
            return self.people()
        except (HitlError, OSError, sqlite3.Error) as exc:
            if named:
                raise
            note(f"the bundled roles apply, and not those of the default store: {str(exc).splitlines()[0]}")
            return load_people(None)

    @contextmanager
    def audit(self, head_file: str | None = None) -> Iterator["LedgerAudit"]:
        """Open the ledger alone: it needs neither the policy nor the reviewers, and verifies seals where the key is.

        Heads are appended to `head_file`, by default to that of the settings.

        Raises:
            StoreUnavailable: the store does not exist.
        """
        from hitl_orchestrator.orchestrator import LedgerAudit  # noqa: PLC0415 - most commands open no ledger alone

        self.check_store_exists()
        keys = {"seal_key": self.settings.seal_key, "head_key": self.head_key}
        file = head_file or self.settings.head_file
        with LedgerAudit(self.store, head_file=file, principal=user_of_the_system(), **keys) as audit:
            yield audit

    @property
    def head_key(self) -> str | Path | None:
        """The key that signs ledger heads, or its file, if the environment names one."""
        return self.settings.signing_key

    def check_store_exists(self) -> None:
        """Raise `StoreUnavailable` if the store does not exist."""
        if not store_exists(self.store):
            cause = (
                "there is no such file, or an empty one"
                if self.store.startswith("sqlite:")
                else "it holds no cases yet"
            )
            raise StoreUnavailable(
                printable_url(self.store),
                f"{cause}; 'hitl run' creates one, --store or HITL_STORE name another",
            )

    def policy_in_force(self, roles: Any) -> "Policy":
        """Return the named policy, or the active one of the store, or the bundled one if there is no store."""
        if self.is_governed():
            with self.governed().open() as hitl:
                return hitl.policy.active()
        return load_policy(self.policy, roles)

    def policy_at(self, name: str, roles: Any) -> "Policy":
        """Return the policy of a file, or a version of the store by its number or the begin of its hash."""
        if _VERSION.fullmatch(name) and not Path(name).exists() and store_exists(self.store):
            with self.governed().open() as hitl:
                return hitl.policy.version(name)
        return load_policy(name, roles)

    def command(self, *words: str, deciding: bool = False) -> str:
        """Return a command to type next, on the same store and reviewers, and for a decision the same policy."""
        options = [("--store", self.typed.store and printable_url(self.typed.store))]
        if deciding:
            options.append(("--policy", self.typed.policy))
        options.append(("--reviewers", self.typed.reviewers))
        named = [word for option, value in options if value for word in (option, value)]
        return shlex.join((program(), *words, *named))


def user_of_the_system() -> Principal:
    """Return the local principal of a command: the user of the operating system, by number where it has no name."""
    name = number = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    with suppress(ImportError, KeyError, ValueError):
        from pwd import getpwuid  # noqa: PLC0415 - not on every system

        name = getpwuid(int(number)).pw_name
    with suppress(ValueError):
        return Principal.local(name, PrincipalKind.HUMAN)
    return Principal.local(number, PrincipalKind.HUMAN)


def program() -> str:
    """Return the word to type for `hitl`: the name if the shell finds it, else the path that was called."""
    called = sys.argv[0]
    return called if Path(called).name == "hitl" and which("hitl") is None else "hitl"


def start(typed: GlobalOptions) -> Session:
    """Return the session that the command line and, for options not typed, the environment define."""
    settings = read_settings()
    return Session(
        store=settings.store if typed.store is None else typed.store,
        policy=settings.policy if typed.policy is None else typed.policy,
        reviewers=settings.reviewers if typed.reviewers is None else typed.reviewers,
        as_json=typed.as_json,
        settings=settings,
        typed=typed,
    )


class CaseName(TypedDict, total=False):
    """The keyword that names a case in calls of the facade: its own id, or that of its task."""

    case_id: str
    task_id: str


def named(hitl: Orchestrator, case_or_task: str) -> CaseName:
    """Return the keyword that names a case: `case_id` if there is a case of this id, else `task_id`.

    The beginning of a case id names it too, unless it is the id of a task.

    Raises:
        InvalidInput: it is the beginning of several ids.
    """
    if _CASE_ID.fullmatch(case_or_task):
        with suppress(UnknownCase):
            return {"case_id": hitl.cases.get(case_or_task).case_id}
    elif _SHORT_ID.fullmatch(case_or_task):
        try:
            hitl.cases.get(task_id=case_or_task)
        except UnknownCase:
            case_id = hitl.cases.named(case_or_task)
            if case_id is not None:
                return {"case_id": case_id}
    return {"task_id": case_or_task}
