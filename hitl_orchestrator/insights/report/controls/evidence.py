"""What a report shows about oversight, in sentences with figures, for the tables of controls."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights.metrics.model import INTERVALS_IN_WORDS
from hitl_orchestrator.insights.report.model import Control, Report
from hitl_orchestrator.insights.report.phrases import number, share_text
from hitl_orchestrator.insights.shares import Share, share_among

_NOT_VERIFIED = "the ledger was not verified for this report"


class Finding(NamedTuple):
    """What the report says about one control: whether it holds (None: nothing to say), the figures, and the gap."""

    holds: bool | None
    evidence: str
    gap: str | None = None


class Row(NamedTuple):
    """A control: its id in the framework, a title in our words, and how a report is read for it."""

    control_id: str
    title: str
    read: Callable[[Report], Finding] | str
    """A text is why the control lies outside of what a ledger can show."""
    gap: str | None = None


def control_of(row: Row, report: Report) -> Control:
    """Return a control with its status. A finding that holds, with a gap, is shown partly.

    A ledger that is not sound shows nothing, and one that was not verified shows nothing wholly.
    """
    if isinstance(row.read, str):
        return Control(control_id=row.control_id, title=row.title, status="outside", evidence="-", gap=row.read)
    found, of_ledger = row.read(report), None
    if report.integrity.sound is False:
        found, of_ledger = found._replace(holds=False), "the ledger is not sound, so its figures are no evidence"
    elif found.holds and not report.integrity.checked:
        of_ledger = _NOT_VERIFIED
    gap = "; ".join(dict.fromkeys(part for part in (found.gap, row.gap, of_ledger) if part is not None)) or None
    status = "not_shown" if not found.holds else "shown" if gap is None else "partly"
    return Control(control_id=row.control_id, title=row.title, status=status, evidence=found.evidence, gap=gap)


def followed(report: Report) -> Finding:
    """Read whether every decision follows its policy."""
    made = report.compliance
    violations = len(made.violations) + made.left_out
    if not made.derived:
        return Finding(None, "no decision could be derived again from its policy")
    text = f"{number(made.derived, 'decision')} derived again: {number(violations, 'violation')}"
    text += f", {made.stricter:,} treated more strictly" if made.stricter else ""
    missing = sum(made.not_derived.values())
    return Finding(violations == 0, text, f"{number(missing, 'decision')} could not be derived" if missing else None)


def reviewed(report: Report) -> Finding:
    """Read whether people decide cases."""
    metrics = report.metrics
    people = metrics.verdicts.people
    text = f"people decided {number(people, 'case')} of {metrics.cases.decided:,}; sent to a person: "
    return Finding(people > 0, text + share_text(_sent(metrics.review, metrics.escalation)), _replayed(report))


def followed_and_reviewed(report: Report) -> Finding:
    """Read whether people decide cases, and none went past them."""
    return both(followed, reviewed)(report)


def recorded(report: Report) -> Finding:
    """Read whether the ledger is complete and unaltered."""
    found = report.integrity
    if not found.checked or found.sound is None:
        return Finding(None, _NOT_VERIFIED)
    if not found.sound:
        return Finding(False, f"the ledger is not sound: {found.problem}")
    text = f"{number(found.entries, 'entry', 'entries')} in one hash chain verify"
    sealed = " under the key of the ledger" if found.seals_checked else ""
    heads = f", with {number(found.heads, 'signed head')}" if found.heads else ""
    gap = None if found.seals_checked else "without the key of the ledger, its seals were not verified"
    return Finding(True, text + sealed + heads, gap)


def recorded_decisions(report: Report) -> Finding:
    """Read whether each decision of a person is in the ledger, with the person and the content shown."""
    found, people, cases = recorded(report), report.metrics.verdicts.people, report.metrics.cases
    text = f"{number(people, 'decision')} of people: {cases.named:,} with the id of the person, "
    text += f"{cases.shown:,} with a digest of what was shown"
    nameless = (
        f"{number(people - cases.named, 'decision')} without the id of a person" if people > cases.named else None
    )
    gaps = [gap for gap in (found.gap, nameless, _replayed(report)) if gap is not None]
    holds = found.holds and (cases.named > 0 if people else None)
    return Finding(holds, f"{text}; {found.evidence}", "; ".join(gaps) or None)


def overruled(report: Report) -> Finding:
    """Read whether people overrule the agent."""
    found = report.metrics.verdicts
    text = f"{found.modify:,} modified, {found.override:,} overridden, {found.reject:,} rejected"
    against = found.modify + found.override + found.reject
    text += f" of {number(found.people, 'decision')} of people"
    return Finding(against > 0 if found.people else None, text, _replayed(report))


def logged_interventions(report: Report) -> Finding:
    """Read whether overrides and stops are in the ledger. A stop that never happened is in none."""
    found, stops = both(recorded, overruled)(report), drill(KILL_SWITCH)(report)
    gap = "; ".join(part for part in (found.gap, None if stops.holds else "no kill switch was ever used") if part)
    return Finding(found.holds, f"{found.evidence}; {stops.evidence}", gap or None)


def timed_out(report: Report) -> Finding:
    """Read whether a missed deadline never approved."""
    timeouts, overdue = report.metrics.verdicts.timeout, report.metrics.cases.overdue
    if not timeouts:
        return Finding(None, f"no case has ended by a deadline; overdue now: {overdue:,}")
    wrong = sum("its deadline passed" in violation.what for violation in report.compliance.violations)
    text = f"{number(timeouts, 'case')} ended by a deadline, {number(wrong, 'approval')} among them"
    return Finding(wrong == 0 and report.compliance.derived > 0, f"{text}; overdue now: {overdue:,}")


def by_risk(report: Report) -> Finding:
    """Read which share of each risk level goes to people."""
    groups = report.metrics.by.get("risk_level", ())
    sent = [(group.key or "no", _sent(group.review, group.escalation).share) for group in groups]
    shares = [f"{key} risk {percent(share)}" for key, share in sent if share is not None]
    if not shares:
        return Finding(None, "no case is on record")
    return Finding(True, f"sent to a person: {', '.join(shares)}", _replayed(report))


def _sent(review: Share, escalation: Share) -> Share:
    """Return the share of cases that were sent to a person, at whichever level."""
    return share_among(review.count + escalation.count, review.of)


def _replayed(report: Report) -> str | None:
    """Say how many cases are records of the past, which were not decided here."""
    replayed, decided = report.metrics.cases.replayed, report.metrics.cases.decided
    return f"{replayed:,} of {number(decided, 'case')} are replayed records of the past" if replayed else None


def monitored(report: Report) -> Finding:
    """Read whether behavior in use is measured over time."""
    metrics = report.metrics
    every = INTERVALS_IN_WORDS[metrics.every]
    first, last = metrics.period.first, metrics.period.last
    if first is None or last is None:
        return Finding(None, "no decision is on record")
    text = f"{number(metrics.cases.decided, 'decision')}, {first:%Y-%m-%d} to {last:%Y-%m-%d}, measured by the {every}"
    text += f"; overturned by people: {share_text(metrics.overturn)}"
    return Finding(metrics.cases.decided > 0 or None, text, _replayed(report))


def known_limits(report: Report) -> Finding:
    """Read whether the limits of the agent are measured."""
    fitted, bound = report.metrics.calibration, report.metrics.false_confidence
    if fitted.ece is None:
        return Finding(None, f"calibration: {fitted.why_not or 'not enough data'}")
    text = f"expected calibration error {fitted.ece:.3f} over {number(fitted.cases, 'case')}"
    text += f"; sure and overturned, from {bound.bound:g}: {share_text(bound.overturned)}"
    return Finding(True, text, _replayed(report))


def authorized(report: Report) -> Finding:
    """Read whether deciders held the role that was demanded."""
    roles = [group for group in report.metrics.by.get("human_role", ()) if group.key is not None]
    people = len({row.person for row in report.decided if row.person is not None})
    low = sum("decided it, and" in violation.what for violation in report.compliance.violations)
    if not report.metrics.verdicts.people:
        return Finding(None, "no person has decided a case")
    text = f"{number(len(roles), 'role')}, {people} people in the listed decisions; below the demanded role: {low}"
    return Finding(low == 0, text, _replayed(report))


def kept(report: Report) -> Finding:
    """Read whether logs reach back six months. A replayed decision may be older than its log."""
    oldest = report.integrity.oldest
    if oldest is None:
        return Finding(None, "the time of the oldest entry is not known")
    days = (report.generated_at - oldest).days
    text = f"the oldest entry of the ledger is of {oldest:%Y-%m-%d}, {number(days, 'day')} ago"
    if days < SIX_MONTHS:
        return Finding(None, text, "the ledger does not reach back six months yet")
    return Finding(True, text)


SIX_MONTHS = 183
KILL_SWITCH = "kill_switch"
_SHORT = {"bad": "", "watch": "not clean", "unknown": "too little to judge", "good": ""}
_LIVE_ONLY = frozenset({"planted_errors", KILL_SWITCH, "fatigue"})
"""The drills that leave out replayed cases."""


def drill(*names: str) -> Callable[[Report], Finding]:
    """Return a reader of drills: the control holds if one of them was run, and none ended badly.

    A drill that was not run, or whose result is not clean, is a gap.
    """

    def read(report: Report) -> Finding:
        found = [each for each in report.drills if each.drill_id in names]
        run = [each for each in found if each.runs]
        text = "; ".join(f"{each.name}: {each.result}" for each in found) or "no drill is on record"
        if not run:
            return Finding(False, text)
        gaps = [f"{each.name}: {'never run' if not each.runs else _SHORT[each.severity]}" for each in found]
        gaps = [gap for gap in gaps if not gap.endswith(": ")]
        replayed = None if {each.drill_id for each in run} <= _LIVE_ONLY else _replayed(report)
        holds = all(each.severity != "bad" for each in found)
        return Finding(holds, text, "; ".join([*gaps, *([replayed] if replayed else [])]) or None)

    return read


def both(*readers: Callable[[Report], Finding]) -> Callable[[Report], Finding]:
    """Return a reader for which all of several must hold."""

    def read(report: Report) -> Finding:
        found = [each(report) for each in readers]
        gaps = dict.fromkeys(each.gap for each in found if each.gap is not None)
        holds = None if any(each.holds is None for each in found) else all(each.holds for each in found)
        return Finding(holds, "; ".join(each.evidence for each in found), "; ".join(gaps) or None)

    return read


def controls_of(rows: Sequence[Row], report: Report) -> tuple[Control, ...]:
    """Return the controls of a framework beside the evidence of a report."""
    return tuple(control_of(row, report) for row in rows)
