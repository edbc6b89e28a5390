"""A named SQL statement: its text for each database, so that running it needs no SQL library."""

from collections.abc import Iterable, Iterator, Sequence

AT_ONCE = 100
"""The number of ids in one statement."""


class Statement:
    """A statement as a text for each database. Statements are compared by identity.

    A template has marks in braces, such as `{conditions}`, which `filled` replaces.
    """

    __slots__ = ("name", "postgres", "sqlite")

    def __init__(self, name: str, sqlite: str, postgres: str) -> None:
        self.name, self.sqlite, self.postgres = name, sqlite, postgres

    def __repr__(self) -> str:
        """Name the statement."""
        return f"Statement({self.name!r})"

    def filled(self, **parts: "Statement | str") -> "Statement":
        """Return the statement of a template in which each mark is replaced by a part, or by a plain text."""
        sqlite, postgres = self.sqlite, self.postgres
        for name, part in parts.items():
            mark = f"{{{name}}}"
            sqlite = sqlite.replace(mark, part if isinstance(part, str) else part.sqlite)
            postgres = postgres.replace(mark, part if isinstance(part, str) else part.postgres)
        return Statement(self.name, sqlite, postgres)


def joined(separator: str, parts: Iterable[Statement]) -> Statement:
    """Return the texts of parts with a text between them, for a mark of a template."""
    found = list(parts)
    sqlite, postgres = (separator.join(texts) for texts in ([p.sqlite for p in found], [p.postgres for p in found]))
    return Statement(separator, sqlite, postgres)


def all_of(conditions: Iterable[Statement]) -> Statement:
    """Return the condition that all of these hold; one of them may itself be a choice of several."""
    return joined(" AND ", (Statement(each.name, f"({each.sqlite})", f"({each.postgres})") for each in conditions))


def batches(ids: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the parameters of a statement on some ids for each hundred of them."""
    for first in range(0, len(ids), AT_ONCE):
        some = ids[first : first + AT_ONCE]
        yield {f"id_{number}": some[min(number, len(some) - 1)] for number in range(AT_ONCE)}
