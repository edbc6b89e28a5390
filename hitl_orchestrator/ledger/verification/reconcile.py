"""Reconciliation of the tables with the ledger: every row must follow from an entry, and every entry must have its row.

People and programs work with the tables. An altered row, or a ledger with a truncated end, makes the two disagree.
What no entry records, such as a lease, bears a seal.
"""

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import orjson

from hitl_orchestrator.domain.enums import CaseStage, EventKind, ReviewStatus
from hitl_orchestrator.domain.lifecycle import ANSWERED, STAGE_MOVES
from hitl_orchestrator.domain.value import read_canonical
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events import ledger_builders, people_builders, policy_builders
from hitl_orchestrator.ledger.events.chain import GOVERNING, Entry, body_of, time_of, time_text
from hitl_orchestrator.ledger.events.contents import Contents, content_digest, restored
from hitl_orchestrator.ledger.events.execution_builders import KINDS
from hitl_orchestrator.ledger.events.outcomes import AGENT_FIELDS, outcome_of
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.ports.snapshot import CaseEntry, CaseRow, CaseRows, LedgerSnapshot
from hitl_orchestrator.ledger.store.leased_work import LEASE_SEAL
from hitl_orchestrator.ledger.verification.reconcile_head import HeadReconciler
from hitl_orchestrator.ledger.verification.reconcile_people import PeopleReconciler
from hitl_orchestrator.ledger.verification.reconcile_policies import PolicyReconciler
from hitl_orchestrator.ledger.verification.rows.contents import CaseContents
from hitl_orchestrator.ledger.verification.rows.executions import ExecutionFacts
from hitl_orchestrator.ledger.verification.rows.outcomes import OutcomeFacts
from hitl_orchestrator.ledger.verification.rows.reviews import ReviewFacts
from hitl_orchestrator.ledger.verification.rows.tallies import Measures, TallyFacts, is_measure, measure_problem
from hitl_orchestrator.ledger.verification.rows.work_lists import WorkListReconciler, is_spot_check, may_be_sampled

Problem = tuple[int | None, str]
"""The number of the entry concerned, if there is one, and a sentence."""

_INTAKE = ("task_id", "submitter", "attempt", "content", "submitted_seq")
_INTAKE_OF = attrgetter(*_INTAKE)
PROPOSING = (EventKind.POLICY_PROPOSED, EventKind.PEOPLE_PROPOSED)
_CONCERNING = frozenset(
    {*GOVERNING, *policy_builders.KINDS, *people_builders.KINDS, *ledger_builders.KINDS, EventKind.REDACTED}
)
_NAMED = (*AGENT_FIELDS, "proposed_output")
_MOVES = dict(STAGE_MOVES)
_AT_REST = (CaseStage.WAITING, CaseStage.FINISHED)


class TableReconciler:
    """Compares the tables with the verified entries."""

    def __init__(self) -> None:
        self.last: Entry | None = None
        self.unexecuted: list[str] = []
        """The approved cases whose execution was never started."""
        self.entries_of_cases = 0
        self.proposed = set[str]()
        self._policies, self._work_lists = PolicyReconciler(), WorkListReconciler()
        self.head = HeadReconciler()
        self._people = PeopleReconciler()

    def add(self, entry: Entry) -> None:
        """Add the next verified entry. Entries of cases are only counted here: each case is compared on its own."""
        self.last = entry
        if entry.case_id is not None:
            self.entries_of_cases += 1
        if concerns_tables(entry, self.proposed):
            self.add_concerning(entry)

    def add_concerning(self, entry: Entry) -> None:
        """Add the next entry of those that `concerns_tables` names."""
        self._policies.add(entry)
        self._people.add(entry)
        self._work_lists.add(entry)
        self.head.add(entry)
        if entry.kind in PROPOSING:
            self.proposed.add(body_of(entry.entry)["case_id"])

    def problem(
        self, snapshot: LedgerSnapshot, on_entries: Callable[[int], None], seals: Seals | None
    ) -> Problem | None:
        """Return the first difference between tables and ledger, None if there is none.

        `seals` are those after all entries; without them no seal of a row is verified. `on_entries` is called with the
        number of entries of each compared case.
        """
        compared, jumps = 0, frozenset(self.head.noted[EventKind.CLOCK_MOVED_BACK])
        measures = covered_in(snapshot)
        for rows in snapshot.cases():
            problem = case_problem(rows, seals, jumps, self.unexecuted.append, measures)
            if problem is not None:
                return problem
            compared += len(rows.entries)
            on_entries(len(rows.entries))
        orphan = next(snapshot.orphans(), None)
        if compared != self.entries_of_cases or orphan is not None:
            table, case_id = orphan or ("events", None)
            return None, f"{table}: rows of case {case_id!r} have no row in cases"
        return self.problem_beside_cases(snapshot, seals)

    def problem_beside_cases(self, snapshot: LedgerSnapshot, seals: Seals | None) -> Problem | None:
        """Return the first difference between the ledger and the tables of policies, people and due work."""
        problem = self._policies.problem({row.policy_hash: row for row in snapshot.policies()})
        problem = problem or self._people.problem()
        if (
            problem is None
            and (why := measure_problem(snapshot.measures(), 0 if self.last is None else self.last.seq, seals))
            is not None
        ):
            return None, why
        return problem or self._work_lists.problem(snapshot, seals)


