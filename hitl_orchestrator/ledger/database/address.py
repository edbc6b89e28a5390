"""Parsing of store addresses, and their display without the password."""

import re

HOW_TO_WRITE = (
    "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with : / ? # @ and % in a user or password percent-encoded, "
    "or leave the password to PGPASSWORD or ~/.pgpass"
)
_SCHEMES = ("postgresql://", "postgres://")
_PART = r"(?:[^:/?#@%,\s]|%[0-9A-Fa-f]{2})*"
_HOST = rf"(?:{_PART}|\[[0-9A-Fa-f:.]+\])(?::\d{{1,5}})?"
_POSTGRES = re.compile(
    rf"(?P<scheme>postgres(?:ql)?)://(?:(?P<user>{_PART})(?P<password>:{_PART})?@)?"
    rf"(?P<place>{_HOST}(?:,{_HOST})*(?:/{_PART})?)(?:\?(?:[^?#@%\s]|%[0-9A-Fa-f]{{2}})*)?"
)


def is_postgres(url: str) -> bool:
    """Whether an address names a PostgreSQL database."""
    return url.startswith(_SCHEMES)


def can_be_read(url: str) -> bool:
    """Whether a PostgreSQL address is unambiguous. An ambiguous one could reveal its password when shown."""
    return _POSTGRES.fullmatch(url) is not None


def shown(url: str) -> str:
    """Return an address without its password, for errors, logs and pages."""
    parts = _POSTGRES.fullmatch(url)
    if parts is None:
        return url if url.startswith("sqlite:") or not _may_hold_a_secret(url) else _scheme_of(url) + "***"
    user = "" if parts["user"] is None else parts["user"] + (":***" if parts["password"] else "") + "@"
    return f"{parts['scheme']}://{user}{parts['place']}"


def _may_hold_a_secret(url: str) -> bool:
    return any(sign in url.lower() for sign in ("@", "?", "password", *_SCHEMES))


def _scheme_of(url: str) -> str:
    scheme, sign, _ = url.partition("://")
    return scheme + sign if sign and scheme.isidentifier() else ""
