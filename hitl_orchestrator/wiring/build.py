"""Picks the concretes: which store, which checkpoints, which policy, which people, which clock."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from uuid_utils import uuid7

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import (
    InvalidInput,
    InvalidKey,
    PolicyMismatch,
    SealKeyMissing,
    StoreUnavailable,
    TamperedPolicy,
    install_hint,
)
from hitl_orchestrator.ledger.database.address import HOW_TO_WRITE, can_be_read, is_postgres, shown
from hitl_orchestrator.ledger.keys.files import SealKey, encryption_key, seals_from
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.store.leases import LEASE_SECONDS
from hitl_orchestrator.ledger.verification.head_file import Headbook
from hitl_orchestrator.ledger.verification.signer import LedgerSigner, Signing
from hitl_orchestrator.nodes.dependencies import NodeDependencies
from hitl_orchestrator.nodes.ports import Classifier
from hitl_orchestrator.policies.engine.risk import RiskRule
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.policies.language.model import Policy, policy_hash, policy_of
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry, recorded_policy
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.schemas import OutputSchemas
from hitl_orchestrator.services.config_files import (
    canonical,
    check_they_fit,
    load_people,
    load_policy,
    load_schemas,
    read_file,
)
from hitl_orchestrator.services.policy.admin import GoverningOrchestrator
from hitl_orchestrator.services.reviews.access import Clock
from hitl_orchestrator.services.reviews.recording import ReviewRecorder
from hitl_orchestrator.settings import DEFAULT_STORE

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from hitl_orchestrator.graph.runner import Runner
    from hitl_orchestrator.ledger.database.ports import Database
    from hitl_orchestrator.ledger.keys.mac import RowAuthenticator
    from hitl_orchestrator.ledger.keys.signing import SigningKey
    from hitl_orchestrator.ledger.store.ledger import SqlLedger

__all__ = [
    "LEASE_SECONDS",
    "MEMORY",
    "Services",
    "canonical",
    "load_people",
    "load_policy",
    "notary_of",
    "now_in_utc",
    "open_ledger",
    "open_to_audit",
    "read_file",
    "signing_key",
    "store_exists",
]

MEMORY = "memory://"


class Services(GoverningOrchestrator):
    """The services on a store, with a policy and people."""

    @classmethod
    def open(
        cls,
        store: str = DEFAULT_STORE,
        *,
        policy: "str | Path | Mapping[str, Any] | Policy | None" = None,
        reviewers: "str | Path | Mapping[str, Any] | Sequence[Any] | People | None" = None,
        schemas: "str | Path | Mapping[str, Any] | OutputSchemas | None" = None,
        classifier: "Classifier | Runnable[Any, Any] | Callable[[Any], Any] | None" = None,
        risk_rules: Sequence[RiskRule] = (),
        score_rules: ScoreRules | None = None,
        seal_key: SealKey | Sequence[SealKey] | None = None,
        checkpoint_key: str | None = None,
        clock: Clock | None = None,
        lease: float = LEASE_SECONDS,
        head_file: str | Path | None = None,
        head_key: "str | Path | SigningKey | None" = None,
        head_every: int = 1000,
    ) -> Self:
        """Open a store: `sqlite:///PATH`, `postgresql://USER@HOST/DATABASE` or `memory://`.

        What is missing is made, old tables are migrated. `policy`, `reviewers` and `schemas` (what an edited output of
        a task type must look like) are files or values; without, the store's current policy or the canonical one holds,
        and there is a seat per role. `classifier` (a `Runnable`, or a function of the task) makes missing outputs.

        `seal_key` seals decisions: hexadecimal text, a `Path` to it, a function that computes a MAC, or several, the
        newest first; else there is a key file beside the store. `checkpoint_key` encrypts the graph's checkpoints.
        A case is held for `lease` seconds by whoever drives it. `clock` says when things happen; deadlines and leases
        are judged by the store's own. Its head is signed into `head_file` every `head_every` entries and on close.

        Raises:
            InvalidInput, PolicyMismatch: what is given cannot be used, or another policy was activated in the store.
            StoreUnavailable, TamperedPolicy: the store cannot be opened, or its policy is not what was recorded.
            InvalidKey, SealKeyMissing: a key is none, is not private, or is gone while it is needed.
        """
        people, outputs = load_people(reviewers), load_schemas(schemas)
        given = _policy_given(policy, people, store)
        encryption = None if checkpoint_key is None else encryption_key(checkpoint_key)
        store, clock = _from_here(store), in_utc(clock or now_in_utc)
        ledger = open_ledger(store, seal_key, lease=lease, clock=clock)
        with _closed_on_failure(ledger):
            rulebook = _rulebook_of(ledger, given, people.chain)
            notary = notary_of(ledger, store, head_file=head_file, head_key=head_key, clock=clock)

        def runner(desk: ReviewRecorder) -> "Runner":
            ports = NodeDependencies(rules=rulebook, inbox=desk, records=desk, alarms=desk, payloads=ledger)
            ports = replace(ports, risk_rules=risk_rules, score_rules=score_rules or ScoreRules())
            return build_runner(store, replace(ports, classifier=as_classifier(classifier)), encryption)

        parts: dict[str, Any] = {"runner": runner, "signing": Signing(notary, head_every), "outputs": outputs}
        return cls(ledger, people, rulebook, clock=clock, new_id=new_case_id, **parts)


@contextmanager
def _closed_on_failure(ledger: Ledger) -> Iterator[None]:
    """Close a ledger that nobody will ever hold, because what was to stand on it could not be made."""
    try:
        yield
    except BaseException:
        ledger.close()
        raise


def now_in_utc() -> datetime:
    """Return the time of this machine's clock, in UTC."""
    return datetime.now(UTC)


