"""Picks the concretes: which store, which checkpoints, which policy, which people, which clock."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from uuid_utils import uuid7

from hitl_orchestrator.domain.reading import did_you_mean, read_json
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import StoreUnavailable, UnfitInput
from hitl_orchestrator.ledger.ports import Ledger
from hitl_orchestrator.nodes.desk import Clock, Desk
from hitl_orchestrator.nodes.ports import Classifier
from hitl_orchestrator.nodes.services import Services
from hitl_orchestrator.orchestrator import BaseOrchestrator
from hitl_orchestrator.policies.loader import read_policy
from hitl_orchestrator.policies.risk import RiskRule
from hitl_orchestrator.policies.rulebook import Rulebook
from hitl_orchestrator.policies.schema import Policy
from hitl_orchestrator.policies.scoring import ScoreRules
from hitl_orchestrator.review.people import People, read_people
from hitl_orchestrator.settings import DEFAULT_STORE

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from hitl_orchestrator.graph.runner import Runner

MEMORY = "memory://"
CANONICAL_POLICY, CANONICAL_REVIEWERS = "routing_policy.json", "reviewers.json"


class Orchestrator(BaseOrchestrator):
    """The front door: an orchestrator on a store, with a policy and people."""

    @classmethod
    def open(
        cls,
        store: str = DEFAULT_STORE,
        *,
        policy: "str | Path | Mapping[str, Any] | Policy | None" = None,
        reviewers: "str | Path | Mapping[str, Any] | Sequence[Any] | People | None" = None,
        classifier: "Classifier | Runnable[Any, Any] | Callable[[Any], Any] | None" = None,
        risk_rules: Sequence[RiskRule] = (),
        score_rules: ScoreRules | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Open a store: `sqlite:///PATH` or `memory://`. A new file is made, an older one is migrated.

        `policy` and `reviewers` are files or values. Without a policy the store's current one holds, in a new store
        the canonical one; without reviewers there is one seat per role. `classifier` makes an output for tasks that
        come without one: a LangChain `Runnable`, or a function of the task.

        Raises:
            UnfitInput: the policy or the reviewers file cannot be used, with every problem.
            StoreUnavailable: the store cannot be opened.
        """
        people = load_people(reviewers)
        given = None if policy is None else load_policy(policy, people.chain)
        clock = clock or now_in_utc
        ledger = open_ledger(store)
        rules = given or load_policy(ledger.current_policy(), people.chain)

        def runner(desk: Desk) -> "Runner":
            services = Services(
                rules=rulebook,
                inbox=desk,
                records=desk,
                payloads=ledger,
                classifier=as_classifier(classifier),
                risk_rules=risk_rules,
                score_rules=score_rules or ScoreRules(),
            )
            return build_runner(store, services)

        rulebook = Rulebook(rules, people.chain, ledger.policy)
        return cls(ledger, people, rulebook, clock=clock, new_id=new_case_id, runner=runner)


def now_in_utc() -> datetime:
    """Return the time of this machine's clock, in UTC."""
    return datetime.now(UTC)


def new_case_id() -> str:
    """Return a new UUIDv7: unique everywhere, and sorted by time."""
    return str(uuid7())


def canonical(name: str) -> str:
    """Return the text of one of the data sets that come with the package."""
    return files("hitl_orchestrator.data").joinpath(name).read_text(encoding="utf-8")


def read_file(path: str | Path) -> str:
    """Return the text of a file, or say plainly why it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UnfitInput([f"{path}: not UTF-8 text (byte {exc.start}); save it as UTF-8"]) from exc
    except (OSError, ValueError) as exc:
        raise UnfitInput([f"{path}: cannot be read: {getattr(exc, 'strerror', None) or exc}"]) from exc


def load_policy(given: "str | Path | Mapping[str, Any] | Policy | None", roles: RoleChain) -> Policy:
    """Return the policy of a file or a value; the canonical one where none is given."""
    if isinstance(given, Policy):
        given = given.model_dump(mode="json")
    if isinstance(given, Mapping):
        return read_policy(_as_text(given, "policy"), "policy", roles)
    if given is None:
        return read_policy(canonical(CANONICAL_POLICY), CANONICAL_POLICY, roles)
    return read_policy(read_file(given), Path(given).name, roles)


def load_people(given: "str | Path | Mapping[str, Any] | Sequence[Any] | People | None") -> People:
    """Return the people of a file or a value; one seat per role where none are given."""
    if isinstance(given, People):
        return given
    if given is None:
        return read_people(read_json(canonical(CANONICAL_REVIEWERS), CANONICAL_REVIEWERS), CANONICAL_REVIEWERS)
    if isinstance(given, (str, Path)):
        return read_people(read_json(read_file(given), Path(given).name), Path(given).name)
    return read_people(given, "reviewers")


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


def open_ledger(store: str) -> Ledger:
    """Return the ledger of a store URL, made or migrated where needed.

    Raises:
        StoreUnavailable: the URL names no store we know, or the file cannot be used.
    """
    if store == MEMORY:
        from hitl_orchestrator.ledger.memory import MemoryLedger  # noqa: PLC0415 - only one store is imported

        return MemoryLedger()
    path = sqlite_path(store)
    from hitl_orchestrator.ledger.database import Database  # noqa: PLC0415 - only one store is imported
    from hitl_orchestrator.ledger.migrate import migrate  # noqa: PLC0415
    from hitl_orchestrator.ledger.sql import SqlLedger  # noqa: PLC0415

    _make_private(path, store)
    migrate(path, store)
    return SqlLedger(Database(path, store))


def sqlite_path(store: str) -> str:
    """Return the file of a `sqlite:///PATH` URL."""
    parts = urlsplit(store)
    if parts.scheme != "sqlite":
        hint = did_you_mean(parts.scheme, ("sqlite", "memory"))
        raise StoreUnavailable(store, f"give sqlite:///PATH, or memory:// for a trial{hint}")
    path = store.removeprefix("sqlite:///")
    if path == store or not path or path == ":memory:":
        raise StoreUnavailable(store, "it names no file; give sqlite:///hitl.db, or memory:// for a trial")
    return path


def build_runner(store: str, services: "Services") -> "Runner":
    """Build the graph on the checkpoints of a store. Imports LangGraph, which takes its time."""
    from hitl_orchestrator.graph.adapter import Adapter  # noqa: PLC0415
    from hitl_orchestrator.graph.build import build_graph  # noqa: PLC0415
    from hitl_orchestrator.graph.checkpoints import memory_checkpoints, sqlite_checkpoints  # noqa: PLC0415
    from hitl_orchestrator.graph.runner import Runner  # noqa: PLC0415

    checkpoints = memory_checkpoints() if store == MEMORY else sqlite_checkpoints(sqlite_path(store))
    adapter = Adapter(services.payloads)
    return Runner(build_graph(services, checkpoints, adapter), checkpoints, adapter)


def _make_private(path: str, store: str) -> None:
    """Make a new database file, readable by its owner alone."""
    try:
        Path(path).touch(mode=0o600, exist_ok=True)
    except OSError as exc:
        raise StoreUnavailable(store, f"{exc.strerror}; check that the folder exists and can be written") from exc


def _as_text(given: Mapping[str, Any], where: str) -> str:
    try:
        return json.dumps(given, allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise UnfitInput([f"{where}: not JSON: {exc}"]) from exc
