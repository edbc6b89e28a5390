"""Grants: what an approved case allows to be carried out, once, under a seal of the ledger."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from hitl_orchestrator.domain.execution import ARGUMENTS
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import (
    Identifier,
    UtcDatetime,
    Value,
    canonical_json,
    check_json,
    digest,
    read_canonical,
)
from hitl_orchestrator.errors import GrantRefused
from hitl_orchestrator.execution.begun import Begun

__all__ = ["SEAL", "Claims", "Grant", "approved_arguments", "check_arguments", "check_claims", "output_digest"]

SEAL = "grant"
"""The label of the seal of a grant: all its claims."""

_MOST = 4000


class Claims(Value):
    """The text of a grant: the ledger, the case, the digest of the approved output, the audience and the end."""

    ledger_id: str
    case_id: Identifier
    digest: str
    audience: str
    expires_at: UtcDatetime
    seal: str = ""

    @property
    def sealed(self) -> tuple[str, ...]:
        """The values that the seal covers."""
        return (self.ledger_id, self.case_id, self.digest, self.audience, self.expires_at.isoformat())

    @property
    def token(self) -> str:
        """The grant as a text, which `read` parses."""
        text = canonical_json(self.model_dump(mode="json"))
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    @classmethod
    def read(cls, token: object) -> "Claims":
        """Return the claims of a token, whose seal is not verified here. Raises `GrantRefused`."""
        given = token if isinstance(token, str) and len(token) <= _MOST else ""
        try:
            text = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
            return cls.model_validate(json.loads(text))
        except (ValueError, binascii.Error, RecursionError, ValidationError) as exc:
            raise GrantRefused(None, "this is not the token of a grant; pass on the token as 'ask' gave it") from exc


@dataclass(frozen=True)
class Grant:
    """Allows to carry the approved output of a case out, once, until it expires.

    `token` is the same grant as a text, for another process: `hitl.executions.grant(token)` returns it there.
    """

    token: str = field(repr=False)
    case_id: str
    digest: str
    audience: str
    expires_at: datetime
    _begin: "Callable[[Mapping[str, Any] | None], Begun]" = field(repr=False, compare=False)

    @classmethod
    def of(cls, claims: Claims, begin: "Callable[[Claims, Mapping[str, Any] | None], Begun]") -> "Grant":
        """Return the grant with these claims, whose execution `begin` claims."""
        return cls(
            token=claims.token,
            case_id=claims.case_id,
            digest=claims.digest,
            audience=claims.audience,
            expires_at=claims.expires_at,
            _begin=lambda arguments: begin(claims, arguments),
        )

    def begin(self, arguments: Mapping[str, Any] | None = None) -> "Begun":
        """Claim the execution. It is new for one caller, who then carries it out and states how it ended.

        `arguments` are those that are about to be used; by default the approved ones.

        Raises:
            GrantRefused: it is forged or expired, or for other arguments; nothing may be carried out.
            AlreadyRunning: another process or thread carries it out now.
            ExecutionFailed: it was carried out and failed.
            ExecutionUnknown: it was begun, and its end is not known; a person is asked.
        """
        return self._begin(arguments)


def output_digest(output: Proposal) -> str:
    """Return the digest of an approved output, arguments included."""
    return digest(output.model_dump(mode="json"))


def approved_arguments(output: Proposal) -> dict[str, Any] | None:
    """Return a copy of the arguments in an approved output; empty without any, None if they are no object."""
    arguments = (output.model_extra or {}).get(ARGUMENTS, {})
    return read_canonical(canonical_json(arguments)) if isinstance(arguments, dict) else None


def check_arguments(case_id: str, output: Proposal, given: Mapping[str, Any]) -> None:
    """Raise `GrantRefused` unless these arguments are the approved ones, byte for byte as canonical JSON."""
    approved = approved_arguments(output) or {}
    try:
        text = canonical_json(check_json(dict(given)))
    except (TypeError, ValueError, RecursionError) as exc:
        raise GrantRefused(case_id, f"its arguments are not JSON: {exc}") from exc
    if text != canonical_json(approved):
        names = sorted(name for name in {*given, *approved} if _differs(name, given, approved))
        raise GrantRefused(case_id, f"the arguments {', '.join(names)} are not those that were approved")


def check_claims(claims: Claims, *, now: datetime, audience: str, ledger_id: str) -> None:
    """Raise `GrantRefused` for a grant of another ledger, for another audience, or that has expired."""
    if claims.ledger_id != ledger_id:
        raise GrantRefused(claims.case_id, "it was made by another ledger")
    if claims.audience != audience:
        who = "a process that names no audience" if not audience else repr(audience)
        raise GrantRefused(claims.case_id, f"it is for the audience {claims.audience!r}, and was used by {who}")
    if claims.expires_at <= now:
        at = claims.expires_at.isoformat(timespec="seconds")
        raise GrantRefused(claims.case_id, f"it expired at {at}; ask again for a new one")


def _differs(name: str, given: Mapping[str, Any], approved: Mapping[str, Any]) -> bool:
    if (name in given) is not (name in approved):
        return True
    return canonical_json(given[name]) != canonical_json(approved[name])
