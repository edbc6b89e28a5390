"""Entries about people and the configuration. They belong to no case, so that redaction never touches them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.events.chain import Draft

KINDS = (
    EventKind.PEOPLE_RECORDED,
    EventKind.PEOPLE_PROPOSED,
    EventKind.PEOPLE_ACTIVATED,
    EventKind.PEOPLE_DECLINED,
)
"""The kinds of entries that make up the history of people."""


def recorded(people_hash: str, people: Mapping[str, Any], at: datetime, *, placeholders: bool) -> Draft:
    """Record the first people of a store, who are in force from then on."""
    body = {"people_hash": people_hash, "people": dict(people), "placeholders": placeholders}
    return Draft(None, EventKind.PEOPLE_RECORDED, at, SYSTEM, body)


def proposed(case_id: str, body: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Record proposed people and the case in which a second person decides them.

    `body` has people_hash, people, base, reason, and wider: the sentences on where rights widen.
    """
    return Draft(None, EventKind.PEOPLE_PROPOSED, at, actor, {"case_id": case_id, **body})


def activated(body: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Record that people come into force.

    `body` has people_hash, before, reason and wider; people and alone where one person made the change; and after a
    second person's approval case_id, by and approved_by.
    """
    defaults = {"people": None, "case_id": None, "by": actor.id, "approved_by": None, "alone": False}
    return Draft(None, EventKind.PEOPLE_ACTIVATED, at, actor, {**defaults, **body})


def declined(case_id: str, why: str, actor: Actor, at: datetime) -> Draft:
    """Record that proposed people were declined, and why."""
    return Draft(None, EventKind.PEOPLE_DECLINED, at, actor, {"case_id": case_id, "why": why})


def configuration(digests: Mapping[str, str | None], at: datetime) -> Draft:
    """Record the digests of the rules and schemas that a process uses; None for one that has none."""
    return Draft(None, EventKind.CONFIGURATION_RECORDED, at, SYSTEM, dict(digests))