def covered_in(snapshot: LedgerSnapshot) -> dict[str, int]:
    """Return the measures that a store has, each with the last entry up to which cases were counted under it."""
    return {row.measure: row.covered_seq for row in snapshot.measures() if is_measure(row)}


def concerns_tables(entry: Entry, proposed: Container[str | None]) -> bool:
    """Whether an entry concerns more than its own case; `proposed` are the cases that decide on proposed changes."""
    kind = entry.kind
    if kind == EventKind.FINISHED:
        return entry.case_id in proposed or may_be_sampled(entry.entry)
    if kind == EventKind.SUBMITTED:
        return is_spot_check(entry.entry)
    return kind in _CONCERNING


def case_problem(
    rows: CaseRows,
    seals: Seals | None,
    jumps: Collection[int],
    on_unexecuted: Callable[[str], None],
    measures: Measures,
) -> Problem | None:
    """Return the first difference between the rows of one case and its entries, None if there is none.

    `on_unexecuted` is called with the id of a case that was approved for an execution which was never started.
    """
    case_id = rows.case.case_id
    named = f"case {case_id!r} of task {rows.case.task_id!r}"
    if not rows.entries:
        return None, f"case {case_id!r} has a row and no entry: the end of the ledger is missing"
    last = rows.entries[-1].seq
    parsed, contents = [_content_of(entry.entry) for entry in rows.entries], CaseContents(rows.contents)
    problem = contents.problem(rows.entries, parsed)
    if problem is not None:
        return last, f"{named}: {problem}"
    replay = _CaseReplay(rows, contents.verified, seals, jumps)
    for entry, content in zip(rows.entries, parsed, strict=True):
        problem = replay.problem_of(entry.kind, content)
        if problem is not None:
            return entry.seq, f"entry {entry.seq}, {entry.kind} of {named}: {problem}"
    problem = next(replay.unexplained_rows(), None) or _lease_problem(rows.case, seals)
    problem = problem or replay.tallies.problem(rows.tallies, seals, measures)
    if replay.executions.is_due:
        on_unexecuted(case_id)
    return None if problem is None else (last, f"{named}, whose last entry is {last}: {problem}")


