"""How the cases of a canary ended, beside all others of its time."""

from collections.abc import Iterator

from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import count, local_minute
from hitl_orchestrator.domain.enums import PolicyChange
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.numbers import percent, percent_interval, plain_number
from hitl_orchestrator.insights import CanaryPart, CanaryReport, Difference, Share
from hitl_orchestrator.orchestrator import PolicyHistory

_COLUMNS = (
    Column(""),
    Column("canary", right=True),
    Column("the rest", right=True),
    Column("points", right=True),
)
_JUDGED = {
    "automatic": "went ahead alone",
    "overturned": "changed by a person",
    "checks_overturned": "spot checks failed",
}
"""The shares of which a difference is reported: of all cases, of decided ones, and of checked ones."""


def report(found: CanaryReport | None, status: PolicyHistory) -> Iterator[Block]:
    """Report on the latest canary."""
    if found is None:
        waiting = [each for each in status.pending.values() if each.change is PolicyChange.CANARY]
        for each in waiting:
            yield Line(f"The canary {status.name(each.policy_hash)} waits for another reviewer: case {each.case_id}.")
        if not waiting:
            yield Line("There was no canary; 'hitl policy canary FILE --share 0.1' starts one.")
        return
    ended = "now" if found.until is None else local_minute(found.until)
    share = plain_number(found.share)
    yield Line(f"canary {status.name(found.policy_hash)} on a share of {share}", "bold")
    yield Line(f"from {local_minute(found.since)} until {ended}", "dim")
    yield Line()
    yield Table(_COLUMNS, list(_rows(found)))
    yield Line("Shares and differences, in points, with their 95 % intervals.", "dim")
    yield Line()
    for sentence in verdicts(found):
        yield Line(sentence)


def verdicts(found: CanaryReport) -> Iterator[str]:
    """Yield one sentence for each difference that is more than chance, or one that none is."""
    sure = [name for name in _JUDGED if _is_sure(found.differences[name])]
    for name in sure:
        ours, theirs = (percent(getattr(part, name).share or 0) for part in (found.canary, found.rest))
        words = _JUDGED[name]
        yield f"More than chance: {words}, {ours} in the canary and {theirs} in the rest."
    if not sure:
        cases = count(found.canary.cases, "case")
        yield f"No difference beyond chance between {cases} of the canary and {found.rest.cases} others."


def _is_sure(difference: Difference) -> bool:
    lowest, highest = difference.lowest, difference.highest
    return lowest is not None and highest is not None and not lowest <= 0 <= highest


def _rows(found: CanaryReport) -> Iterator[tuple[Cell, ...]]:
    canary, rest = found.canary, found.rest
    yield _row("cases", str(canary.cases), str(rest.cases))
    for name, number in canary.endings.items():
        if name != "automatic" and (number or rest.endings[name]):
            yield _row(
                "still open" if name == "open" else name.replace("_", " "),
                _of(number, canary),
                _of(rest.endings[name], rest),
                found.differences[name],
            )
    for name, words in _JUDGED.items():
        ours, theirs = getattr(canary, name), getattr(rest, name)
        yield _row(words, _share(ours), _share(theirs), found.differences[name])
    yield _row("half decided within", _wait(canary.median_seconds), _wait(rest.median_seconds))
    yield _row("90 % within", _wait(canary.p90_seconds), _wait(rest.p90_seconds))


def _row(words: str, ours: str, theirs: str, difference: Difference | None = None) -> tuple[Cell, ...]:
    style = "bold" if difference is not None and _is_sure(difference) else ""
    between = "" if difference is None else _points(difference)
    return Cell(words), Cell(ours), Cell(theirs), Cell(between, style)


def _of(number: int, part: CanaryPart) -> str:
    return f"{number} ({percent(number / part.cases)})" if part.cases else "0"


def _share(share: Share) -> str:
    if share.share is None or share.lowest is None or share.highest is None:
        return "-"
    return f"{share.count}/{share.of} {percent_interval(share.lowest, share.highest)}"


def _points(difference: Difference) -> str:
    """Return a difference in percentage points, with its interval."""
    if difference.difference is None or difference.lowest is None or difference.highest is None:
        return "-"
    return f"{_signed(difference.difference)} [{_signed(difference.lowest)}, {_signed(difference.highest)}]"


def _signed(share: float) -> str:
    return f"{100 * share:+.0f}"


def _wait(seconds: float | None) -> str:
    return "-" if seconds is None else duration_text(seconds)
