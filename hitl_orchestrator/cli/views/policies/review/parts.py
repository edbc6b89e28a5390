"""The review of a policy: its parts, each with a verdict, and the summary for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from hitl_orchestrator.backtest import Backtest
from hitl_orchestrator.cli.output.blocks import Block, Line, inline
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.views.policies import backtest, differences, findings
from hitl_orchestrator.cli.views.policies import tests as tests_view
from hitl_orchestrator.cli.views.policies.overview import document as words_view
from hitl_orchestrator.cli.views.policies.overview import map as map_view
from hitl_orchestrator.cli.views.policies.tests import FileResult
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.policies import (
    CheckReport,
    Direction,
    Document,
    Policy,
    PolicyComparison,
    PolicyMap,
    Severity,
    policy_hash,
    svg,
)

Tone = Literal["good", "watch", "bad", "unknown"]
_STYLE: dict[Tone, str] = {"good": "green", "watch": "yellow", "bad": "red", "unknown": "dim"}
_WORD: dict[Tone, str] = {"good": "ok", "watch": "see", "bad": "NO", "unknown": "-"}


class Reviewed(NamedTuple):
    """A policy, and what was found out about it. `backtest` is a text where there is none, which says why."""

    policy: Policy
    old: Policy | None
    report: CheckReport
    comparison: PolicyComparison | None
    backtest: Backtest | str
    tests: Sequence[FileResult]
    drawn: PolicyMap
    words: Document


class Part(NamedTuple):
    """A part of the document: its verdict in a sentence, and its contents. `picture` is an SVG of them."""

    title: str
    tone: Tone
    verdict: str
    blocks: tuple[Block, ...]
    picture: str = ""


def parts(found: Reviewed) -> list[Part]:
    """Return the parts of a review, in the order in which an approver reads them."""
    return [_difference(found), _check(found), _tests(found), _past(found), _words(found), _map(found)]


def plain(found: Reviewed, made: Sequence[Part], out: str | None) -> dict[str, Any]:
    """Return the verdicts, and the figures behind them, for machines."""
    return {
        "policy_id": found.policy.policy_id,
        "policy_hash": policy_hash(found.policy),
        "against": None if found.old is None else policy_hash(found.old),
        "verdicts": [{"about": part.title, "tone": part.tone, "verdict": part.verdict} for part in made],
        "findings": [finding.model_dump(mode="json") for finding in found.report.findings],
        "differences": [differences.plain(each) for each in (found.comparison.differences if found.comparison else ())],
        "backtest": None if isinstance(found.backtest, str) else found.backtest.model_dump(mode="json"),
        "file": out,
    }


def summary(found: Reviewed, made: Sequence[Part], out: str | None) -> Iterator[Block]:
    """Show the verdicts, then the difference and what the check found; the rest is in the document."""
    yield Line(f"Review of {inline(found.policy.policy_id)} ({policy_hash(found.policy)[:12]})", "bold")
    for part in made:
        yield Line(f"{_WORD[part.tone]:<5}{part.title}: {part.verdict}", _STYLE[part.tone])
    for part in made[:3]:
        if part.tone in {"watch", "bad"}:
            yield Line()
            yield from part.blocks
    yield Line()
    if out is None:
        yield Line("--out FILE.html writes all of it as one document for the approver.", "dim")
    else:
        yield Line(f"The whole document is in {out}.")


def _difference(found: Reviewed) -> Part:
    title = "Difference"
    if found.comparison is None or found.old is None:
        return Part(title, "unknown", "there is no policy in force to compare with", ())
    blocks = tuple(differences.differences(found.old, found.policy, found.comparison))
    against = f"{inline(found.old.policy_id)} ({policy_hash(found.old)[:12]})"
    numbers = {way: sum(1 for each in found.comparison.differences if each.direction is way) for way in Direction}
    if found.comparison.may_loosen:
        unchecked = len(found.comparison.unchecked)
        more = f", and {count(unchecked, 'part')} could not be compared" if unchecked else ""
        kinds = count(numbers[Direction.LOOSER], "kind")
        return Part(title, "bad", f"looser than {against} in {kinds} of cases{more}: a second person decides", blocks)
    if not found.comparison.differences:
        return Part(title, "good", f"decides every case as {against} does", blocks)
    stricter = count(numbers[Direction.STRICTER], "kind")
    return Part(title, "good", f"nowhere looser than {against}, stricter in {stricter} of cases", blocks)


def _check(found: Reviewed) -> Part:
    line = findings.summary(found.policy, found.report)
    worst: Tone = "bad" if found.report.count(Severity.ERROR) else "good"
    if worst == "good" and found.report.count(Severity.WARNING):
        worst = "watch"
    return Part("Check", worst, line.text, tuple(findings.findings(found.policy, found.report, None, None)))


def _tests(found: Reviewed) -> Part:
    number = sum(len(file.results) for file in found.tests)
    if not number:
        return Part("Tests", "watch", "there is no table of tests beside the policy", ())
    failed = sum(len(file.failed) for file in found.tests)
    verdict = f"{failed} of {count(number, 'test')} failed" if failed else f"{count(number, 'test')} passed"
    blocks = tuple(tests_view.report(found.tests, [], None, 0.0))
    return Part("Tests", "bad" if failed else "good", verdict, blocks)


def _past(found: Reviewed) -> Part:
    past = found.backtest
    if isinstance(past, str):
        return Part("Past cases", "unknown", f"not tried, {past}", ())
    verdict = (
        f"of {count(past.cases, 'past case')} {past.flipped} would be routed differently, {past.looser} looser; "
        f"{percent(past.automated_before, 1)} went ahead, {percent(past.automated_after, 1)} would"
    )
    return Part("Past cases", "watch" if past.looser else "good", verdict, tuple(backtest.report(past, None)))


def _words(found: Reviewed) -> Part:
    rules = [rule for _, part in found.policy.parts for rule in part.rules]
    ahead = sum(rule.action is Action.AUTO_APPROVE for rule in rules)
    verdict = f"{count(ahead, 'rule')} of {len(rules)} let cases go ahead without a person"
    return Part("In plain words", "good", verdict, tuple(words_view.terminal(found.words)))


def _map(found: Reviewed) -> Part:
    blocks = tuple(map_view.terminal(found.drawn))
    return Part("Map", "good", found.drawn.summary.rstrip("."), blocks, svg(found.drawn))
