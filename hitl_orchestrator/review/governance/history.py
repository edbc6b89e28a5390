"""The history of people as the ledger records it: versions, the people in force, and proposals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.value import Identifier, Label, Text, UtcDatetime, Value, canonical_json, digest
from hitl_orchestrator.errors import InvalidInput, TamperedPeople
from hitl_orchestrator.review.people import People, read_people


class PeopleVersion(Value):
    """A version of the people, under its hash. `author` is None for people that the store was opened with.

    `wider` has a sentence for each right that it widened; `alone` marks such a change by a single operator. `proposed`
    marks a version that was never in force.
    """

    people_hash: Label
    people: dict[str, Any] = Field(repr=False)
    at: UtcDatetime
    author: Identifier | None = None
    approved_by: Identifier | None = None
    reason: Text = ""
    wider: tuple[Text, ...] = ()
    alone: bool = False
    placeholders: bool = False
    proposed: bool = False


class PeopleProposal(Value):
    """People who wait for the approval of a second person. `base` were in force when they were proposed."""

    case_id: Identifier
    people_hash: Label
    base: Label
    by: Identifier
    reason: Text
    wider: tuple[Text, ...]
    at: UtcDatetime


@dataclass(frozen=True)
class PeopleHistory:
    """The state after the ledger entry `seen`. `current` is None in a store that was just made.

    `versions` are those that were in force, the latest last, and the proposed ones.
    """

    seen: int = 0
    current: str | None = None
    versions: Mapping[str, PeopleVersion] = field(default_factory=dict)
    pending: Mapping[str, PeopleProposal] = field(default_factory=dict)

    def after(self, events: Iterable[Event]) -> "PeopleHistory":
        """Return the state after these entries; entries of other kinds only count.

        Raises:
            TamperedPeople: an entry does not have the fields of its kind, or its people have another hash.
        """
        history = self
        for event in events:
            if event.seq > history.seen:
                try:
                    history = replace(_AFTER.get(event.kind, _same)(history, event), seen=event.seq)
                except (KeyError, TypeError, ValueError) as exc:
                    raise TamperedPeople(
                        f"entry {event.seq} of the ledger does not have the fields of its kind"
                    ) from exc
        return history

    @property
    def only_placeholders(self) -> bool:
        """Whether only the bundled placeholders were in force so far, so that the first real people may come in."""
        return self.current is None or self.versions[self.current].placeholders

    def in_force(self) -> People | None:
        """Return the people in force; None without any. Raises as `people`."""
        return None if self.current is None else self.people(self.current)

    def people(self, people_hash: str) -> People:
        """Return the people of a version, who know the persons behind accounts of all versions before.

        Raises:
            TamperedPeople: this installation cannot read them, or there is no such version.
        """
        if people_hash not in self.versions:
            raise TamperedPeople(f"no entry records the people {people_hash[:12]!r}")
        try:
            return read_people(self.versions[people_hash].people, "people", former=self._accounts())
        except InvalidInput as exc:
            raise TamperedPeople(f"the people {people_hash[:12]!r} cannot be read on this installation: {exc}") from exc

    def _accounts(self) -> list[Reviewer]:
        """Return the accounts that were ever in force, as each version had them, the latest last."""
        in_force = (version for version in self.versions.values() if not version.proposed)
        accounts = (each for version in in_force for each in version.people["reviewers"])
        distinct = {canonical_json(each): each for each in accounts}
        return [parse(Reviewer, each, "an earlier account") for each in distinct.values()]


def _version(event: Event, **fields: Any) -> PeopleVersion:
    body = event.body
    version = PeopleVersion(people_hash=body["people_hash"], people=body["people"], at=event.at, **fields)
    if digest(version.people) != version.people_hash:
        raise ValueError("the people have another hash")
    return version


def _in_force(history: PeopleHistory, version: PeopleVersion) -> PeopleHistory:
    """Put a version in force, as the latest."""
    others = {name: each for name, each in history.versions.items() if name != version.people_hash}
    return replace(history, current=version.people_hash, versions={**others, version.people_hash: version})


def _recorded(history: PeopleHistory, event: Event) -> PeopleHistory:
    if not history.only_placeholders:
        raise ValueError("others were in force already")
    return _in_force(history, _version(event, placeholders=event.body["placeholders"]))


def _proposed(history: PeopleHistory, event: Event) -> PeopleHistory:
    fields = {name: event.body[name] for name in ("case_id", "people_hash", "base", "reason", "wider")}
    proposal = PeopleProposal(by=str(event.actor.id), at=event.at, **fields)
    new = {} if proposal.people_hash in history.versions else {proposal.people_hash: _version(event, proposed=True)}
    pending = {**history.pending, proposal.case_id: proposal}
    return replace(history, pending=pending, versions={**new, **history.versions})


def _activated(history: PeopleHistory, event: Event) -> PeopleHistory:
    body = event.body
    made = {"author": body["by"], "at": event.at, **{name: body[name] for name in _MADE}}
    version = history.versions[body["people_hash"]] if body["people"] is None else _version(event)
    done = PeopleVersion(people_hash=version.people_hash, people=version.people, **made)
    return _in_force(_declined(history, event), done)


_MADE = ("approved_by", "reason", "wider", "alone")


def _declined(history: PeopleHistory, event: Event) -> PeopleHistory:
    case_id = event.body["case_id"]
    return replace(history, pending={name: each for name, each in history.pending.items() if name != case_id})


def _same(history: PeopleHistory, event: Event) -> PeopleHistory:
    return history


_AFTER = {
    EventKind.PEOPLE_RECORDED: _recorded,
    EventKind.PEOPLE_PROPOSED: _proposed,
    EventKind.PEOPLE_ACTIVATED: _activated,
    EventKind.PEOPLE_DECLINED: _declined,
}
