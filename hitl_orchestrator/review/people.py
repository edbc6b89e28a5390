"""The reviewers file: accounts, the escalation chain, teams, working hours and reason codes."""

from collections.abc import Iterable, Iterator
from copy import copy
from functools import cached_property
from itertools import chain as joined
from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.input.file_kinds import REVIEWERS, check_kind
from hitl_orchestrator.domain.input.parsing import did_you_mean, parse, parse_many
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import Identifier, Label, Value, digest
from hitl_orchestrator.domain.working_hours import WorkingHours
from hitl_orchestrator.errors import InvalidInput, NotAuthorized
from hitl_orchestrator.review.names import NameIndex
from hitl_orchestrator.review.working_time import check_holidays

DEFAULT_REASON_CODES = ("agent_error", "policy_exception", "missing_information", "ambiguous_input", "other")
"""The default reason codes."""

_MAX_NAMED = 10


class Team(Value):
    """Reviewers whom a rule may ask by the name of their team, and who are assigned first in its domains.

    A domain belongs to at most one team.
    """

    team_id: Identifier
    members: tuple[Identifier, ...] = Field(min_length=1)
    domains: tuple[Label, ...] = ()


class _File(Value):
    """The outer structure of `reviewers.json`; its reviewers and teams are parsed one by one."""

    escalation_chain: tuple[Label, ...] = DEFAULT_CHAIN.roles
    reviewers: list[Any] = Field(min_length=1)
    teams: list[Any] = Field(default_factory=list)
    calendar: WorkingHours | None = None
    reason_codes: tuple[Label, ...] = Field(default=DEFAULT_REASON_CODES, min_length=1)


class People:
    """All reviewers by id, the chain of escalation, and the settings of the organization.

    `calendar` has the working hours of the organization, for deadlines in working time; `reason_codes` are the
    codes that an answer may name. Accounts of one person are distinct except where people are counted. `former` are
    the accounts of earlier versions, the latest last: a person stays the same after an account or a name is gone.
    """

    def __init__(
        self,
        reviewers: Iterable[Reviewer],
        chain: RoleChain = DEFAULT_CHAIN,
        *,
        teams: Iterable[Team] = (),
        calendar: WorkingHours | None = None,
        reason_codes: Iterable[str] = DEFAULT_REASON_CODES,
        former: Iterable[Reviewer] = (),
    ) -> None:
        self.chain, self.calendar = chain, calendar
        self.teams, self.reason_codes = tuple(teams), tuple(reason_codes)
        self._by_id = {reviewer.reviewer_id: reviewer for reviewer in reviewers}
        self._team_of = {domain: team for team in self.teams for domain in team.domains}
        self._accounts: dict[str, list[str]] = {}
        self._former = tuple(former)
        self._human_before = {each.reviewer_id: each.human for each in self._former}
        for reviewer in self:
            self._accounts.setdefault(reviewer.human, []).append(reviewer.reviewer_id)

    @cached_property
    def names(self) -> NameIndex:
        """The people by every spelling of their names, earlier ones included: a change of names sheds no bar."""
        return NameIndex([*self, *self._former])

    def __iter__(self) -> Iterator[Reviewer]:
        """Iterate over the reviewers, in the order of the file."""
        return iter(self._by_id.values())

    def get(self, reviewer_id: str | None) -> Reviewer | None:
        """Return the reviewer with this id, None for an unknown one."""
        return None if reviewer_id is None else self._by_id.get(reviewer_id)

    def named(self, reviewer_id: str, wants: str = "decide this") -> Reviewer:
        """Return the reviewer of an id. Raises `NotAuthorized` for an unknown id, which may not do what it `wants`."""
        if reviewer_id not in self._by_id:
            hint = did_you_mean(reviewer_id, self._by_id)
            listed = ", ".join(list(self._by_id)[:_MAX_NAMED])
            more = f" and {len(self._by_id) - _MAX_NAMED} more" if len(self._by_id) > _MAX_NAMED else ""
            the = f"{hint} The" if hint else "; the"
            raise NotAuthorized(reviewer_id, f"there is no such reviewer{the} reviewers are {listed}{more}", wants)
        return self._by_id[reviewer_id]

    def is_known(self, reviewer_id: str) -> bool:
        """Return whether there is an account with this id, or was one."""
        return reviewer_id in self._by_id or reviewer_id in self._human_before

    def human(self, reviewer_id: str) -> str:
        """Return the id of the person behind an account; an unknown id counts as a person."""
        known = self._by_id.get(reviewer_id)
        return self._human_before.get(reviewer_id, reviewer_id) if known is None else known.human

    def accounts_of(self, reviewer_id: str) -> tuple[str, ...]:
        """Return all accounts of the person behind this account, including it."""
        known = tuple(self._accounts.get(self.human(reviewer_id), ()))
        return known if reviewer_id in known else (reviewer_id, *known)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The reviewers file as JSON, which `read_people` parses to equal people. Defaults of accounts are left out."""
        return {
            "escalation_chain": list(self.chain.roles),
            "reviewers": [_meaning(reviewer) for reviewer in self],
            "teams": [_meaning(team) for team in self.teams],
            "calendar": None if self.calendar is None else _meaning(self.calendar),
            "reason_codes": list(self.reason_codes),
        }

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the canonical JSON of the reviewers file: the same for JSON and YAML, and for any layout."""
        return digest(self.document)

    def snapshot(self) -> "People":
        """Return these people as they are now, whatever comes into force later. All snapshots share one hash."""
        _ = self.hash
        return copy(self)

    def take_over(self, other: "People") -> None:
        """Become another version, at once and as a whole. Threads that read meanwhile see one of both."""
        self.__dict__ = dict(vars(other))

    def team_of(self, domain: str) -> Team | None:
        """Return the team of a domain, if any."""
        return self._team_of.get(domain)


