"""Cases that no rule matches, which the fallback sends to a person."""

from collections.abc import Iterator, Mapping
from typing import Any

from hitl_orchestrator.policies.analysis.checks.brevity import decided_by, is_long, widened
from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis, finding_about
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram
from hitl_orchestrator.policies.analysis.describe import EVERY_CASE, describe
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.regions import intersection, merged
from hitl_orchestrator.policies.engine.axes.confidence import FIRST_CONFIDENCE
from hitl_orchestrator.policies.engine.axes.domain_and_type import WordAxis
from hitl_orchestrator.policies.engine.partition import Region
from hitl_orchestrator.policies.language.vocabulary import OWN_WORDS

_MOST_GAPS = 3
_MOST_REGIONS, _MOST_WIDENED = 2_000, 100
_FALLBACK = "the fallback sends such cases to a person"


def gaps(diagram: Diagram[int]) -> list[Region] | None:
    """Return the regions in which no rule matches; None where there are too many to list.

    They leave out the questions that the system asks itself, which a person decides whatever the policy says.
    """
    uncovered = []
    own = {
        index: axis.mask(word for word in OWN_WORDS[axis.field] if word in axis.words)
        for index, axis in enumerate(diagram.space.axes)
        if isinstance(axis, WordAxis) and axis.is_closed
    }
    for labeled in diagram.regions(FALLBACK_INDEX.__eq__):
        region = _without(labeled.region, own, diagram)
        if not all(region):
            continue
        uncovered.append(region)
        if len(uncovered) > _MOST_REGIONS:
            return None
    return merged(uncovered)


def _without(region: Region, own: Mapping[int, int], diagram: Diagram[int]) -> Region:
    """Return a region without some steps of some axes; an axis of which it has every step stays as it is."""
    full = diagram.space.full
    return tuple(
        mask if index not in own or mask == full[index] else mask & ~own[index] for index, mask in enumerate(region)
    )


def gap_findings(layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield the cases of the organization that no rule matches."""
    if layer.silent or layer.diagram is None:
        return
    if not layer.rules:
        yield _gap("the policy has no rules: a person decides every case")
        return
    uncovered = gaps(layer.diagram)
    if uncovered is None:
        labeled = layer.diagram.example(FALLBACK_INDEX.__eq__)
        sentence = "no rule matches very many kinds of cases: a person decides them, by the fallback"
        yield _gap(sentence, *(() if labeled is None else (layer.sample(labeled.region),)))
        return
    confidence = layer.space.confidence
    confident, short = _short([region for region in uncovered if region[confidence] >> FIRST_CONFIDENCE], layer)
    unless = "unless a rule for reviewers matches, " if short else ""
    for region in confident[:_MOST_GAPS]:
        yield _gap(f"no rule matches {_any(region, layer)}: {unless}{_FALLBACK}", _sample(region, layer))
    if len(confident) > _MOST_GAPS:
        more = len(confident) - _MOST_GAPS
        kinds = "one more kind of case" if more == 1 else f"{more:,} more kinds of cases"
        yield _gap(
            f"no rule matches {kinds}: the fallback sends them to a person too", _sample(confident[_MOST_GAPS], layer)
        )
    missing = [region for region in uncovered if not region[confidence] >> FIRST_CONFIDENCE]
    if missing:
        few = len(missing) == 1 and not is_long(missing[0], layer)
        where = _any(missing[0], layer) if few else "some cases without a confidence"
        yield _gap(f"no rule matches {where}: {_FALLBACK}", layer.sample(missing[0]))


def _short(uncovered: list[Region], layer: LayerAnalysis) -> tuple[list[Region], bool]:
    """Return fewer, wider regions where the description of one would be long, and whether they are such."""
    if len(uncovered) > _MOST_WIDENED or not any(is_long(region, layer) for region in uncovered[:_MOST_GAPS]):
        return uncovered, False
    permits = decided_by(FALLBACK_INDEX, layer)
    wide = merged(widened([(region, permits)], layer)[0] for region in uncovered)
    left = [one for one in wide if not any(one != other and intersection(one, other) == one for other in wide)]
    return left, True


def _sample(region: Region, layer: LayerAnalysis) -> dict[str, Any]:
    labeled = None if layer.diagram is None else layer.diagram.example(FALLBACK_INDEX.__eq__, region)
    return layer.sample(region if labeled is None else labeled.region)


def _any(region: Region, layer: LayerAnalysis) -> str:
    """Describe a region after a negation: `no rule matches every case` would mean that a rule matches some."""
    phrase = describe(region, layer.space)
    return f"any case{phrase.removeprefix(EVERY_CASE)}" if phrase.startswith(EVERY_CASE) else phrase


def _gap(sentence: str, *examples: dict[str, Any]) -> Finding:
    return finding_about(Severity.NOTE, FindingKind.GAP, sentence, None, *examples)