def in_utc(clock: Clock) -> Clock:
    """Return a clock that says the time of this one in UTC, as all times are written.

    Raises, when it is asked:
        InvalidInput: its time has no zone.
    """

    def told() -> datetime:
        now = clock()
        if now.utcoffset() is None:
            raise InvalidInput([f"clock: {now.isoformat()} has no zone; say the time as datetime.now(UTC) does"])
        return now.astimezone(UTC)

    return told


def new_case_id() -> str:
    """Return a new UUIDv7: unique everywhere, and sorted by time."""
    return str(uuid7())


def _from_here(store: str) -> str:
    """Return a store by its full path: where the process goes later must not move a store that it has opened."""
    return store if store == MEMORY or is_postgres(store) else f"sqlite:///{sqlite_path(store)}"


def _policy_given(
    policy: "str | Path | Mapping[str, Any] | Policy | None", people: People, store: str
) -> Policy | None:
    """Return the policy that is given, if one is. Without one no store is made that nothing could rule.

    Raises:
        InvalidInput: it cannot be used. PolicyMissing: there is none, and the canonical one is for other roles.
    """
    if policy is not None:
        return check_they_fit(load_policy(policy, people.chain), people)
    if people.chain != DEFAULT_CHAIN and not store_exists(store):
        load_policy(None, people.chain)
    return None


def _rulebook_of(ledger: Ledger, given: Policy | None, roles: RoleChain) -> PolicyRegistry:
    """Return the policies in force. Once one was activated in a store it rules there, whatever else is given.

    Raises:
        PolicyMismatch: another one is given.
        TamperedPolicy: the one that rules is not what was recorded.
    """
    life = PolicyHistory().after(ledger.policy_events())
    ruling = None if life.active is None else recorded_policy(life.active, ledger.policy)
    if given is not None and life.active is not None and policy_hash(given) != life.active:
        raise PolicyMismatch(life.active, policy_hash(given), given.policy_id)
    rulebook = PolicyRegistry(ruling or given or _policy_of(ledger, roles), roles, ledger.policy)
    rulebook.put_in_force(life)
    return rulebook