def _meaning(value: Value) -> dict[str, Any]:
    return value.model_dump(mode="json", exclude_defaults=True)


def read_people(raw: Any, where: str, *, former: Iterable[Reviewer] = ()) -> People:
    """Parse `reviewers.json`: an object with `reviewers` and settings, or a list of reviewers.

    `former` are the accounts of earlier versions, the latest last.

    Raises:
        InvalidInput: with every problem, including roles outside the chain and unknown team members.
    """
    check_kind(raw, REVIEWERS, where)
    file = parse(_File, {"reviewers": raw} if isinstance(raw, list) else raw, where)
    chain = parse(RoleChain, {"roles": file.escalation_chain}, f"{where}: escalation_chain")
    reviewers = parse_many(Reviewer, file.reviewers, f"{where}: reviewers", unique="reviewer_id")
    teams = parse_many(Team, file.teams, f"{where}: teams", unique="team_id")
    strange = [
        *_strange_roles(reviewers, chain),
        *_strange_teams(teams, {reviewer.reviewer_id for reviewer in reviewers}),
        *_strange_hours(reviewers, file.calendar),
        *_twice("reason_codes", file.reason_codes),
    ]
    if strange:
        raise InvalidInput(f"{where}: {problem}" for problem in strange)
    return People(reviewers, chain, teams=teams, calendar=file.calendar, reason_codes=file.reason_codes, former=former)


def _strange_roles(reviewers: list[Reviewer], chain: RoleChain) -> Iterator[str]:
    for index, reviewer in enumerate(reviewers):
        for role in reviewer.roles:
            if role not in chain.roles:
                hint = did_you_mean(role, chain.roles)
                yield f"reviewers[{index}].roles: {role!r} is not in escalation_chain{hint}"


def _strange_teams(teams: list[Team], known: set[str]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for index, team in enumerate(teams):
        yield from _twice(f"teams[{index}].members", team.members)
        for member in team.members:
            if member not in known:
                yield f"teams[{index}].members: there is no reviewer {member!r}{did_you_mean(member, known)}"
        for domain in team.domains:
            place = f"teams[{index}].domains: {domain!r}"
            if domain == "*":
                yield f"{place}: a team owns the domains it names; name them, or leave them out"
            elif domain in owners:
                yield f"{place} already belongs to team {owners[domain]!r}; a domain belongs to one team"
            owners.setdefault(domain, team.team_id)


def _strange_hours(reviewers: list[Reviewer], calendar: WorkingHours | None) -> Iterator[str]:
    theirs = ((f"reviewers[{index}].working_hours", one.working_hours) for index, one in enumerate(reviewers))
    for place, hours in joined([("calendar", calendar)], theirs):
        try:
            if hours is not None and hours.holidays is not None:
                check_holidays(hours.holidays)
        except InvalidInput as exc:
            yield f"{place}.{exc}"


def _twice(place: str, words: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{place}: {word!r} occurs twice" for index, word in enumerate(words) if word in words[:index])
