"""The differences between two versions of the people, and whether each widens the rights of a person.

Whatever is not provably narrower or without effect on rights counts as wider.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from hitl_orchestrator.domain.enums import POLICY_DOMAIN
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.review.people import People

ENOUGH = 2
"""The number of persons that a change which widens rights takes."""


class Effect(StrEnum):
    """The effect of a difference on the rights of people."""

    WIDER = "wider"
    NARROWER = "narrower"
    NEUTRAL = "neutral"


class PeopleDifference(NamedTuple):
    """One difference, as a sentence."""

    effect: Effect
    sentence: str


def may_govern(reviewer: Reviewer, people: People) -> bool:
    """Return whether an account may change the policy and the people: the second role or above, in this domain."""
    reaches = any(people.chain.reaches(role, people.chain.second) for role in reviewer.roles)
    return reaches and not {"*", POLICY_DOMAIN}.isdisjoint(reviewer.domains)


def governing_persons(people: People) -> set[str]:
    """Return the distinct persons who may change the policy and the people."""
    return {each.human for each in people if may_govern(each, people)}


def differences(before: People, after: People, asked: Collection[str] = ()) -> list[PeopleDifference]:
    """Return all differences between two versions, the wider ones first. `asked` are the teams that policies ask.

    The top of the chain decides in place of such a team that is short of members, so that a member less widens rights.
    """
    found = [*_of_organization(before, after, asked), *_of_accounts(before, after, _asked_members(before, asked))]
    found += _of_governing(before, after)
    return sorted(found, key=lambda difference: list(Effect).index(difference.effect))


def wider(before: People, after: People, asked: Collection[str] = ()) -> tuple[str, ...]:
    """Return the differences that widen rights, a sentence each, where policies ask the teams `asked`."""
    return tuple(each.sentence for each in differences(before, after, asked) if each.effect is Effect.WIDER)


def _asked_members(people: People, asked: Collection[str]) -> dict[str, str]:
    """Return the persons in the teams that policies ask, each with a team."""
    return {people.human(each): team.team_id for team in people.teams if team.team_id in asked for each in team.members}


def _fewer(sentence: str, team: str | None) -> PeopleDifference:
    """Return a right less of a person who is in a team that policies ask, or in none."""
    if team is None:
        return PeopleDifference(Effect.NARROWER, sentence)
    return PeopleDifference(Effect.WIDER, f"{sentence}; a policy asks the team {team!r}, which is left to fewer people")


def _of_organization(before: People, after: People, asked: Collection[str]) -> Iterator[PeopleDifference]:
    if before.chain != after.chain:
        chains = [" -> ".join(each.chain.roles) for each in (after, before)]
        yield PeopleDifference(Effect.WIDER, f"the escalation chain becomes {chains[0]}; it was {chains[1]}")
    if before.calendar != after.calendar:
        yield PeopleDifference(Effect.WIDER, "the calendar of the organization changes, and deadlines with it")
    yield from _of_teams(before, after, asked)
    if before.reason_codes != after.reason_codes:
        yield PeopleDifference(Effect.NEUTRAL, f"the reason codes become {', '.join(after.reason_codes)}")


def _of_teams(before: People, after: People, asked: Collection[str]) -> Iterator[PeopleDifference]:
    """Yield the changes of teams. A policy may ask a team alone, so that a new member may decide more than before."""
    old, new = ({team.team_id: team for team in people.teams} for people in (before, after))
    for name in dict.fromkeys((*old, *new)):
        was, now = (teams[name].members if name in teams else () for teams in (old, new))
        for member in _new(was, now):
            yield PeopleDifference(Effect.WIDER, f"{member!r} joins the team {name!r}")
        for member in _new(now, was):
            yield _fewer(f"{member!r} leaves the team {name!r}", name if name in asked else None)
        if name in old and name in new and old[name].domains != new[name].domains:
            yield PeopleDifference(Effect.NEUTRAL, f"the team {name!r} is assigned first in other domains")


def _of_accounts(before: People, after: People, teams: Mapping[str, str]) -> Iterator[PeopleDifference]:
    for account in after:
        known = before.get(account.reviewer_id)
        if known is None:
            held = f"{', '.join(account.roles)} in {_domains(account)}"
            yield PeopleDifference(Effect.WIDER, f"account {account.reviewer_id!r} is added, with {held}")
        elif known != account:
            yield from _of_account(known, account, teams.get(known.human))
    for account in before:
        if after.get(account.reviewer_id) is None:
            yield _fewer(f"account {account.reviewer_id!r} is removed", teams.get(account.human))


def _of_account(known: Reviewer, account: Reviewer, team: str | None) -> Iterator[PeopleDifference]:
    who = f"account {account.reviewer_id!r}"
    if known.human != account.human:
        sentence = f"{who} belongs to the person {account.human!r}; it belonged to {known.human!r}"
        yield PeopleDifference(Effect.WIDER, sentence)
    for role in _new(known.roles, account.roles):
        yield PeopleDifference(Effect.WIDER, f"{who} gets the role {role!r}")
    for role in _new(account.roles, known.roles):
        yield _fewer(f"{who} loses the role {role!r}", team)
    if set(known.domains) != set(account.domains):
        gains = "*" not in known.domains and not set(account.domains) <= set(known.domains)
        sentence = f"{who} decides in {_domains(account)}; it decided in {_domains(known)}"
        yield PeopleDifference(Effect.WIDER, sentence) if gains else _fewer(sentence, team)
    if known.max_open_claims != account.max_open_claims:
        limits = [each.max_open_claims or "any number of" for each in (account, known)]
        gains = known.max_open_claims is not None and (account.max_open_claims or known.max_open_claims + 1) > (
            known.max_open_claims
        )
        sentence = f"{who} may hold {limits[0]} claims; it might hold {limits[1]}"
        yield PeopleDifference(Effect.WIDER if gains else Effect.NARROWER, sentence)
    names, hours = {"name", "aliases", "emails"}, {"working_hours", "away"}
    if known.model_dump(include=names) != account.model_dump(include=names):
        yield PeopleDifference(Effect.NEUTRAL, f"{who} has other names; those of before still name the person")
    if known.model_dump(include=hours) != account.model_dump(include=hours):
        yield PeopleDifference(Effect.NEUTRAL, f"{who} has other working hours or absences")


def _of_governing(before: People, after: People) -> Iterator[PeopleDifference]:
    """Fewer than two persons would leave one who may act alone afterwards."""
    left = governing_persons(after)
    if len(left) < ENOUGH <= len(governing_persons(before)):
        who = f"only {', '.join(sorted(left))}" if left else "no person"
        yield PeopleDifference(Effect.WIDER, f"{who} may change the policy and the people afterwards")


def _new(before: tuple[str, ...], after: tuple[str, ...]) -> list[str]:
    return [role for role in after if role not in before]


def _domains(account: Reviewer) -> str:
    return "all domains" if "*" in account.domains else ", ".join(account.domains)
