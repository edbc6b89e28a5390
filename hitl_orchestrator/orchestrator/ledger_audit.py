"""Audit of a ledger without the store's policy and reviewers, and if need be without its key; head files and proofs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.input.file_kinds import PROOF, check_kind
from hitl_orchestrator.domain.input.parsing import parse, read_json
from hitl_orchestrator.domain.principal import LOCAL, Principal
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.shown.people import ids_of
from hitl_orchestrator.errors import HitlError, InvalidInput, InvalidKey
from hitl_orchestrator.ledger.database.address import shown as printable_url
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.events.chain import event_of
from hitl_orchestrator.ledger.events.ledger_builders import KeyChange
from hitl_orchestrator.ledger.keys.signing import public_key_in
from hitl_orchestrator.ledger.ports.claims import OnUnreadable
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.records import RecordFilter
from hitl_orchestrator.ledger.verification.chain_check import Verification
from hitl_orchestrator.ledger.verification.head_file import read_heads
from hitl_orchestrator.ledger.verification.proofs import CaseProof, proof_problem
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead
from hitl_orchestrator.review.governance.history import PeopleHistory
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authority import Verb, authorize
from hitl_orchestrator.services.cases.audit_trail import checked_filter
from hitl_orchestrator.services.config_files import read_file
from hitl_orchestrator.services.masking import check_provable, masked_export, masked_record, sees_all
from hitl_orchestrator.services.people.names import names_in
from hitl_orchestrator.settings import DEFAULT_STORE
from hitl_orchestrator.wiring.clocks import current_time
from hitl_orchestrator.wiring.signing import default_head_file, signer_of, signing_key
from hitl_orchestrator.wiring.stores import MEMORY, open_ledger, open_to_audit

if TYPE_CHECKING:
    import polars as pl

    from hitl_orchestrator.backtest import Backtest
    from hitl_orchestrator.insights.metrics.model import Metrics, StakeField
    from hitl_orchestrator.insights.queue_forecast import Capacity
    from hitl_orchestrator.policies.language.model import Policy
    from hitl_orchestrator.services.insights.report import FullReport

__all__ = ["CaseProof", "LedgerAudit", "SignedHead", "Verification", "check_proof", "load_heads", "proof_events"]
__all__ += ["pinned_key", "public_key", "read_proof", "report_on_damaged", "report_on_file", "trusted_key"]

_NO_PEOPLE = People(())
_BLIND = '"blind":true'

TASK_COLUMNS = ("metadata", "task_timestamp", "redacted", "history")
"""Columns of an export beside those of the record: metadata, time and erasure of the task; values of its counters."""


class LedgerAudit:
    """The ledger of an existing store, for verification, signing, proofs and export. Use it as a context manager.

    It has no reviewers file, and hides from a principal whatever one of its reviewers must not see.
    """

    def __init__(
        self,
        store: str,
        *,
        seal_key: Any = None,
        head_file: str | Path | Literal[False] | None = None,
        head_key: Any = None,
        principal: Principal = LOCAL,
    ) -> None:
        """Open the ledger. `seal_key`, `head_key` and `head_file` are those of `Orchestrator.open`.

        Without a `seal_key`, and without a key file of the store that this user may read, seals are not verified.

        Raises:
            StoreUnavailable: the store cannot be opened.
            InvalidKey: the key is malformed, or its file is readable by others.
        """
        self._principal, self._place, self._head_file, self._seal_key = principal, store, head_file, seal_key
        self._head_key = head_key
        self._store = open_to_audit(store, seal_key)
        self._opened_signer = signer_of(self._store, store, head_file=head_file, head_key=head_key)

    @property
    def head_file(self) -> Path | None:
        """The file of signed heads: the given one, or the one beside the store if it was made."""
        if self._head_file is not None:
            return Path(self._head_file) if self._head_file else None
        beside = default_head_file(self._place, self._store)
        return beside if beside is not None and beside.exists() else None

    def size(self) -> int:
        """Return the number of entries."""
        return self._signer(Verb.VERIFY).size()

    def cases(self) -> int:
        """Return the number of finished cases. Raises `LedgerDamaged` if they cannot be read."""
        return self._ledger(Verb.READ_INSIGHTS).outcome_span().rows

    def verify(
        self,
        heads: Sequence[SignedHead] = (),
        public_key: str | None = None,
        on_entries: Callable[[int], None] = lambda count: None,
    ) -> Verification:
        """Verify the ledger, as `hitl.audit.verify` does. `on_entries` is called with numbers of processed entries."""
        return self._signer(Verb.VERIFY).verify(heads, public_key, on_entries)

    def rotate_key(self, channel: str = "library") -> KeyChange:
        """Retire the key that seals the ledger, and make the first one valid, or a new one in the store's key file.

        With a `seal_key`, that of the audit has the new key first and the present one after it. Raises as
        `hitl.audit.rotate_key` does.
        """
        actor = SYSTEM.model_copy(update={"channel": channel, "os_user": Acting(principal=self._principal).os_user})
        self._ledger(Verb.ROTATE_KEY)
        with closing(open_ledger(self._place, self._seal_key)) as writable:
            return writable.rotate_key(actor, current_time())

    def own_events(self) -> Sequence[Event]:
        """Return the ledger entries about the ledger itself: changes of its key, and jumps of the clock."""
        return self._ledger(Verb.VERIFY).own_events()

    def sign_head(self) -> SignedHead:
        """Sign the current head. Raises as `hitl.audit.sign_head` does."""
        return self._signer(Verb.SIGN_HEAD).sign_now()

    def prove(self, case_or_task: str) -> CaseProof:
        """Return a proof of one case, or of the latest attempt at a task. Raises as `hitl.audit.prove` does."""
        signer = self._signer(Verb.PROVE)
        if not sees_all(self._principal):
            check_provable(self._store.find(case_or_task), self._principal)
        return signer.prove(case_or_task)

    def records(
        self,
        on_unreadable: OnUnreadable | None = None,
        *,
        after: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        reviewer: str | None = None,
        domain: str | None = None,
        decision: str | None = None,
        rule: str | None = None,
    ) -> Iterator[AuditRecord]:
        """Yield audit records, in the order in which the cases finished; those of `hitl.audit.records`.

        Rows that cannot be read are left out, and their errors passed to `on_unreadable`, or else to the log.
        `reviewer` may also be the name of one of the people in force. Raises `InvalidInput` if several have it.
        """
        reviewer = reviewer if reviewer is None else self._id_of(reviewer)
        wanted = checked_filter(RecordFilter(since, until, reviewer, domain, decision, rule))
        records = self._ledger(Verb.EXPORT).records(on_unreadable, after, wanted)
        return records if sees_all(self._principal) else map(masked_record, records)

    def case_id(self, case_or_task: str) -> str:
        """Return the id of a case, or of the latest attempt at a task. Raises `UnknownCase` or `AmbiguousTask`."""
        return self._ledger(Verb.EXPORT).find(case_or_task).case_id

    def events(self, on_unreadable: OnUnreadable | None = None) -> Iterator[Event]:
        """Yield every ledger entry, in order; `on_unreadable` as in `records`.

        In cases that are undecided now, the entries lack what is hidden from the principal.
        """
        ledger = self._ledger(Verb.EXPORT)
        events = ledger.events(on_unreadable=on_unreadable)
        return events if sees_all(self._principal) else masked_export(events, ledger, self._is_blind(ledger))

    def governance_events(self) -> Iterator[Event]:
        """Yield the ledger entries about policies, people and the configuration, in order."""
        yield from self._ledger(Verb.READ_POLICY).governance_events()

    def people(self) -> People | None:
        """Return the people in force, None in a store that has none yet. Raises `TamperedPeople`."""
        return PeopleHistory().after(self._ledger(Verb.READ_POLICY).governance_events()).in_force()

    def names(self) -> dict[str, str]:
        """Return the names of the people in force by their ids; none where they cannot be read."""
        return names_in(self._ledger(Verb.READ_POLICY))

    def _id_of(self, name: str) -> str:
        """Return the id of the person who has a name; an unknown one is taken for an id."""
        found = ids_of(name, self.names())
        if len(found) > 1:
            raise InvalidInput([f"reviewer (--reviewer): {name!r} is the name of {', '.join(found)}; give the id"])
        return found[0]

    def rows(self, on_unreadable: OnUnreadable | None = None) -> Iterator[dict[str, Any]]:
        """Yield every audit record as a row, with the `TASK_COLUMNS` that a policy may read and the record lacks.

        `on_unreadable` is that of `records`; it also gets a record whose task is not stored beside it.
        """
        for each in self._ledger(Verb.EXPORT).records_with_task(on_unreadable):
            task = (each.metadata, each.task_timestamp.replace(".000000Z", "Z"), each.redacted, each.history)
            shown = each.record if sees_all(self._principal) else masked_record(each.record)
            yield shown.model_dump(mode="json") | dict(zip(TASK_COLUMNS, task, strict=True))

    def frame(
        self, stake: "StakeField | None" = None, on_cases: Callable[[int], None] = lambda count: None
    ) -> "pl.DataFrame":
        """Return the finished cases as `hitl.insights.frame` does."""
        from hitl_orchestrator.services.insights.frames import checked_cases_in  # noqa: PLC0415 - polars is an extra

        return checked_cases_in(self._ledger(Verb.READ_INSIGHTS), stake=stake, on_cases=on_cases)

    def metrics(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        tolerated: float = 0.05,
        sure: float = 0.8,
        stake: "StakeField | None" = None,
        every: str | None = None,
        on_cases: Callable[[int], None] = lambda count: None,
        by: str | None = None,
    ) -> "Metrics":
        """Return the metrics of the finished cases as `hitl.insights.metrics` does, with changes of the policy marked.

        With `by`, a dimension, they are an overview with its groups (see `measure`), which is read and measured faster.

        Raises:
            InvalidInput: an argument is invalid, or the extra `lab` is not installed.
            LedgerDamaged, TamperedPolicy: the outcomes, or the active policy, cannot be read.
        """
        from hitl_orchestrator.insights.metrics import measure  # noqa: PLC0415 - polars is an extra
        from hitl_orchestrator.services.insights import evidence, frames  # noqa: PLC0415 - polars is an extra

        ledger = self._ledger(Verb.READ_INSIGHTS)
        out = list[Any]()
        cases = frames.checked_cases_in(
            ledger, stake=stake, on_cases=on_cases, columns=frames.columns_for(by), on_left_out=out.append
        )
        return measure(
            cases,
            frames.looks_in(ledger, cases, left_out=out),
            since=since,
            until=until,
            active_rules=frames.rules_in_force(ledger),
            marks=evidence.marks_in(ledger),
            tolerated=tolerated,
            sure=sure,
            stake=stake,
            every=every,
            by=by,
        )

    def backtest(
        self,
        policy: "Policy",
        *,
        old: "Policy | None" = None,
        capacity: "Mapping[str, Capacity] | None" = None,
        roles: RoleChain,
        where: str,
        on_cases: Callable[[int], None] = lambda count: None,
    ) -> "Backtest":
        """Return the decisions that a policy would have made on every finished case.

        `on_cases` is called with numbers of cases.

        Raises:
            InvalidInput: there are no cases, or the extra `lab` is not installed.
        """
        from hitl_orchestrator.backtest import run_store_backtest  # noqa: PLC0415 - polars is an extra

        ledger = self._ledger(Verb.BACKTEST)
        return run_store_backtest(
            policy, ledger, old=old, capacity=capacity, roles=roles, where=where, on_read=on_cases
        )

    def full_report(self, *, on_progress: Callable[[int], None] = lambda number: None, **words: Any) -> "FullReport":
        """Return the report on the store, with the cases that its pictures show. `words` are those of `asked_for`.

        `on_progress` is called with numbers of processed entries and cases. What is damaged is in the report.

        Raises:
            InvalidInput: a word cannot be read, or the extra `lab` is not installed.
        """
        from hitl_orchestrator.services.insights.evidence import report_on_store  # noqa: PLC0415 - polars is an extra
        from hitl_orchestrator.services.insights.words import asked_for  # noqa: PLC0415

        now, ledger = current_time(), self._ledger(Verb.EXPORT)
        asked = asked_for(now, store_option=_option_of(self._place), **words)
        name = printable_url(self._place)
        return report_on_store(
            name, self._opened_signer, ledger, asked, now, head_file=self.head_file, on_progress=on_progress
        )

    def _ledger(self, verb: Verb) -> Ledger:
        """Return the ledger if the principal may use a verb. Raises `NotAuthorized`."""
        authorize(self._principal, verb, None, _NO_PEOPLE)
        return self._store

    def _signer(self, verb: Verb) -> LedgerSigner:
        authorize(self._principal, verb, None, _NO_PEOPLE)
        return self._opened_signer

    @staticmethod
    def _is_blind(ledger: Ledger) -> Callable[[Case], bool]:
        """Return whether to treat a case as blind: its own review is, or any policy of the store has a blind rule.

        Which policy decides a case now is not computed here; hiding too much is the safe side.
        """
        with ledger.snapshot() as snapshot:
            has_blind_rule = any(_BLIND in row.body for row in snapshot.policies())
        return lambda case: has_blind_rule or any(row.shown.routing.decision.requirements.blind for row in case.reviews)

    def __enter__(self) -> Self:
        """Return the audit."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the ledger."""
        self._store.close()


