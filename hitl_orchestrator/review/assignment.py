"""Who gets a review, and which review somebody gets. Pure: people, loads and reviews in, an answer out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import ReviewStatus
from hitl_orchestrator.domain.review import Reviewer, StoredReview
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.working_time import is_away, is_there

USUAL_LIMIT = 10
"""What the load of somebody without a limit of open claims is measured by."""

_NAMED = 5


class Candidate(NamedTuple):
    """An account that work may be given to: how many reviews its person holds and was given lately, and their skill.

    The numbers are the human being's, under all their accounts.
    """

    reviewer: Reviewer
    open_claims: int = 0
    given_lately: int = 0
    skill: float = 1.0

    @property
    def load(self) -> float:
        """How full their hands are, measured by their own limit."""
        return self.open_claims / (self.reviewer.max_open_claims or USUAL_LIMIT)


class Asked(NamedTuple):
    """A review for which somebody is sought. `barred` are the persons who may not decide it, each with why."""

    case_id: str
    role: str
    domain: str
    barred: Mapping[str, str] = {}


class Given(NamedTuple):
    """Who gets it, and in which role they are asked. `why` tells how it came up the chain; empty where it did not."""

    reviewer: Reviewer
    role: str
    why: str = ""


class Nobody(NamedTuple):
    """There is nobody to give it to. Where it `waits`, somebody may decide it, and is busy or off for now."""

    role: str
    waits: bool
    why: str


def holds(reviewer: Reviewer, role: str, domain: str) -> bool:
    """Whether somebody has this very role in this domain."""
    return role in reviewer.roles and ("*" in reviewer.domains or domain in reviewer.domains)


def qualified(
    people: Iterable[Reviewer], role: str, domain: str, *, barred: Collection[str] = (), at: datetime
) -> list[Reviewer]:
    """Return who has this role in this domain, is not barred as a human being, and is not away at this time."""
    return [one for one in people if holds(one, role, domain) and one.human not in barred and not is_away(one, at)]


def push(asked: Asked, candidates: Sequence[Candidate], people: People, at: datetime) -> Given | Nobody:
    """Give a review to the least loaded qualified person who is there; the team that owns the domain comes first.

    That is: of the fewest open claims, measured by their limit; then who was given least lately; then the more
    skilled; and of all alike another one for each case. Where nobody with a role may ever decide it, the role above
    is asked; where somebody may, and only is not there or has their hands full, it waits for them.
    """
    return _up_the_chain(asked, candidates, people, at, previous=None)


def sticky(
    previous: str | None, asked: Asked, candidates: Sequence[Candidate], people: People, at: datetime
) -> Given | Nobody:
    """Give a review to the person who had the same customer before, if they may, and are free; else as `push`."""
    return _up_the_chain(asked, candidates, people, at, previous=previous and people.human(previous))


def ranked(
    rows: Iterable[StoredReview],
    reviewer: Reviewer,
    people: People,
    *,
    at: datetime,
    barred: Mapping[str, Collection[str]] | None = None,
    skill: Mapping[str, float] | None = None,
) -> list[StoredReview]:
    """Return the open reviews that somebody may take on, the best first.

    Those that ask for a role of theirs come before those that somebody below may decide as well; then the soonest due,
    the longest waiting, and what they are best at.

    `barred` names by case the persons who may not decide it: who submitted it, and who has voted already. `skill` is
    theirs by task type. Nobody is kept from taking work outside their hours.
    """
    known, skilled = barred or {}, skill or {}
    free = [row for row in rows if _may_take(row, reviewer, people, at, known.get(row.case_id, ()))]

    def order(row: StoredReview) -> tuple[Any, ...]:
        return row.role not in reviewer.roles, *_urgency(row, skilled.get(row.shown.task.task_type, 1.0))

    return sorted(free, key=order)


def pull(
    rows: Iterable[StoredReview],
    reviewer: Reviewer,
    people: People,
    *,
    at: datetime,
    barred: Mapping[str, Collection[str]] | None = None,
    skill: Mapping[str, float] | None = None,
) -> StoredReview | None:
    """Return the next best review for somebody, the first that is `ranked`; None where nothing waits for them."""
    return next(iter(ranked(rows, reviewer, people, at=at, barred=barred, skill=skill)), None)


def _up_the_chain(
    asked: Asked, candidates: Sequence[Candidate], people: People, at: datetime, previous: str | None
) -> Given | Nobody:
    told: list[str] = []
    roles = _upward(people, asked.role)
    for role, above in zip(roles, (*roles[1:], None), strict=True):
        fit = qualified(_all(candidates), role, asked.domain, barred=asked.barred, at=at)
        here = [one for one in candidates if one.reviewer in fit]
        free = [one for one in here if _not_now(one, at) is None]
        if free:
            return Given(_best(free, asked, people, previous).reviewer, role, "; ".join(told))
        if here:
            busy = _listed(f"{one.reviewer.reviewer_id} {_not_now(one, at)}" for one in here)
            told.append(f"nobody with the role {role!r} is free to decide this now: {busy}; it waits for them")
            return Nobody(role, True, "; ".join(told))
        goes = f"it goes to {above!r}" if above else "add somebody with this role and domain to the reviewers file"
        told.append(f"nobody with the role {role!r} may decide this: {_why_none(role, asked, candidates)}; {goes}")
    return Nobody(roles[-1], False, "; ".join(told))


def _upward(people: People, role: str) -> tuple[str, ...]:
    """Return a role and all above it; above a role of an older chain stands the top of this one."""
    chain = people.chain
    return chain.upward(role) if role in chain.roles else (role, chain.roles[-1])


def _best(free: Sequence[Candidate], asked: Asked, people: People, previous: str | None) -> Candidate:
    team = people.team_of(asked.domain)
    members = team.members if team else ()

    def order(one: Candidate) -> tuple[Any, ...]:
        stranger, outside = one.reviewer.human != previous, one.reviewer.reviewer_id not in members
        lot = sha256(f"{asked.case_id} {one.reviewer.reviewer_id}".encode()).digest()
        return stranger, outside, one.load, one.given_lately, -one.skill, lot

    return min(free, key=order)


def _all(candidates: Iterable[Candidate]) -> list[Reviewer]:
    return [one.reviewer for one in candidates]


def _not_now(candidate: Candidate, at: datetime) -> str | None:
    """Return why somebody who may decide gets no work just now; None where they do."""
    most = candidate.reviewer.max_open_claims
    if most is not None and candidate.open_claims >= most:
        return f"holds {candidate.open_claims} reviews of at most {most}"
    return None if is_there(candidate.reviewer, at) else "does not work at this hour"


def _why_none(role: str, asked: Asked, candidates: Iterable[Candidate]) -> str:
    there = [one for one in _all(candidates) if holds(one, role, asked.domain)]
    if not there:
        return f"nobody has it in the domain {asked.domain!r}"
    return _listed(f"{one.reviewer_id}: {asked.barred.get(one.human, 'they are away')}" for one in there)


def _listed(reasons: Iterable[str]) -> str:
    said = list(reasons)
    more = [f"and {len(said) - _NAMED} more"] if len(said) > _NAMED else []
    return ", ".join(said[:_NAMED] + more)


def _may_take(row: StoredReview, reviewer: Reviewer, people: People, at: datetime, barred: Collection[str]) -> bool:
    claimed = row.claimed_by is not None and row.claimed_until is not None and row.claimed_until > at
    return (
        row.status is ReviewStatus.OPEN
        and not (row.expires_at is not None and row.expires_at <= at)
        and not (claimed and people.human(row.claimed_by or "") != reviewer.human)
        and reviewer.human not in barred
        and ("*" in reviewer.domains or row.domain in reviewer.domains)
        and any(people.chain.reaches(role, row.role) for role in reviewer.roles)
    )


def _urgency(row: StoredReview, skill: float) -> tuple[Any, ...]:
    return row.due_at is None, row.due_at or row.opened_at, row.opened_at, -skill, row.review_id
