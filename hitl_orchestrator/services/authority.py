"""Authority: which principal may use which verb, on which cases. One table, deny by default.

The table bounds a principal by its kind. Whether a reviewer may decide one review is settled by their `Rights` to it.
"""

from enum import StrEnum
from typing import NamedTuple

from hitl_orchestrator.domain.principal import Principal, PrincipalKind
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, UnknownCase
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.rights import check_may_redact, whom_to_ask

__all__ = ["TABLE", "CaseScope", "Grants", "Reach", "Right", "Verb", "authorize", "check_kind", "holds", "reaches"]

NO_REVIEWER = "reviewer: missing; pass reviewer=, or bind one with acting_as(reviewer)"
_ACCOUNT = "ask an administrator for an account"


class Verb(StrEnum):
    """What a principal asks for. Each method of the facade has one."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    EXECUTE = "execute"
    READ_CASE = "read_case"
    READ_RECORDS = "read_records"
    READ_INSIGHTS = "read_insights"
    PROVE = "prove"
    INBOX = "inbox"
    READ_PEOPLE = "read_people"
    READ_POLICY = "read_policy"
    VIEW = "view"
    LABEL = "label"
    CLAIM = "claim"
    TAKE_OVER = "take_over"
    RELEASE = "release"
    DELEGATE = "delegate"
    DECIDE = "decide"
    ASSIGN = "assign"
    PLANT = "plant"
    REPLAY = "replay"
    REDACT = "redact"
    CHANGE_POLICY = "change_policy"
    CHANGE_PEOPLE = "change_people"
    BACKTEST = "backtest"
    VERIFY = "verify"
    EXPORT = "export"
    UNFINISHED = "unfinished"
    SIGN_HEAD = "sign_head"
    ROTATE_KEY = "rotate_key"
    RECOVER = "recover"
    MAINTAIN = "maintain"
    RUN_GRAPH = "run_graph"


class Reach(StrEnum):
    """The cases that a verb reaches. A list shows only these."""

    NONE = "-"
    OWN = "own"
    """The cases that the principal submitted."""
    DOMAIN = "domain"
    """These, and the cases in the domains of the reviewer."""
    ALL = "all"


class Right(StrEnum):
    """The right that a strong verb needs in addition, also from a local principal."""

    NONE = ""
    NAMED = "named"
    """A named reviewer; the service of the verb settles what they may do."""
    SECOND = "second"
    """A named reviewer with the second role of the chain, or a higher one."""
    TOP = "top"
    """A named reviewer with the top role of the chain, in the domain of the case."""


class Grants(NamedTuple):
    """One row of the table: the reach of each kind of principal, and the right that the verb needs."""

    agent: Reach
    human: Reach
    auditor: Reach
    operator: Reach
    system: Reach
    right: Right = Right.NONE


_NO, _OWN, _DOMAIN, _ALL = Reach.NONE, Reach.OWN, Reach.DOMAIN, Reach.ALL

TABLE: dict[Verb, Grants] = {
    #                           agent    human    auditor  operator system
    Verb.SUBMIT: Grants(_ALL, _ALL, _NO, _ALL, _NO),
    Verb.CANCEL: Grants(_OWN, _OWN, _NO, _NO, _NO),
    Verb.EXECUTE: Grants(_OWN, _NO, _NO, _NO, _NO),
    Verb.READ_CASE: Grants(_OWN, _DOMAIN, _ALL, _NO, _NO),
    Verb.READ_RECORDS: Grants(_OWN, _DOMAIN, _ALL, _NO, _NO),
    Verb.READ_INSIGHTS: Grants(_OWN, _DOMAIN, _ALL, _ALL, _NO),
    Verb.PROVE: Grants(_OWN, _DOMAIN, _ALL, _NO, _NO),
    Verb.INBOX: Grants(_NO, _DOMAIN, _ALL, _NO, _NO),
    Verb.READ_PEOPLE: Grants(_NO, _DOMAIN, _ALL, _ALL, _NO),
    Verb.READ_POLICY: Grants(_NO, _DOMAIN, _ALL, _ALL, _NO),
    Verb.VIEW: Grants(_NO, _DOMAIN, _ALL, _NO, _NO),
    Verb.LABEL: Grants(_NO, _DOMAIN, _NO, _NO, _NO),
    Verb.CLAIM: Grants(_NO, _DOMAIN, _NO, _NO, _NO),
    Verb.TAKE_OVER: Grants(_NO, _DOMAIN, _NO, _NO, _NO),
    Verb.RELEASE: Grants(_NO, _DOMAIN, _NO, _NO, _NO),
    Verb.DELEGATE: Grants(_NO, _DOMAIN, _NO, _NO, _NO),
    Verb.DECIDE: Grants(_NO, _DOMAIN, _NO, _NO, _NO),
    Verb.ASSIGN: Grants(_NO, _DOMAIN, _NO, _ALL, _NO, Right.SECOND),
    Verb.PLANT: Grants(_NO, _DOMAIN, _NO, _ALL, _NO, Right.SECOND),
    Verb.REPLAY: Grants(_NO, _DOMAIN, _NO, _ALL, _NO, Right.SECOND),
    Verb.REDACT: Grants(_NO, _DOMAIN, _NO, _ALL, _NO, Right.TOP),
    Verb.CHANGE_POLICY: Grants(_NO, _DOMAIN, _NO, _ALL, _NO, Right.NAMED),
    Verb.CHANGE_PEOPLE: Grants(_NO, _DOMAIN, _NO, _ALL, _NO, Right.NAMED),
    Verb.BACKTEST: Grants(_NO, _NO, _ALL, _ALL, _NO),
    Verb.VERIFY: Grants(_NO, _NO, _ALL, _ALL, _ALL),
    Verb.EXPORT: Grants(_NO, _NO, _ALL, _NO, _NO),
    Verb.UNFINISHED: Grants(_NO, _NO, _ALL, _ALL, _ALL),
    Verb.SIGN_HEAD: Grants(_NO, _NO, _NO, _ALL, _ALL),
    Verb.ROTATE_KEY: Grants(_NO, _NO, _NO, _ALL, _NO),
    Verb.RECOVER: Grants(_NO, _NO, _NO, _ALL, _ALL),
    Verb.MAINTAIN: Grants(_NO, _NO, _NO, _ALL, _ALL),
    Verb.RUN_GRAPH: Grants(_NO, _NO, _NO, _NO, _NO),
}
"""Who may use which verb. A local principal may use all; it too needs the right in the last column."""


class CaseScope(NamedTuple):
    """What authority depends on in one case. `asked` is the id by which the caller named it."""

    asked: str
    domain: str
    submitted_by: str | None


def authorize(principal: Principal, verb: Verb, about: CaseScope | None, people: People) -> None:
    """Return if a principal may use a verb on a case, or in general where `about` is None.

    The person of a local principal is the reviewer whom the call states.

    Raises:
        NotAuthorized: the kind of the principal, or its reviewer, may not use the verb.
        UnknownCase: the case is not theirs. The same answer as for a case that does not exist.
        InvalidInput: a strong verb, and a local principal that states no reviewer.
    """
    reviewer = check_kind(principal, verb, people)
    if about is not None and not reaches(principal, verb, about, people):
        raise UnknownCase(about.asked)
    if about is None and _reach(principal, verb) is Reach.DOMAIN and reviewer is None:
        raise _denied(principal, verb, f"it takes a reviewer, and there is none behind this login; {_ACCOUNT}")
    if reviewer is not None:
        _check_right(TABLE[verb].right, reviewer, verb, about, people)


def check_kind(principal: Principal, verb: Verb, people: People) -> Reviewer | None:
    """Return the reviewer behind a principal of a kind that may use a verb on some case.

    Raises:
        NotAuthorized, InvalidInput: as `authorize`.
    """
    if _reach(principal, verb) is Reach.NONE:
        kinds = _kinds(verb)
        meant = f"principals of the kind {' or '.join(kinds)}" if kinds else "the application that has the store"
        raise _denied(principal, verb, f"it is for {meant}")
    is_strong = TABLE[verb].right is not Right.NONE
    if principal.is_local:
        if is_strong and principal.person is None:
            raise InvalidInput([NO_REVIEWER])
        return people.named(str(principal.person), _WORDS[verb]) if is_strong else None
    reviewer = people.get(principal.person)
    if reviewer is None and (principal.person is not None or is_strong):
        raise _denied(principal, verb, f"they are no reviewer here; {_ACCOUNT}")
    return reviewer


def reaches(principal: Principal, verb: Verb, about: CaseScope, people: People) -> bool:
    """Return whether a verb of a principal reaches a case."""
    reach = _reach(principal, verb)
    if reach in (Reach.NONE, Reach.ALL):
        return reach is Reach.ALL
    reviewer = people.get(principal.person)
    if principal.person is not None and reviewer is None:
        return False
    if about.submitted_by is not None and people.human(about.submitted_by) == people.human(principal.name):
        return True
    domains = () if reviewer is None or reach is Reach.OWN else reviewer.domains
    return "*" in domains or about.domain in domains


def _reach(principal: Principal, verb: Verb) -> Reach:
    return Reach.ALL if principal.is_local else _cell(verb, principal.kind)


def _kinds(verb: Verb) -> list[str]:
    return [kind.value for kind in PrincipalKind if _cell(verb, kind) is not Reach.NONE]


def _cell(verb: Verb, kind: PrincipalKind) -> Reach:
    reach: Reach = getattr(TABLE[verb], kind.value)
    return reach


def _check_right(right: Right, reviewer: Reviewer, verb: Verb, about: CaseScope | None, people: People) -> None:
    needed = people.chain.second
    if right is Right.TOP and about is not None:
        check_may_redact(reviewer, about.domain, people)
    if right is Right.SECOND and not holds(reviewer, needed, people):
        held = f"it takes {needed!r} or a role above it, they hold {', '.join(reviewer.roles)}"
        remedy = whom_to_ask(each for each in people if holds(each, needed, people))
        raise NotAuthorized(reviewer.reviewer_id, f"{held}; {remedy}", _WORDS[verb])


def holds(reviewer: Reviewer, needed: str, people: People) -> bool:
    """Return whether a reviewer holds a role or one above it."""
    return any(people.chain.reaches(role, needed) for role in reviewer.roles)


_WORDS = {
    Verb.ASSIGN: "assign reviews",
    Verb.PLANT: "add quality checks",
    Verb.REPLAY: "replay recorded reviews",
    Verb.REDACT: "redact this case",
    Verb.CHANGE_POLICY: "change the policy",
    Verb.CHANGE_PEOPLE: "change the people",
    Verb.DECIDE: "decide cases",
    Verb.CLAIM: "claim reviews",
    Verb.INBOX: "list open reviews",
    Verb.VIEW: "view reviews",
}


def _kind_of(principal: Principal) -> str:
    """Return the kind of a principal in words; one that may be an application is not called a human."""
    return "principal" if principal.kind is PrincipalKind.HUMAN else principal.kind.value


def _denied(principal: Principal, verb: Verb, why: str) -> NotAuthorized:
    return NotAuthorized(
        principal.name, why, _WORDS.get(verb) or f"use the verb {verb.value!r}", kind=_kind_of(principal)
    )
