"""The report on a store: gathered part by part, so that what is damaged or missing is named and stops nothing else."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.insights.frame import Fitted, empty, polars, prepared
from hitl_orchestrator.insights.metrics import measure
from hitl_orchestrator.insights.metrics.model import Looks, Mark, Metrics, StakeField
from hitl_orchestrator.insights.report.compose import TOLERATED, Parts, compose
from hitl_orchestrator.insights.report.controls import control_tables
from hitl_orchestrator.insights.report.forecasts import forecasts
from hitl_orchestrator.insights.report.judgments import Duties
from hitl_orchestrator.insights.report.model import Compliance, ControlTable, Decided, Drill, Integrity, Novelty, Report
from hitl_orchestrator.insights.report.novelty import novelty_in
from hitl_orchestrator.insights.report.periods import EVER, Span, comparison
from hitl_orchestrator.insights.report.rows import decided_rows, duties_in, within
from hitl_orchestrator.policies.analysis.automatic_from import AutomaticFrom
from hitl_orchestrator.services.insights.frames import check_stake

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from hitl_orchestrator.ledger.verification.chain_check import Verification
    from hitl_orchestrator.services.insights.frames import OnLeftOut

__all__ = ["MALFORMED", "NO_COMPLIANCE", "Asked", "Evidence", "FullReport", "full_report"]

T = TypeVar("T")
OnNumber = Callable[[int], None]

NO_COMPLIANCE = Compliance(derived=0, agree=0, stricter=0, not_derived={}, violations=())
SURE = 0.8
_LONGEST = 300

MALFORMED = (RecursionError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError)
"""What reading rows that were altered raises, where no error of this package covers it."""


def _nothing(number: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a report is to cover. `store_option` are the words that name the store in the commands of next steps.

    It is None where there is no store, and so no such command.
    """

    span: Span = EVER
    verify: bool = True
    controls: Sequence[str] = ()
    stake: StakeField | None = None
    tolerated: float = TOLERATED
    sure: float = SURE
    every: str | None = None
    store_option: Sequence[str] | None = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How a report gets at what it reports on, each part by itself. `problem` is why there is no part at all.

    `verify` is None where there is no ledger, for the reason in `not_verified`. `oldest` is when it began.
    """

    store: str
    now: datetime
    frame: "Callable[[StakeField | None, OnNumber, OnLeftOut], pl.DataFrame]"
    looks: Callable[["pl.DataFrame"], Looks]
    verify: "Callable[[OnNumber], Verification] | None" = None
    not_verified: str = "not checked"
    amounts: Callable[[], Iterable[str]] = tuple
    oldest: Callable[[], datetime | None] = lambda: None
    derive: Callable[[Span, "pl.DataFrame", OnNumber], Compliance] = lambda span, cases, on_number: NO_COMPLIANCE
    marks: Callable[[], Sequence[Mark]] = tuple
    rules: Callable[[], Mapping[str, Action] | None] = lambda: None
    drills: Callable[["pl.DataFrame"], Sequence[Drill]] = lambda cases: ()
    is_staffed: Callable[[], Callable[[str], bool] | None] = lambda: None
    bounds: Callable[[], Sequence[AutomaticFrom]] = tuple
    warnings: Sequence[str] = ()
    problem: str | None = None


class FullReport(NamedTuple):
    """A report, with the cases and the bounds of the policy that its pictures show."""

    report: Report
    frame: "pl.DataFrame"
    bounds: Sequence[AutomaticFrom] = ()


@dataclass
class _Alarms:
    """The alarms of a report, in the order in which they are found."""

    found: list[str] = field(default_factory=list)

    def all(self) -> tuple[str, ...]:
        """Return each alarm once."""
        return tuple(dict.fromkeys(self.found))

    @contextmanager
    def around(self, what: str) -> "Iterator[None]":
        """Turn an error into an alarm: `what` could not be done."""
        try:
            yield
        except (HitlError, polars().exceptions.PolarsError, *MALFORMED) as exc:
            if type(exc).__module__.startswith("pydantic") or not isinstance(exc, HitlError):
                why = f"a row has a form that no version writes ({type(exc).__name__})"
            else:
                why = " ".join(str(exc).split())[:_LONGEST]
            self.found.append(f"{what}: {why}")

    def attempt(self, what: str, step: Callable[[], T], otherwise: T) -> T:
        """Return the result of a step, or after an error the other value."""
        with self.around(what):
            return step()
        return otherwise


def full_report(evidence: Evidence, asked: Asked, on_progress: OnNumber = _nothing) -> FullReport:
    """Return the report on the evidence. `on_progress` is called with numbers of processed entries and cases.

    Raises:
        InvalidInput: polars, which comes with the extra `lab`, is not installed.
    """
    polars("a report")
    alarms = _Alarms()
    integrity, scrubs_due = _integrity(evidence, asked, alarms, on_progress)
    out = list[Fitted]()
    what = "the cases cannot be read"
    frame = alarms.attempt(what, lambda: evidence.frame(asked.stake, on_progress, out.append), None)
    cases = prepared(empty()) if frame is None else frame
    if frame is not None:
        check_stake(frame, asked.stake, evidence.amounts)
    looks = alarms.attempt("the open reviews cannot be read", lambda: evidence.looks(cases), Looks(now=evidence.now))
    no_marks: Sequence[Mark] = ()
    marks = alarms.attempt("the changes of policies cannot be read", evidence.marks, no_marks)
    no_bounds: Sequence[AutomaticFrom] = ()
    bounds = alarms.attempt("the policy cannot be read", evidence.bounds, no_bounds)
    compliance = NO_COMPLIANCE
    if frame is not None:
        what = "the decisions cannot be derived again"
        compliance = alarms.attempt(what, lambda: evidence.derive(asked.span, cases, on_progress), NO_COMPLIANCE)
    if looks.unreadable:
        alarms.found.append(f"{looks.unreadable:,} rows cannot be read, and every figure leaves them out")
    alarms.found += [f"{rows.sentence}; every figure leaves them out" for rows in out]
    looks = looks.model_copy(update={"unreadable": looks.unreadable + sum(rows.left_out for rows in out)})
    rules = alarms.attempt("the policy in force cannot be read", evidence.rules, None)
    oldest = alarms.attempt("the first entry cannot be read", evidence.oldest, None)
    integrity = integrity.model_copy(update={"oldest": oldest})
    known = _Known(integrity, scrubs_due, compliance, _Measured(cases, looks, tuple(marks), rules, asked))
    report = alarms.attempt("the figures cannot be computed", lambda: _composed(evidence, known, alarms), None)
    if report is None:
        cases = prepared(empty())
        report = _composed(evidence, known.without_cases(cases), alarms)
    no_controls: Sequence[ControlTable] = ()
    shown = report
    controls = alarms.attempt(
        "the controls cannot be shown", lambda: control_tables(asked.controls, shown), no_controls
    )
    report = report.model_copy(update={"controls": tuple(controls), "alarms": alarms.all()})
    return FullReport(report, within(cases, asked.span), tuple(bounds))


@dataclass(frozen=True)
class _Measured:
    """The cases and how to measure them."""

    frame: "pl.DataFrame"
    looks: Looks
    marks: tuple[Mark, ...]
    rules: Mapping[str, Action] | None
    asked: Asked

    def metrics(self, span: Span) -> Metrics:
        """Return the metrics of a span."""
        asked = self.asked
        return measure(
            self.frame,
            self.looks,
            since=span.since,
            until=span.until,
            active_rules=self.rules,
            marks=self.marks,
            tolerated=asked.tolerated,
            sure=asked.sure,
            stake=asked.stake,
            every=asked.every,
        )


class _Known(NamedTuple):
    """What a report is composed of, beside what its evidence says."""

    integrity: Integrity
    scrubs_due: int
    compliance: Compliance
    measured: _Measured

    def without_cases(self, none: "pl.DataFrame") -> "_Known":
        """Return the same without the cases, all of which count as unreadable."""
        measured = self.measured
        unreadable = measured.looks.unreadable + measured.frame.height
        looks = measured.looks.model_copy(update={"unreadable": unreadable})
        return self._replace(measured=replace(measured, frame=none, looks=looks))


def _composed(evidence: Evidence, known: _Known, alarms: _Alarms) -> Report:
    """Return the report without its controls."""
    asked, cases = known.measured.asked, known.measured.frame
    parts = _parts(evidence, asked, known.measured, alarms)
    no_drills: Sequence[Drill] = ()
    drills = alarms.attempt("the drills cannot be read", lambda: evidence.drills(cases), no_drills)
    parts = parts._replace(
        integrity=known.integrity, compliance=known.compliance, scrubs_due=known.scrubs_due, drills=drills
    )
    return compose(parts._replace(alarms=alarms.all()))


def _parts(evidence: Evidence, asked: Asked, measured: _Measured, alarms: _Alarms) -> Parts:
    """Return the parts that the cases make."""
    metrics = measured.metrics(asked.span)
    compared = comparison(asked.span, metrics.period.last, evidence.now)
    pair = None
    if compared is not None and metrics.cases.decided:
        after = metrics if compared.after == asked.span else measured.metrics(compared.after)
        pair = (measured.metrics(compared.before), after)
    cases = within(measured.frame, asked.span)
    nothing: tuple[tuple[Decided, ...], int] = ((), 0)
    decided, left_out = alarms.attempt("the decisions cannot be listed", lambda: decided_rows(cases), nothing)
    duties = alarms.attempt("the duties of people cannot be checked", lambda: duties_in(cases, evidence.now), Duties())
    is_staffed = alarms.attempt("the people cannot be read", evidence.is_staffed, None)
    no_forecasts: tuple[str, ...] = ()
    ahead = alarms.attempt("no forecast can be made", lambda: forecasts(metrics), no_forecasts)
    nothing_new = Novelty(since=asked.span.since, new={}, unstaffed_domains=(), forecasts=ahead)
    novelty = alarms.attempt(
        "what is new cannot be found",
        lambda: novelty_in(
            measured.frame,
            asked.span.since,
            asked.span.until,
            marks=measured.marks,
            is_staffed=is_staffed,
            forecasts=ahead,
        ),
        nothing_new,
    )
    return Parts(
        store=evidence.store,
        software_version=version("hitl-orchestrator"),
        generated_at=evidence.now,
        alarms=(),
        integrity=_unchecked(evidence.not_verified),
        compliance=NO_COMPLIANCE,
        metrics=metrics,
        compared=pair,
        comparison=compared.sentence if compared is not None and pair is not None else "",
        duties=duties,
        novelty=novelty,
        decided=decided,
        decided_left_out=left_out,
        store_option=asked.store_option,
        tolerated=asked.tolerated,
    )


def _unchecked(why: str) -> Integrity:
    return Integrity(checked=False, sound=None, entries=0, heads=0, seals_checked=False, warnings=(why,))


def _integrity(evidence: Evidence, asked: Asked, alarms: _Alarms, on_progress: OnNumber) -> tuple[Integrity, int]:
    """Return the verification, and the number of redacted cases of which copies may remain; add what is alarming."""
    if evidence.problem is not None:
        alarms.found.append(evidence.problem)
        problem = evidence.problem
        return Integrity(checked=True, sound=False, entries=0, heads=0, seals_checked=False, problem=problem), 0
    if not asked.verify or evidence.verify is None:
        why = "the ledger was not verified, on demand (--no-verify)" if not asked.verify else evidence.not_verified
        alarms.found.append(why)
        return _unchecked(why), 0
    verify = evidence.verify
    before = len(alarms.found)
    result = alarms.attempt("the ledger cannot be verified", lambda: verify(on_progress), None)
    if result is None:
        problem = alarms.found[before]
        return Integrity(checked=True, sound=False, entries=0, heads=0, seals_checked=False, problem=problem), 0
    return _verified(result, alarms), len(result.scrub_due)


def _verified(result: "Verification", alarms: _Alarms) -> Integrity:
    warnings = []
    if result.problem is not None:
        alarms.found.append(f"the ledger was tampered with or is damaged: {result.problem}")
    if not result.seals_checked:
        alarms.found.append("the key of the store is missing, so the seals of the ledger were not checked")
    if result.heads and not result.heads_authenticated:
        why = "the key that signs them is not there, so that anyone may have signed them"
        alarms.found.append(f"the signed heads ({result.heads:,}) agree, but are not authenticated: {why}")
    if not result.heads_given:
        unnoticed = "a return to an earlier state" if result.seals_checked else "a complete rewrite"
        alarms.found.append(f"there is no signed head to compare with: {unnoticed} would not be noticed")
    elif result.problem is not None and result.heads < result.heads_given:
        apart = f"{result.heads_given - result.heads:,} of {result.heads_given:,} signed tree heads"
        warnings.append(f"{apart} were not compared, because verification stopped after entry {result.entries:,}")
    if result.scrub_due:
        alarms.found.append(
            f"the database may still hold copies of erased texts of {len(result.scrub_due)} cases; run 'hitl recover'"
        )
    if result.clock_jumps:
        warnings.append(f"the clock was moved back {len(result.clock_jumps)} times: times around it do not compare")
    if result.unexecuted:
        warnings.append(f"{result.unexecuted} approved calls were never carried out")
    return Integrity(
        checked=True,
        sound=result.sound,
        entries=result.entries,
        heads=result.heads if result.heads_authenticated else 0,
        heads_given=result.heads_given,
        seals_checked=result.seals_checked,
        problem=result.problem,
        warnings=tuple(warnings),
    )