class _CaseReplay:
    """The state of one case after each of its entries, compared with its rows."""

    def __init__(self, rows: CaseRows, texts: Contents | None, seals: Seals | None, jumps: Collection[int]) -> None:
        """`texts` are the verified ones of the case; None once they were erased."""
        self._case, self._seals, self._jumps = rows.case, seals, jumps
        self._stage: str | None = None
        self._rows = {review.review_id: review for review in rows.reviews}
        self._reviews: dict[str, ReviewFacts] = {}
        self._refusals = dict(rows.refusals)
        self._outcomes, self._execution_rows = list(rows.outcomes), rows.executions
        self._open: str | None = None
        self._texts = texts
        self._erased = next((_erased_by(entry) for entry in rows.entries if entry.kind == EventKind.REDACTED), None)
        self._is_erased = False
        self._intake: dict[str, Any] = {}
        self._facts, self.executions, self.tallies = OutcomeFacts(), ExecutionFacts(), TallyFacts(texts)

    def problem_of(self, kind: str, content: dict[str, Any]) -> str | None:
        """Return the problem with an entry; None if it follows from the previous ones and its row agrees."""
        problem = self._move(kind)
        if problem is not None:
            return problem
        self._facts.add(content)
        compare = _COMPARE.get(kind)
        return None if compare is None else compare(self, content)

    def unexplained_rows(self) -> Iterator[str]:
        """Yield the facts of the rows that no entry records."""
        if self._case.stage != self._stage:
            yield f"its stage is '{self._case.stage}' in the table and '{self._stage}' in the ledger"
        for review_id, row in self._rows.items():
            facts = self._reviews.get(review_id)
            if facts is None:
                yield f"no entry records the review {review_id!r}, or its answer"
            elif (problem := facts.problem(row, (self._erased or {}).get(review_id), self._seals)) is not None:
                yield problem
        for key in self._refusals:
            yield f"no entry records the rejected attempt {key[:12]!r} in the table"
        if self._outcomes:
            yield "it has a row in the outcomes that no entry records"
        if (problem := self.executions.problem(self._execution_rows, self._seals)) is not None:
            yield problem

    def _move(self, kind: str) -> str | None:
        move = _MOVES.get(kind)
        if move is None:
            return None
        is_open_already = kind == EventKind.REVIEW_OPENED and self._open is not None
        if self._stage not in move.before or is_open_already:
            stages = " or ".join(repr(str(stage)) for stage in sorted(filter(None, move.before)))
            return f"the case was at '{self._stage}', and such an entry is written at {stages or 'its start'} only"
        self._stage = move.after
        return None

    def _finished(self, entry: dict[str, Any]) -> str | None:
        problem = self._facts.problem(entry["body"])
        self.executions.add_outcome(entry["body"])
        if problem is not None:
            return problem
        record = self._with_agent(entry["body"])
        expected = outcome_of(entry["seq"], record, self._intake, is_redacted=self._erased is not None)
        if len(self._outcomes) != 1:
            return f"it has {len(self._outcomes)} rows in the outcomes"
        (row,), self._outcomes = self._outcomes, []
        other = "" if row == expected else _differing(row._asdict(), expected)
        return f"its row in the outcomes has another {other}" if other else None

    def _submitted(self, entry: dict[str, Any]) -> str | None:
        self._intake = body = entry["body"]
        self.executions.add_intake(body)
        self.tallies.add_intake(body)
        whose = (body["task"]["task_id"], body["submitted_by"] or "")
        row, expected = _INTAKE_OF(self._case), (*whose, body["attempt"], content_digest(body), entry["seq"])
        other = "" if row == expected else _differing(dict(zip(_INTAKE, row, strict=True)), expected)
        return f"its row in the cases has another {other}" if other else None

    def _routed(self, entry: dict[str, Any]) -> str | None:
        self.tallies.add_routing(entry)
        return None

    def _opened(self, entry: dict[str, Any]) -> str | None:
        review_id = self._open = entry["body"]["review_id"]
        self._reviews[review_id] = ReviewFacts(entry, self._jumps)
        return None if review_id in self._rows else f"its review {review_id!r} is missing"

    def _executed(self, entry: dict[str, Any]) -> str | None:
        return self.executions.problem_of(entry)

    def _redacted(self, entry: dict[str, Any]) -> str | None:
        if self._is_erased:
            return "the case was redacted before"
        self._is_erased = True
        return None

    def _claimed(self, entry: dict[str, Any]) -> str | None:
        problem = self._of_open_review(entry)
        if problem is None:
            self._reviews[entry["body"]["review_id"]].add_claim(entry)
        return problem

    def _reminded(self, entry: dict[str, Any]) -> str | None:
        problem = self._of_open_review(entry)
        if problem is None:
            self._reviews[entry["body"]["review_id"]].add_reminder()
        return problem

    def _of_open_review(self, entry: dict[str, Any]) -> str | None:
        return None if entry["body"]["review_id"] == self._open else "that review was not open"

    def _refused(self, entry: dict[str, Any]) -> str | None:
        matches = self._refusals.pop(entry["body"]["key"], None) == entry["seq"]
        return None if matches else "its row in the refusals is missing, or names another entry"

    def _answered(self, entry: dict[str, Any]) -> str | None:
        body, status = entry["body"], ReviewStatus(entry["kind"])
        if self._open != body["review_id"]:
            return f"its review {body['review_id']!r} was not open"
        self._open = None
        self._reviews[body["review_id"]].add_answer(entry["seq"], status, self._restored(body))
        return None

    def _restored(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of an answer with its texts, if they are intact."""
        try:
            return restored(EventKind.DECIDED, body, self._texts)
        except (LedgerDamaged, ValueError, TypeError):
            return body

    def _with_agent(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of an outcome with the names of the agent and its proposal, unless they were erased."""
        named = [name for name in _NAMED if body[name] is not None]
        if not named or self._texts is None:
            return body
        texts = self._texts.texts([body[name]["content"] for name in named])
        return body | {name: _content_of(texts[body[name]["content"]]) for name in named}


_COMPARE: Mapping[str, Callable[[_CaseReplay, dict[str, Any]], str | None]] = {
    EventKind.SUBMITTED: _CaseReplay._submitted,
    EventKind.ROUTED: _CaseReplay._routed,
    EventKind.REVIEW_OPENED: _CaseReplay._opened,
    EventKind.CLAIMED: _CaseReplay._claimed,
    EventKind.DELEGATED: _CaseReplay._claimed,
    EventKind.RELEASED: _CaseReplay._claimed,
    EventKind.VIEWED: _CaseReplay._of_open_review,
    EventKind.LABELED: _CaseReplay._of_open_review,
    EventKind.REMINDED: _CaseReplay._reminded,
    **{EventKind(status.value): _CaseReplay._answered for status in ANSWERED},
    EventKind.REFUSED: _CaseReplay._refused,
    EventKind.FINISHED: _CaseReplay._finished,
    EventKind.REDACTED: _CaseReplay._redacted,
    **dict.fromkeys(KINDS, _CaseReplay._executed),
}


def _lease_problem(case: CaseRow, seals: Seals | None) -> str | None:
    """Return the problem with the lease of a case. No entry records it: it is absent, or sealed as a whole."""
    lease = case.fence, case.holder, case.held_since, case.held_until
    if lease == (None,) * len(lease) and case.lease_seal is None:
        return None
    if case.stage in _AT_REST:
        return "its row of cases has a lease (fence, holder, held_since, held_until), and nothing runs it"
    for name in ("held_since", "held_until"):
        if not _is_time(getattr(case, name)):
            return f"its row of cases has the {name} {str(getattr(case, name))[:40]!r}, which is not a time"
    if seals is not None and not seals.is_of_columns(case.lease_seal, LEASE_SEAL, case.case_id, *lease):
        return "the fence, holder, held_since, held_until or lease_seal of its row of cases was altered"
    return None


def _content_of(text: str) -> Any:
    """Return the value of an entry of a case, whose only numbers are probabilities, counts and seconds; or a label."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return read_canonical(text)


def _is_time(text: Any) -> bool:
    try:
        return bool(time_text(time_of(text)) == text)
    except (ValueError, TypeError, OverflowError):
        return False


def _erased_by(entry: CaseEntry) -> dict[str, str]:
    """Return the digests of the remaining reviews that a redaction records."""
    remaining: dict[str, str] = body_of(entry.entry)["reviews"]
    return remaining


def _differing(row: Mapping[str, Any], recorded: Sequence[Any]) -> str:
    """Return the columns of a row that differ from the recorded values, in words; empty if none does."""
    return " and ".join(name for (name, value), other in zip(row.items(), recorded, strict=True) if value != other)
