"""How carefully each person reviews, as far as the records of outcomes can tell. Pure.

Every signal is a reason to look, and no proof: an agent may be right so often that whoever always agrees is right too.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import permutations
from math import sqrt
from statistics import NormalDist, median

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.enums import HumanDecision, QualityCheckKind
from hitl_orchestrator.domain.value import Identifier, Value, canonical_json

READING_SECONDS = 42.0
"""The seconds in which adults read 1000 characters: 238 words a minute, of six characters with the blank between them.

Brysbaert, M. (2019): How many words do we read per minute? Journal of Memory and Language 109, 104047.
"""

FAST_SECONDS = READING_SECONDS / 4
"""Whoever takes less for 1000 characters has not read them."""

PLANTED_APPROVED = 0.1
"""The share of planted errors that somebody careful may let pass."""

ALWAYS = 0.95
"""Whoever surely approves more than this may no longer look."""

WITH_PEERS = 0.5
"""Whoever surely agrees with others less than this sees something that they do not, or the other way round."""

ENOUGH_TIMED, ENOUGH_PLANTED, ENOUGH_DECIDED, ENOUGH_COMPARED = 20, 5, 50, 10
"""So many cases are needed before anything is said of somebody."""

_BOTH_TAILS = NormalDist().inv_cdf(0.975)


class Signal(StrEnum):
    """What speaks for a closer look at how somebody reviews."""

    FAST = "fast"
    APPROVES_PLANTED_ERRORS = "approves_planted_errors"
    ALWAYS_AGREES = "always_agrees"
    APART_FROM_PEERS = "apart_from_peers"


class Share(Value):
    """So many of so many, and the 95 % interval in which the true share lies. Of nothing there is no share."""

    count: int
    of: int
    share: float | None
    lowest: float | None
    highest: float | None


class ReviewerQuality(Value):
    """How one person reviewed. What is in `not_enough_data` cannot be said yet, one way or the other.

    `median_seconds` runs from their first look to their answer, `median_seconds_per_1000` against the length of what
    they were shown; both tell of the answers that settled a case, for only those are timed. `planted_approved` counts
    known-answer cases that were not to be approved, `with_agent` the approvals of ordinary cases, `with_peers` the
    answers of others to the same case, votes and second looks alike, that were the same word.
    """

    reviewer: Identifier
    cases: int
    timed: int
    median_seconds: float | None
    median_seconds_per_1000: float | None
    planted_approved: Share
    with_agent: Share
    with_peers: Share
    signals: tuple[Signal, ...] = ()
    not_enough_data: tuple[Signal, ...] = ()


def proposal_length(record: AuditRecord) -> int:
    """Return the characters of the proposal as JSON, all that a record keeps of what was shown; 0 where none is kept.

    The task was shown as well, so a pace that is measured by this alone makes nobody look faster than they are.
    """
    return 0 if record.proposed_output is None else len(canonical_json(record.proposed_output.model_dump(mode="json")))


def care(
    records: Iterable[AuditRecord], length: Callable[[AuditRecord], int] = proposal_length
) -> list[ReviewerQuality]:
    """Return how each person reviewed, by name. The records are all there are, those of quality checks among them.

    `length` says how many characters a case showed; without one it is those of the proposal.
    """
    known = {record.case_id: record for record in records}
    tallies: dict[str, _Tally] = {}
    for record in known.values():
        said_in_turn = list(_answers(record))
        answers = dict(said_in_turn)
        for person, said in answers.items():
            tallies.setdefault(person, _Tally()).add(record, said)
        if record.human_decision is not None and answers:
            settled_by, _ = said_in_turn[-1]
            tallies[settled_by].time(record, length(record))
        for (one, said), (_, others) in _compared(record, answers, known):
            tallies.setdefault(one, _Tally()).peers.append(said is others)
    return [tally.told(person) for person, tally in sorted(tallies.items())]


def share_of(answers: Iterable[bool]) -> Share:
    """Return the share of what is true, with the interval of Wilson.

    Wilson, E. B. (1927): Probable inference, the law of succession, and statistical inference. Journal of the American
    Statistical Association 22 (158), 209-212: for k of n, p = k/n, and z of the normal distribution,
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    """
    given = list(answers)
    count, of = sum(given), len(given)
    if of == 0:
        return Share(count=0, of=0, share=None, lowest=None, highest=None)
    lowest, highest = wilson(count / of, of)
    return Share(count=count, of=of, share=count / of, lowest=lowest, highest=highest)


def wilson(share: float, of: float) -> tuple[float, float]:
    """Return the interval of Wilson (see `share_of`) for a share of so many, which need not be a whole number."""
    z = _BOTH_TAILS
    middle = share + z * z / (2 * of)
    reach = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    whole = 1 + z * z / of
    # At the ends the formula meets 0 and 1 but for rounding.
    lowest, highest = max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)
    return min(lowest, share), max(highest, share)


@dataclass
class _Tally:
    """What is counted of one person."""

    cases: int = 0
    seconds: list[float] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)
    planted: list[bool] = field(default_factory=list)
    agent: list[bool] = field(default_factory=list)
    peers: list[bool] = field(default_factory=list)

    def add(self, record: AuditRecord, said: HumanDecision) -> None:
        self.cases += 1
        approved = said is HumanDecision.APPROVE
        if record.quality_check is None and record.proposed_output is not None:
            self.agent.append(approved)
        if record.quality_check is QualityCheckKind.KNOWN_ANSWER and record.quality_check_expected not in (
            None,
            HumanDecision.APPROVE,
        ):
            self.planted.append(approved)

    def time(self, record: AuditRecord, characters: int) -> None:
        if record.seconds_looked_at is not None:
            self.seconds.append(record.seconds_looked_at)
            if characters > 0:
                self.paces.append(record.seconds_looked_at * 1000 / characters)

    def told(self, reviewer: str) -> ReviewerQuality:
        pace = median(self.paces) if self.paces else None
        planted, agent, peers = share_of(self.planted), share_of(self.agent), share_of(self.peers)
        judged = (
            (Signal.FAST, len(self.paces) >= ENOUGH_TIMED, (pace or 0.0) < FAST_SECONDS),
            (Signal.APPROVES_PLANTED_ERRORS, planted.of >= ENOUGH_PLANTED, (planted.lowest or 0.0) > PLANTED_APPROVED),
            (Signal.ALWAYS_AGREES, agent.of >= ENOUGH_DECIDED, (agent.lowest or 0.0) > ALWAYS),
            (Signal.APART_FROM_PEERS, peers.of >= ENOUGH_COMPARED, (peers.highest or 0.0) < WITH_PEERS),
        )
        return ReviewerQuality(
            reviewer=reviewer,
            cases=self.cases,
            timed=len(self.seconds),
            median_seconds=median(self.seconds) if self.seconds else None,
            median_seconds_per_1000=pace,
            planted_approved=planted,
            with_agent=agent,
            with_peers=peers,
            signals=tuple(signal for signal, enough, shown in judged if enough and shown),
            not_enough_data=tuple(signal for signal, enough, _ in judged if not enough),
        )


_Answer = tuple[str, HumanDecision]


def _answers(record: AuditRecord) -> Iterator[_Answer]:
    """Yield who answered what, in order, under the name of the person. To pass a case up is no answer."""
    given = [(vote.person or vote.reviewer_id, vote.human_decision) for vote in record.votes]
    if not given and record.human_decision is not None:
        given = [(record.reviewer_id, record.human_decision)]
    yield from ((person, said) for person, said in given if person is not None and said.final is not None)


def _compared(
    record: AuditRecord, answers: dict[str, HumanDecision], known: dict[str, AuditRecord]
) -> Iterator[tuple[_Answer, _Answer]]:
    """Yield each answer beside each other person's to the same case, from both sides."""
    yield from permutations(answers.items(), 2)
    first = known.get(record.quality_check_of or "") if record.quality_check is QualityCheckKind.SECOND_REVIEW else None
    for one in answers.items():
        for other in dict(_answers(first)).items() if first else ():
            if one[0] != other[0]:
                yield from ((one, other), (other, one))
