"""The first screen: the alarms, the signal line, the judgments, and what changed."""

from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights.metrics.model import Period
from hitl_orchestrator.insights.report.model import (
    Change,
    Compliance,
    Criterion,
    Integrity,
    Judgment,
    Report,
    Severity,
    SignalLine,
)
from hitl_orchestrator.insights.report.phrases import derived_text
from hitl_orchestrator.insights.report.rendering.blocks import Card, Front, Item, Items, Rule, Tile, Tone
from hitl_orchestrator.insights.report.rendering.cells import DASH, day, moment, plural, sentence, whole


def front(report: Report) -> Front:
    """Return the first screen of a report."""
    certain = [change for change in report.changes if change.is_certain]
    return Front(
        store=report.store,
        period=period_text(report.metrics.period),
        made=f"Made {moment(report.generated_at)} UTC by hitl-orchestrator {report.software_version}",
        alarms=tuple(map(sentence, report.alarms)),
        signal=report.signal.text,
        tiles=_tiles(report.signal),
        cards=(
            _judgment("Governance verdict", report.verdict),
            _judgment("Health", report.health),
            integrity_card(report.integrity),
            compliance_card(report.compliance, report.integrity),
        ),
        changes=Items(tuple(map(_change, certain))) if certain else None,
        uncertain=tuple(change.sentence for change in report.changes if change.is_known and not change.is_certain),
        too_few=_too_few(report.changes),
        where_safe=sentence(f"Where automation is safe: {report.where_safe}"),
        no_changes=_no_changes(report),
        compared=sentence(report.comparison) if report.comparison else "",
    )


def period_text(period: Period) -> str:
    """Return the period in words: as it was asked for, or else as the decisions have it."""
    if period.since is None and period.until is None:
        if period.first is None or period.last is None:
            return "All time; no decisions yet"
        first, last = day(period.first), day(period.last)
        return f"All decisions, of {first}" if first == last else f"All decisions, {first} to {last}"
    start = "the first decision" if period.since is None else moment(period.since)
    end = "until now" if period.until is None else f"to {moment(period.until)}"
    return f"Decisions from {start} {end} (UTC)"


def _tiles(signal: SignalLine) -> tuple[Tile, ...]:
    automated = DASH if signal.automated is None else percent(signal.automated)
    with_open = "" if signal.automated_of_all is None else f", {percent(signal.automated_of_all)} with open cases"
    return (
        Tile("decisions", whole(signal.decisions)),
        Tile(f"automated{with_open}", automated),
        Tile("reviews", whole(signal.reviews)),
        Tile("escalations", whole(signal.escalations)),
        Tile("overrides", whole(signal.overrides)),
    )


def _judgment(title: str, judgment: Judgment) -> Card:
    rules = tuple(Rule(rule.demands, rule.measured, _tone(rule)) for rule in judgment.criteria)
    return Card(title, judgment.word, judgment.severity, judgment.because, rules)


def _tone(criterion: Criterion) -> Severity:
    return "unknown" if criterion.holds is None else "good" if criterion.holds else "bad"


def integrity_card(integrity: Integrity) -> Card:
    """Return the verification of the audit trail as a card."""
    size = f"{plural(integrity.entries, 'entry', 'entries')}, {plural(integrity.heads, 'signed tree head')}"
    title = "Audit trail"
    if not integrity.checked:
        return Card(title, "not verified", "unknown", "The verification was left out when this report was made.")
    if integrity.sound is None:
        return Card(title, "not verified", "unknown", integrity.problem or "The ledger could not be verified.")
    if not integrity.sound or integrity.problem:
        return Card(title, "not sound", "bad", integrity.problem or "The verification of the ledger failed.")
    if not integrity.seals_checked:
        return Card(title, "partly verified", "watch", f"{size}: the chain is whole; the seals were not checked.")
    return Card(title, "verified", "good", f"{size}: complete, unchanged, and sealed.")


def compliance_card(compliance: Compliance, integrity: Integrity) -> Card:
    """Return the result of deriving every decision again as a card. A ledger that is not sound proves none right."""
    is_sound = integrity.sound is not False
    title, broken = "Policy compliance", len(compliance.violations) + compliance.left_out
    lacking = sum(compliance.not_derived.values())
    missing = f" {plural(lacking, 'case')} could not be derived." if lacking else ""
    if compliance.replayed:
        records = plural(compliance.replayed, "record")
        missing += (
            f" Counted apart: {records} of other systems, compared with the policy under which they were recorded."
        )
    compared = compliance.derived + compliance.replayed
    if not is_sound and not broken and compared:
        text = f"None was found in {plural(compared, 'decision')}, but the ledger they are in is not sound."
        return Card(title, "not conclusive", "unknown", f"{text}{missing}")
    if broken:
        text = f"of {plural(compared, 'decision')} derived again from policy and facts.{missing}"
        return Card(title, plural(broken, "violation"), "bad", text)
    if not compliance.derived:
        return Card(title, "not derived", "unknown", f"No live decision was derived again from its policy.{missing}")
    derived = derived_text(compliance.derived, compliance.own, "live decision")
    text = f"{derived} derived again from policy and facts.{missing}"
    return Card(title, "no violations", "watch" if lacking else "good", text)


def tone_of(severity: Severity) -> Tone:
    """Return the tone of a sentence that the data support."""
    return "note" if severity == "unknown" else severity


def _change(change: Change) -> Item:
    return Item(change.sentence, tone_of(change.severity))


def _too_few(changes: tuple[Change, ...]) -> str:
    unknown = [change.title for change in changes if not change.is_known]
    return f"Not enough data to compare: {', '.join(unknown)}." if unknown else ""


def _no_changes(report: Report) -> str:
    if report.previous is None:
        return "There is no earlier period to compare with."
    return "No metric is certainly different from the period before."
