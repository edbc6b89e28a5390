"""The governance verdict: whether the records prove that people and policies decided as they should."""

from typing import NamedTuple

from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights.metrics.model import Metrics
from hitl_orchestrator.insights.report.judgments.rules import Rule, Settled, judged
from hitl_orchestrator.insights.report.model import Compliance, Criterion, Integrity, Judgment
from hitl_orchestrator.insights.report.phrases import derived_text, listed, number

SOUND, OPEN_POINTS, NOT_SOUND, NOT_VERIFIED, NO_DECISIONS = (
    "sound",
    "open points",
    "not sound",
    "not verified",
    "no decisions",
)
"""The words of the verdict."""

DAYS_FOR_A_CHECK = 7
"""The days in which a spot check should be answered."""


_ALL_REPLAYED = "The records are unchanged since they were recorded here; who decided was not checked here."
_NO_LIVE = "no live case went ahead with a person"


class Duties(NamedTuple):
    """The case ids in which a duty of people was not met.

    `without_person`: a person was required, and none is recorded. `own`: the submitter decided. `late_checks` is the
    number of spot checks without an answer after `DAYS_FOR_A_CHECK`, of `drawn` ones. In `known` of the cases that a
    named person decided, `by_people`, the submitter is known.
    """

    without_person: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    reviewed: int = 0
    late_checks: int = 0
    drawn: int = 0
    by_people: int = 0
    known: int = 0


def judge_governance(
    metrics: Metrics, integrity: Integrity, compliance: Compliance, duties: Duties, scrubs_due: int = 0
) -> Judgment:
    """Return the verdict on the records, with its rules, the gravest first."""
    rules = [
        _ledger(integrity),
        _rows(metrics),
        _compliance(compliance, metrics.cases.decided),
        _automatic(compliance),
        _people(duties),
        _own(duties),
        _seals(integrity),
        _heads(integrity),
        _checks(duties),
        _deadlines(metrics),
        _erasures(scrubs_due),
    ]
    replayed, decided = metrics.cases.replayed, metrics.cases.decided
    if integrity.sound is False:
        rules = [rule.without_proof() for rule in rules]
    good = Settled("good", SOUND, _all_good(integrity, compliance))
    if replayed and replayed >= decided:
        good = good._replace(because=_ALL_REPLAYED)
    judgment = judged(rules, good)
    if not replayed:
        return judgment
    return judgment.model_copy(update={"because": f"{judgment.because} {_replayed(replayed, decided)}"})


def _replayed(replayed: int, decided: int) -> str:
    """Say how many decisions are records of another system."""
    if replayed >= decided:
        return f"All {number(decided, 'decision')} are replayed from records of another system."
    part = f"{replayed:,} of {number(decided, 'decision')} ({percent(replayed / decided)})"
    return f"{part} are replayed: who decided them was not checked here."


def _all_good(integrity: Integrity, compliance: Compliance) -> str:
    return (
        f"The ledger verifies ({number(integrity.entries, 'entry', 'entries')}), and every decision that can be "
        f"derived again follows its policy: {derived_text(compliance.derived, compliance.own)}."
    )


def _ledger(integrity: Integrity) -> Rule:
    entries = number(integrity.entries, "entry", "entries")
    left_out = next(iter(integrity.warnings), "it was left out on demand")
    problem = (integrity.problem or "").rstrip(".")
    left_out = left_out.removeprefix("the ledger was not verified, ").rstrip(".")
    not_verified = f"The ledger was not verified: {left_out}."
    return Rule(
        Criterion(
            criterion_id="ledger_verifies",
            demands="The ledger verifies: no entry and no row was altered, removed or added.",
            measured=problem or (f"{entries} verified" if integrity.checked else "not checked"),
            holds=integrity.sound if integrity.checked else None,
        ),
        Settled("bad", NOT_SOUND, f"The ledger does not verify: {problem}."),
        Settled("unknown", NOT_VERIFIED, not_verified),
    )


def _rows(metrics: Metrics) -> Rule:
    rows = number(metrics.cases.unreadable, "row")
    return Rule(
        Criterion(
            criterion_id="rows_readable",
            demands="Every record can be read.",
            measured=f"{rows} cannot be read" if metrics.cases.unreadable else "all",
            holds=metrics.cases.unreadable == 0,
        ),
        Settled("bad", NOT_SOUND, f"{rows} cannot be read, and the figures leave them out."),
    )


def _compliance(compliance: Compliance, decided: int) -> Rule:
    violations = len(compliance.violations) + compliance.left_out
    derived = derived_text(compliance.derived, compliance.own)
    skipped = sum(compliance.not_derived.values())
    apart = f"; {number(skipped, 'decision')} cannot be derived" if skipped else ""
    ids = ", ".join(each.case_id for each in compliance.violations[:2])
    unknown = Settled("unknown", NOT_VERIFIED, "No decision could be derived again from its policy.")
    nothing = Settled("unknown", NO_DECISIONS, "There is no decision yet.")
    if compliance.replayed:
        apart += (
            f"; {number(compliance.replayed, 'replayed record')} compared with the policy under which they were "
            "recorded here"
        )
    return Rule(
        Criterion(
            criterion_id="policy_followed",
            demands="Every decision, derived again from its policy and its facts, was treated as strictly or more.",
            measured=f"{derived} derived, {number(violations, 'violation')}, {compliance.stricter:,} stricter{apart}",
            holds=False if violations else True if compliance.derived else None,
        ),
        Settled(
            "bad",
            NOT_SOUND,
            f"{number(violations, 'decision')} of {compliance.derived + compliance.replayed:,} had less oversight than "
            f"the policy demands, such as {ids}.",
        ),
        nothing if not decided else unknown if compliance.not_derived or not compliance.replayed else None,
    )