def _policy_of(ledger: Ledger, roles: RoleChain) -> Policy:
    """Return the current policy of a store; it was checked, against the chain of its day, when it came into force."""
    try:
        recorded = ledger.current_policy()
        if recorded is None:
            return load_policy(None, roles)
        # A policy that the ledger tells of was recorded under its hash: one that was altered there has another.
        return recorded_policy(policy_hash(policy_of(recorded)), ledger.policy)
    except ValueError as exc:
        raise TamperedPolicy(None, "what the ledger tells of it is no policy") from exc


def as_classifier(given: Any) -> Classifier | None:
    """Return something to `invoke`: what was given, or a function made a LangChain Runnable."""
    if given is None:
        return None
    if hasattr(given, "invoke"):
        asked: Classifier = given
        return asked
    from langchain_core.runnables import RunnableLambda  # noqa: PLC0415 - slow to import, and rarely needed

    made: Any = RunnableLambda(given)
    return as_classifier(made)


def open_ledger(
    store: str,
    seal_key: SealKey | Sequence[SealKey] | None = None,
    *,
    lease: float = LEASE_SECONDS,
    clock: Clock = now_in_utc,
) -> Ledger:
    """Return the ledger of a store URL, made or migrated where needed. `clock` is that of a store in memory.

    Raises:
        StoreUnavailable: the URL names no store we know, or the file cannot be used.
        InvalidKey, SealKeyMissing: a key is none, is not private, or is gone while it is needed.
    """
    if store == MEMORY:
        from hitl_orchestrator.ledger.memory.ledger import MemoryLedger  # noqa: PLC0415 - only one store is imported

        return MemoryLedger(None if seal_key is None else seals_from(seal_key, Path()), lease, clock)
    key_file = key_file_of(store)
    seals = seals_from(seal_key, key_file)
    ledger = _ledger_on(_database(store), seals, lease)
    if seal_key is None and not key_file.exists() and ledger.holds_sealed_work():
        ledger.close()
        raise SealKeyMissing(shown(store), key_file)
    return ledger


def open_to_audit(store: str) -> Ledger:
    """Return the ledger of a store for whoever verifies or signs it, and does not need the key that seals decisions.

    Raises:
        StoreUnavailable: the URL names no store we know, or the file cannot be used.
    """
    from hitl_orchestrator.ledger.keys.mac import ephemeral_seals  # noqa: PLC0415

    return open_ledger(store) if store == MEMORY else _ledger_on(_database(store), ephemeral_seals())


def _database(store: str) -> "Database":
    if is_postgres(store):
        return _postgres_database(store)
    path = sqlite_path(store)
    from hitl_orchestrator.ledger.database import sqlite  # noqa: PLC0415 - only one store is imported

    sqlite.check_not_emptied(path, key_file_of(store), store)
    sqlite.make_private(path, store)
    return sqlite.SqliteDatabase(path, store)


def key_file_of(store: str) -> Path:
    """Return where the key of a store is kept if none is given: beside its file, or in one's own `~/.hitl`."""
    if not is_postgres(store):
        return Path(f"{sqlite_path(store)}.key")
    if not can_be_read(store):
        raise StoreUnavailable(shown(store), f"the address cannot be read; {HOW_TO_WRITE}")
    parts = urlsplit(store)
    options = sorted(each for each in parse_qsl(parts.query) if "password" not in each[0])
    # Without who connects, and without asking for its port: there may be several hosts, each with its own.
    place = f"{parts.netloc.rpartition('@')[2].lower()}{parts.path}?{options}"
    return Path.home() / ".hitl" / f"{sha256(place.encode()).hexdigest()[:32]}.key"


def notary_of(
    ledger: Ledger,
    store: str,
    *,
    head_file: str | Path | None = None,
    head_key: "str | Path | SigningKey | None" = None,
    clock: Clock | None = None,
) -> LedgerSigner:
    """Return the notary of a ledger. Its key is looked for when it first signs."""
    book = None if head_file is None else Headbook(Path(head_file))
    return LedgerSigner(ledger, clock or now_in_utc, lambda: signing_key(store, head_key), book)


