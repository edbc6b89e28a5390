"""What the data say, what to do about it, and what is new."""

from hitl_orchestrator.insights.report.model import Finding, NextStep, Novelty, Report
from hitl_orchestrator.insights.report.rendering.blocks import Block, Item, Items, Paragraph, Section, Terms
from hitl_orchestrator.insights.report.rendering.cells import moment, some, words
from hitl_orchestrator.insights.report.rendering.content.front import tone_of


def findings(report: Report) -> tuple[Section, ...]:
    """Return the findings with their next steps, and what is new."""
    steps: dict[str, list[NextStep]] = {}
    for step in report.next_steps:
        steps.setdefault(step.finding_id, []).append(step)
    listed = [item for finding in report.findings for item in _finding(finding, steps.pop(finding.finding_id, []))]
    listed += [_step(step) for others in steps.values() for step in others]
    blocks: tuple[Block, ...] = (Items(tuple(listed)),) if listed else (Paragraph(_NOTHING),)
    return Section("findings", "Findings and next steps", blocks), _novelty(report.novelty)


def _finding(finding: Finding, steps: list[NextStep]) -> list[Item]:
    first = steps[0] if steps else None
    item = Item(
        finding.sentence,
        tone_of(finding.severity),
        evidence=finding.evidence,
        step=first.sentence if first else "",
        command=(first.command or "") if first else "",
    )
    return [item, *map(_step, steps[1:])]


def _step(step: NextStep) -> Item:
    return Item("", step=step.sentence, command=step.command or "")


def _novelty(novelty: Novelty) -> Section:
    since = f" since {moment(novelty.since)} UTC" if novelty.since else ""
    new = tuple((words(kind).capitalize(), some(names)) for kind, names in novelty.new.items() if names)
    blocks: list[Block] = []
    if new:
        blocks += [Paragraph(f"Seen for the first time{since}:"), Terms(new)]
    else:
        blocks.append(Paragraph(f"Nothing appeared for the first time{since}."))
    blocks.append(Items(tuple(_unstaffed(domain) for domain in novelty.unstaffed_domains)))
    blocks.append(Items(tuple(Item(forecast, label="forecast") for forecast in novelty.forecasts)))
    if not novelty.forecasts:
        blocks.append(Paragraph("Where it leads: no trend is certain enough to be drawn on.", muted=True))
    kept = tuple(block for block in blocks if not isinstance(block, Items) or block.entries)
    return Section("new", "What is new, and where it leads", kept)


def _unstaffed(domain: str) -> Item:
    return Item(f"The domain {domain} has cases, and no reviewer is assigned to it.", "bad")


_NOTHING = "The data support no finding: too little was decided, or nothing stands out."