def _automatic(compliance: Compliance) -> Rule:
    missing = compliance.automatic_not_derived
    return Rule(
        Criterion(
            criterion_id="automatic_derived",
            demands="Every automatic decision can be derived again.",
            measured=f"{number(missing, 'decision')} cannot" if missing else "all of them",
            holds=missing == 0 if missing or compliance.derived else None,
        ),
        Settled("watch", OPEN_POINTS, f"{number(missing, 'automatic decision')} cannot be derived from their policy."),
    )


def _people(duties: Duties) -> Rule:
    missing = len(duties.without_person)
    return Rule(
        Criterion(
            criterion_id="person_decided",
            demands="Every case that a person had to decide has its person.",
            measured=f"{duties.reviewed - missing:,} of {duties.reviewed:,}" if duties.reviewed else _NO_LIVE,
            holds=missing == 0 if duties.reviewed else None,
        ),
        Settled(
            "bad",
            NOT_SOUND,
            f"{number(missing, 'case')} went ahead without the person that the rule demands: "
            f"{listed(list(duties.without_person), 2)}.",
        ),
    )


def _own(duties: Duties) -> Rule:
    own, known, of = len(duties.own), duties.known, duties.by_people
    return Rule(
        Criterion(
            criterion_id="separate_duties",
            demands="No one decided a case that they submitted.",
            measured=f"{number(own, 'case')}; the submitter is known in {known:,} of {of:,}" if of else _NO_LIVE,
            holds=False if own else True if of and known == of else None,
        ),
        Settled("bad", NOT_SOUND, f"{number(own, 'case')} decided by the submitter: {listed(list(duties.own), 2)}."),
    )


def _seals(integrity: Integrity) -> Rule:
    why = "There was no key to check the seals with: a complete rewrite by others would not be noticed."
    return Rule(
        Criterion(
            criterion_id="seals_checked",
            demands="The seals show that this store alone wrote the entries.",
            measured=_how_far(integrity),
            holds=None if not integrity.checked or integrity.sound is False else integrity.seals_checked,
        ),
        Settled("watch", OPEN_POINTS, why),
    )


def _heads(integrity: Integrity) -> Rule:
    lost = "a return to an earlier state" if integrity.seals_checked else "a complete rewrite"
    why = f"There was no signed head to compare the ledger with: {lost} would not be noticed."
    return Rule(
        Criterion(
            criterion_id="heads_compared",
            demands="The ledger holds all that its signed heads state: no entry at its end was removed.",
            measured=_heads_compared(integrity),
            holds=None if not integrity.checked or integrity.sound is False else integrity.heads > 0,
        ),
        Settled("watch", OPEN_POINTS, why),
    )


def _heads_compared(integrity: Integrity) -> str:
    if not integrity.checked or integrity.sound is False:
        return "not compared"
    return number(integrity.heads, "signed head") if integrity.heads else "no signed head"


def _how_far(integrity: Integrity) -> str:
    if not integrity.seals_checked:
        return "not checked"
    return "checked" if integrity.sound else f"checked up to entry {integrity.entries:,}"


def _checks(duties: Duties) -> Rule:
    late = number(duties.late_checks, "spot check")
    return Rule(
        Criterion(
            criterion_id="checks_answered",
            demands=f"Spot checks are answered within {DAYS_FOR_A_CHECK} days.",
            measured=f"{duties.late_checks:,} of {duties.drawn:,} late" if duties.drawn else "none was drawn",
            holds=duties.late_checks == 0 if duties.drawn else None,
        ),
        Settled("watch", OPEN_POINTS, f"{late} waited longer than {DAYS_FOR_A_CHECK} days for an answer."),
    )


def _deadlines(metrics: Metrics) -> Rule:
    overdue, waiting = metrics.cases.overdue, metrics.cases.open
    return Rule(
        Criterion(
            criterion_id="none_overdue",
            demands="No open review is past its deadline.",
            measured=f"{overdue:,} of {waiting:,} open" if waiting else "none is open",
            holds=overdue == 0,
        ),
        Settled("watch", OPEN_POINTS, f"{overdue:,} of {number(waiting, 'open review')} are past their deadline."),
    )


def _erasures(scrubs_due: int) -> Rule:
    return Rule(
        Criterion(
            criterion_id="erased",
            demands="No copies of erased texts remain in the database.",
            measured=f"{number(scrubs_due, 'redacted case')} with copies" if scrubs_due else "none known",
            holds=scrubs_due == 0,
        ),
        Settled(
            "watch",
            OPEN_POINTS,
            f"The database may still hold copies of the texts of {number(scrubs_due, 'redacted case')}.",
        ),
    )