def load_heads(file: str | Path) -> list[SignedHead]:
    """Return the signed heads of a file, the oldest first."""
    return list(read_heads(read_file(file), str(file)))


def public_key(store: str, head_key: Any = None) -> str:
    """Return the public key of a store's head key, which is created if it is missing. Raises `InvalidKey`."""
    return trusted_key(store, head_key, None) or signing_key(store, head_key).public


def pinned_key(head_key: Any, key_file: str | None) -> str | None:
    """Return the public key to trust: that of `key_file`, or of the head key that the environment names; else None.

    A key is not trusted for lying beside a file: the author of the file may have put it there.
    """
    if key_file is not None:
        return public_key_in(read_file(key_file), key_file)
    return None if head_key is None else signing_key(MEMORY, head_key, make=False).public


def trusted_key(store: str, head_key: Any, key_file: str | None) -> str | None:
    """Return the pinned key, or the own one of a store that is verified; None if neither exists."""
    pinned = pinned_key(head_key, key_file)
    if pinned is not None:
        return pinned
    try:
        return signing_key(store, make=False).public
    except InvalidKey:
        return None


def read_proof(text: str, where: str) -> CaseProof:
    """Return the proof in a JSON text. Raises `InvalidInput`."""
    raw = read_json(text, where)
    check_kind(raw, PROOF, where)
    return parse(CaseProof, raw, where)


