"""Reconciliation of contents: the texts of a case are exactly those that its entries name, in one stored form."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import read_canonical
from hitl_orchestrator.ledger.events.contents import ERASABLE, Contents, Path, named_in
from hitl_orchestrator.ledger.ports.snapshot import CaseEntry, StoredContents


def contents_problem(stored: StoredContents | None, entries: Sequence[CaseEntry]) -> str | None:
    """Return the problem with the texts of a case: all must exist, unless an entry records that they were erased."""
    is_erased, marks = False, list[str]()
    for entry in entries:
        if not is_erased and "" in named_in(entry.entry):
            return f"a text of entry {entry.seq} is not stored, and the case was not redacted before"
        marks += _marks_of(entry) if entry.kind in ERASABLE else ()
        is_erased = is_erased or entry.kind == EventKind.REDACTED
    if is_erased:
        return None if stored is None else "its contents were erased, and exist again"
    if stored is None:
        return "its contents are missing, and no entry records that they were erased"
    try:
        contents = Contents(*stored)
        problem = contents.problem(marks)
    except (ValueError, TypeError, AttributeError):
        return "the key of its contents is invalid"
    if problem is None and (stored.key != stored.key.lower() or stored.body != _body(contents, marks)):
        return "its contents are stored in another form"
    return problem


def _body(contents: Contents, marks: Sequence[str]) -> str:
    """Return the stored form of texts, in the order in which entries name them first."""
    return "\n".join(name + text for name, text in contents.texts(dict.fromkeys(marks)).items())


def _marks_of(entry: CaseEntry) -> Iterator[str]:
    """Yield the digests that an entry names, in the order in which its texts were marked."""
    body = read_canonical(entry.entry)["body"]
    for path in ERASABLE[entry.kind]:
        mark = _at(body, path)
        if isinstance(mark, Mapping) and isinstance(mark.get("content"), str):
            yield mark["content"]


def _at(body: Any, path: Path) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body
