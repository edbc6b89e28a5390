"""Reconciliation of contents: the texts of a case are exactly those that its entries name, in one stored form."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.ledger.events.contents import ERASABLE, Contents, Path
from hitl_orchestrator.ledger.ports.snapshot import CaseEntry, StoredContents

_NOT_STORED = '{"content":null}'
_PLACES: Mapping[str, Sequence[tuple[str, Path]]] = {
    str(kind): [(name, tuple(rest)) for name, *rest in paths] for kind, paths in ERASABLE.items()
}
"""The fields of an entry that hold marks: the name in the body, and those below it."""


class CaseContents:
    """The stored texts of a case, compared once with the entries that name them, and read after that."""

    def __init__(self, stored: StoredContents | None) -> None:
        self._stored = stored
        self.verified: Contents | None = None
        """The texts after `problem` found none; None once they were erased."""

    def problem(self, entries: Sequence[CaseEntry], parsed: Sequence[dict[str, Any]]) -> str | None:
        """Return the problem with the texts: all must exist, unless an entry records that they were erased."""
        is_erased, marks = False, list[str]()
        for entry, content in zip(entries, parsed, strict=True):
            kind = entry.kind
            if not is_erased and _NOT_STORED in entry.entry:
                return f"a text of entry {entry.seq} is not stored, and the case was not redacted before"
            if kind in _PLACES:
                marks += _marks_in(content["body"], _PLACES[kind])
            is_erased = is_erased or kind == EventKind.REDACTED
        if is_erased:
            return None if self._stored is None else "its contents were erased, and exist again"
        if self._stored is None:
            return "its contents are missing, and no entry records that they were erased"
        return self._problem_of(self._stored, list(dict.fromkeys(marks)))

    def _problem_of(self, stored: StoredContents, marks: Sequence[str]) -> str | None:
        try:
            contents = Contents(*stored)
            problem = contents.problem(marks)
        except (ValueError, TypeError, AttributeError):
            return "the key of its contents is invalid"
        if problem is None and (stored.key != stored.key.lower() or stored.body != _body(contents, marks)):
            return "its contents are stored in another form"
        self.verified = contents
        return problem


def _body(contents: Contents, marks: Sequence[str]) -> str:
    """Return the stored form of texts, in the order in which entries name them first."""
    return "\n".join([name + text for name, text in contents.texts(marks).items()])


def _marks_in(body: dict[str, Any], places: Sequence[tuple[str, Path]]) -> Iterator[str]:
    """Yield the digests that an entry names, in the order in which its texts were marked."""
    for name, rest in places:
        mark = body.get(name)
        if not mark:
            continue
        for step in rest:
            mark = mark.get(step) if isinstance(mark, dict) else None
        if isinstance(mark, dict) and isinstance(mark.get("content"), str):
            yield mark["content"]