def check_proof(proof: CaseProof, public: str | None) -> str | None:
    """Return why a proof is invalid; None if every entry in it belongs to the ledger of its signed head."""
    return proof_problem(proof, public)


def proof_events(proof: CaseProof) -> list[Event]:
    """Return the ledger entries in a proof."""
    return [event_of(proven.entry, "") for proven in proof.entries]


def report_on_file(path: str, **words: Any) -> "FullReport":
    """Return the report on a file of exported records. `words` are those of `asked_for`. Raises `InvalidInput`."""
    from hitl_orchestrator.services.insights.evidence import evidence_in_file  # noqa: PLC0415 - polars is an extra
    from hitl_orchestrator.services.insights.report import full_report  # noqa: PLC0415
    from hitl_orchestrator.services.insights.words import asked_for  # noqa: PLC0415

    now = current_time()
    asked = asked_for(now, store_option=None, **words)
    return full_report(evidence_in_file(path, now), asked)


def report_on_damaged(store: str, problem: HitlError, **words: Any) -> "FullReport":
    """Return the report on a store that cannot be opened, for it was altered or is damaged: it says so.

    `words` are those of `asked_for`. Raises `InvalidInput`.
    """
    from hitl_orchestrator.services.insights.evidence import no_evidence  # noqa: PLC0415 - polars is an extra
    from hitl_orchestrator.services.insights.report import full_report  # noqa: PLC0415
    from hitl_orchestrator.services.insights.words import asked_for  # noqa: PLC0415

    now, name = current_time(), printable_url(store)
    asked = asked_for(now, store_option=_option_of(store), **words)
    return full_report(no_evidence(name, now, " ".join(str(problem).split())), asked)


def _option_of(store: str) -> tuple[str, ...]:
    """Return the words that name a store in a command; none for the default one."""
    return () if store == DEFAULT_STORE else ("--store", printable_url(store))