def signing_key(store: str, given: "str | Path | SigningKey | None" = None, *, make: bool = True) -> "SigningKey":
    """Return the key that signs the heads of a store: the one given, that of a file, or one made beside its other key.

    Raises:
        InvalidKey: it cannot be used, or there is none and none is to be made.
    """
    from hitl_orchestrator.ledger.keys import signing  # noqa: PLC0415 - most commands sign nothing

    if isinstance(given, signing.SigningKey):
        return given
    if isinstance(given, str):
        return signing.signing_key_in(given, "HITL_HEAD_KEY")
    if given is None and store == MEMORY:
        return signing.new_signing_key()
    file = given or key_file_of(store).with_suffix(".head-key")
    if not make and not file.exists():
        raise InvalidKey(file, "there is no such file yet; signing a head makes it")
    return signing.signing_key_at(file)


def store_exists(store: str) -> bool:
    """Whether there is a store at this URL already: a file, or a database with our tables in it.

    Raises:
        StoreUnavailable: the URL names no store we know, or the server cannot be asked.
    """
    if store == MEMORY:
        return True
    if not is_postgres(store):
        return Path(sqlite_path(store)).exists()
    with closing(_postgres_database(store)) as database:
        return database.revision() is not None


def _ledger_on(database: "Database", seals: "RowAuthenticator", lease: float = LEASE_SECONDS) -> "SqlLedger":
    from hitl_orchestrator.ledger.database.migrate import migrate  # noqa: PLC0415 - not for a store in memory
    from hitl_orchestrator.ledger.store.ledger import SqlLedger  # noqa: PLC0415

    migrate(database)
    return SqlLedger(database, seals, lease)


def _postgres_database(store: str) -> "Database":
    with _extra("postgres", store):
        from hitl_orchestrator.ledger.database.postgres import PostgresDatabase  # noqa: PLC0415
        from hitl_orchestrator.ledger.database.postgres_connections import Connections  # noqa: PLC0415 - only one store is imported

    return PostgresDatabase(Connections(store))


@contextmanager
def _extra(name: str, store: str) -> Iterator[None]:
    """Say which extra brings what cannot be imported."""
    try:
        yield
    except ImportError as exc:
        raise StoreUnavailable(shown(store), f"a dependency is missing ({exc}); {install_hint(name)}") from exc


def sqlite_path(store: str) -> str:
    """Return the file of a `sqlite:///PATH` URL."""
    parts = urlsplit(store)
    if parts.scheme != "sqlite":
        hint = did_you_mean(parts.scheme, ("sqlite", "postgresql", "memory"))
        known = "give sqlite:///PATH, postgresql://USER@HOST/DATABASE, or memory:// for a trial"
        raise StoreUnavailable(shown(store), f"{known}{hint}")
    path = store.removeprefix("sqlite:///")
    if path == store or not path or path == ":memory:":
        raise StoreUnavailable(store, "it names no file; give sqlite:///hitl.db, or memory:// for a trial")
    return str(Path(path).absolute())


def build_runner(store: str, services: "NodeDependencies", key: bytes | None = None) -> "Runner":
    """Build the graph on the checkpoints of a store. Imports LangGraph, which takes its time."""
    from hitl_orchestrator.graph.adapter import Adapter  # noqa: PLC0415
    from hitl_orchestrator.graph.build import build_graph  # noqa: PLC0415
    from hitl_orchestrator.graph.runner import Runner  # noqa: PLC0415

    checkpoints = _checkpoints(store, key)
    adapter = Adapter(services.payloads)
    return Runner(build_graph(services, checkpoints, adapter), checkpoints, adapter, services.alarms)


def _checkpoints(store: str, key: bytes | None) -> Any:
    if is_postgres(store):
        with _extra("postgres", store):
            from hitl_orchestrator.graph.postgres_checkpoints import postgres_checkpoints  # noqa: PLC0415

        return postgres_checkpoints(store, key)
    from hitl_orchestrator.graph.checkpoints import memory_checkpoints, sqlite_checkpoints  # noqa: PLC0415

    return memory_checkpoints(key) if store == MEMORY else sqlite_checkpoints(sqlite_path(store), key)
