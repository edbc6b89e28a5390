"""Assignment: choose the reviewer of a review."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.working_time import is_away, is_there

USUAL_LIMIT = 10
"""The limit of open claims by which the load of a reviewer without a limit is measured."""

_NAMED = 5


class Candidate(NamedTuple):
    """An account that may be assigned reviews, with the load and the skill of its person over all their accounts."""

    reviewer: Reviewer
    open_claims: int = 0
    given_lately: int = 0
    skill: float = 1.0

    @property
    def load(self) -> float:
        """The share of their limit that is used."""
        return self.open_claims / (self.reviewer.max_open_claims or USUAL_LIMIT)


class AssignmentRequest(NamedTuple):
    """A review that needs a reviewer. `barred` has the people who may not decide it, each with the reason."""

    case_id: str
    role: str
    domain: str
    barred: Mapping[str, str] = {}


class Assigned(NamedTuple):
    """The chosen reviewer and their role. `why` has the reasons of an escalation; empty without one."""

    reviewer: Reviewer
    role: str
    why: str = ""


class Unassigned(NamedTuple):
    """No reviewer was chosen. If it `waits`, an authorized reviewer exists and is busy or off duty."""

    role: str
    waits: bool
    why: str


def holds(reviewer: Reviewer, role: str, domain: str) -> bool:
    """Return whether a reviewer has exactly this role in this domain."""
    return role in reviewer.roles and ("*" in reviewer.domains or domain in reviewer.domains)


def qualified(
    people: Iterable[Reviewer], role: str, domain: str, *, barred: Collection[str] = (), at: datetime
) -> list[Reviewer]:
    """Return the reviewers with this role and domain whose person is not barred and who are not away."""
    return [
        candidate
        for candidate in people
        if holds(candidate, role, domain) and candidate.human not in barred and not is_away(candidate, at)
    ]


def push(
    request: AssignmentRequest, candidates: Sequence[Candidate], people: People, at: datetime
) -> Assigned | Unassigned:
    """Assign a review to the least loaded qualified reviewer on duty; the team that owns the domain comes first.

    The order is: lowest share of open claims, fewest recent assignments, higher skill, and a hash of the case. If no
    reviewer with the role may ever decide the review, the role above is tried; if one may, but is busy or off duty, the
    review waits.
    """
    return _up_the_chain(request, candidates, people, at, previous=None)


def sticky(
    previous: str | None, request: AssignmentRequest, candidates: Sequence[Candidate], people: People, at: datetime
) -> Assigned | Unassigned:
    """Assign a review to the person who handled the same customer before, if authorized and free; else as `push`."""
    return _up_the_chain(request, candidates, people, at, previous=previous and people.human(previous))


def _up_the_chain(
    request: AssignmentRequest, candidates: Sequence[Candidate], people: People, at: datetime, previous: str | None
) -> Assigned | Unassigned:
    reasons: list[str] = []
    roles = people.chain.upward(request.role)
    for role, above in zip(roles, (*roles[1:], None), strict=True):
        fit = qualified(_all(candidates), role, request.domain, barred=request.barred, at=at)
        here = [candidate for candidate in candidates if candidate.reviewer in fit]
        free = [candidate for candidate in here if _not_now(candidate, at) is None]
        if free:
            return Assigned(_best(free, request, people, previous).reviewer, role, "; ".join(reasons))
        if here:
            busy = _listed(f"{candidate.reviewer.reviewer_id} {_not_now(candidate, at)}" for candidate in here)
            reasons.append(f"no reviewer with the role {role!r} is free to decide this now: {busy}; it waits for them")
            return Unassigned(role, True, "; ".join(reasons))
        goes = (
            f"it goes to {above!r}" if above else "add a reviewer with this role and domain with 'hitl people propose'"
        )
        reasons.append(
            f"no reviewer with the role {role!r} may decide this: {_why_none(role, request, candidates)}; {goes}"
        )
    return Unassigned(roles[-1], False, "; ".join(reasons))


def _best(free: Sequence[Candidate], request: AssignmentRequest, people: People, previous: str | None) -> Candidate:
    team = people.team_of(request.domain)
    members = team.members if team else ()

    def order(candidate: Candidate) -> tuple[Any, ...]:
        stranger, outside = candidate.reviewer.human != previous, candidate.reviewer.reviewer_id not in members
        lot = sha256(f"{request.case_id} {candidate.reviewer.reviewer_id}".encode()).digest()
        return stranger, outside, candidate.load, candidate.given_lately, -candidate.skill, lot

    return min(free, key=order)


def _all(candidates: Iterable[Candidate]) -> list[Reviewer]:
    return [candidate.reviewer for candidate in candidates]


def _not_now(candidate: Candidate, at: datetime) -> str | None:
    """Return the reason why an authorized reviewer cannot be assigned now; None if they can."""
    most = candidate.reviewer.max_open_claims
    if most is not None and candidate.open_claims >= most:
        return f"holds {candidate.open_claims} reviews of at most {most}"
    return None if is_there(candidate.reviewer, at) else "does not work at this hour"


def _why_none(role: str, request: AssignmentRequest, candidates: Iterable[Candidate]) -> str:
    there = [candidate for candidate in _all(candidates) if holds(candidate, role, request.domain)]
    if not there:
        return f"no reviewer has it in the domain {request.domain!r}"
    return _listed(
        f"{candidate.reviewer_id}: {request.barred.get(candidate.human, 'they are away')}" for candidate in there
    )


def _listed(reasons: Iterable[str]) -> str:
    listed = list(reasons)
    more = [f"and {len(listed) - _NAMED} more"] if len(listed) > _NAMED else []
    return ", ".join(listed[:_NAMED] + more)
