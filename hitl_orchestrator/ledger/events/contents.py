"""What was said in a case, beside the ledger and under a key of its own, so that it can be erased. Pure.

An entry names each text and each proposal by its keyed digest, and the chain holds the digest. With the key and the
values everybody can check that they are what was written; without the key a digest tells nothing, not even to somebody
who guesses the value.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import canonical_json, digest, read_canonical
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.chain import Draft

ERASED = "[erased]"
"""What is read where a text was erased."""

Path = tuple[str, ...]
Change = Callable[[Any], Any]
_MARK = "content"
_DIGITS = 64
# Nothing else in an entry can look so: what is free is not said in it, and quotation marks in a string are escaped.
_NAMED = re.compile(r'\{"content":(?:"([0-9a-f]{64})"|null)\}')
_REVIEW: tuple[Path, ...] = (("review", "human_feedback"), ("review", "reason"), ("review", "modified_output"))
_TASK: tuple[Path, ...] = (("task", "task_description"), ("task", "metadata"))
_ANSWER = (*(("verdict", *path) for path in _REVIEW), ("verdict", "own_label"))

ERASABLE: Mapping[str, tuple[Path, ...]] = {
    EventKind.SUBMITTED: (*_TASK, ("output", "agent_output")),
    EventKind.ROUTED: (("output", "agent_output"),),
    EventKind.ESCALATED: _ANSWER,
    EventKind.DECIDED: _ANSWER,
    EventKind.EXPIRED: _ANSWER,
    EventKind.VOTED: _ANSWER,
    EventKind.CANCELED: _ANSWER,
    EventKind.SUPERSEDED: _ANSWER,
    EventKind.LABELED: (("label",),),
    EventKind.DELEGATED: (("reason",),),
    EventKind.REFUSED: (("answer",),),
    EventKind.FINISHED: (
        ("human_feedback",),
        ("human_reason",),
        ("proposed_output",),
        ("final_output",),
        ("output_patch",),
        ("own_label",),
    ),
}
"""Where the body of an entry holds what agents and people wrote. All else stays in the ledger for good."""

SHOWN: tuple[Path, ...] = (*_TASK, ("routing", "output", "agent_output"), ("passed_up_because",), ("salt",))
"""Where the same stands in what a review shows."""

VERDICT: tuple[Path, ...] = (*_REVIEW, ("own_label",))
"""Where the same stands in the verdict of a review."""

# What is read in the place of a value that is no text. Nothing may be carried out that nobody can read any more.
_INSTEAD: Mapping[str, Any] = {
    "metadata": {},
    "agent_output": {"predicted_label": ERASED},
    "modified_output": None,
    "proposed_output": None,
    "final_output": None,
    "output_patch": None,
    "salt": "",
}


class Contents:
    """The key of a case and its values, as canonical texts under their keyed digests.

    As a text they are one to a line, the digest before the value: canonical JSON has no line breaks of its own.
    """

    __slots__ = ("_secret", "_texts", "key")

    def __init__(self, key: str, body: str = "") -> None:
        """Take the key and the text that `body` gave."""
        self.key, self._secret = key, bytes.fromhex(key)
        self._texts = {line[:_DIGITS]: line[_DIGITS:] for line in body.split("\n")} if body else {}

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self._texts)

    @property
    def body(self) -> str:
        """All of them as one text."""
        return "\n".join([name + text for name, text in self._texts.items()])

    def mark(self, value: Any) -> dict[str, str]:
        """Keep a value, once, and return what stands for it in an entry."""
        text = canonical_json(value)
        name = self._digest(text)
        self._texts[name] = text
        return {_MARK: name}

    def texts(self, named: Iterable[str]) -> dict[str, str]:
        """Return the canonical texts behind these digests, as far as they are there."""
        return {name: self._texts[name] for name in named if name in self._texts}

    def value(self, mark: Mapping[str, str]) -> Any:
        """Return the value that stands behind a mark. Raises `LedgerDamaged` where it is gone, or another."""
        name = mark[_MARK]
        text = self._texts.get(name)
        if text is None or self._digest(text) != name:
            raise LedgerDamaged(
                f"what was said under {str(name)[:12]!r} is missing or was changed, and nobody erased it"
            )
        return read_canonical(text)

    def problem(self, named: Iterable[str]) -> str | None:
        """Say what is wrong, if entries name just these digests; None where all are there, as they were said."""
        for name, text in self._texts.items():
            if self._digest(text) != name:
                return f"what was said under {name[:12]!r} was changed"
        named = set(named)
        for name in named - self._texts.keys():
            return f"what was said under {name[:12]!r} is missing, and no entry tells that it was erased"
        for name in self._texts.keys() - named:
            return f"no entry tells of what stands there under {name[:12]!r}"
        return None

    def _digest(self, text: str) -> str:
        return hmac.digest(self._secret, text.encode(errors="replace"), "sha256").hex()


def named_in(entry: str) -> list[str]:
    """Return the digests by which an entry names what was said; an empty one where it was erased before."""
    return _NAMED.findall(entry)


def text_under(body: str, name: str) -> str | None:
    """Return the canonical text that contents hold under a digest, without looking whether it is what was said."""
    return next((line[_DIGITS:] for line in body.split("\n") if line.startswith(name)), None)


def new_contents() -> Contents:
    """Return the contents of a new case: a key, and nothing yet."""
    return Contents(secrets.token_hex(32))


def marked(draft: Draft, contents: Contents | None) -> Draft:
    """Return a draft that names what was said instead of saying it. Where it was erased already, nothing is kept."""
    mark = _NOTHING_KEPT if contents is None else contents.mark
    body = draft.body
    for path in ERASABLE.get(draft.kind, ()):
        body = _changed(body, path, mark)
    return draft._replace(body=body)


def restored(kind: str, body: dict[str, Any], contents: Contents | None) -> dict[str, Any]:
    """Return the body of an entry with all that was said in its place; without contents it says that it was erased.

    Raises:
        LedgerDamaged: something is gone, or another than what was said.
    """
    paths = ERASABLE.get(kind, ())
    try:
        if contents is None:
            return erased(body, paths)
        for path in paths:
            body = _changed(body, path, contents.value)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise LedgerDamaged(f"an entry of the kind {kind!r} does not name what was said as entries do") from exc
    return body


def erased(said: dict[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Return a value without what stands at these places."""
    for path in paths:
        said = _changed(said, path, _always(_INSTEAD.get(path[-1], ERASED)))
    return said


def content_digest(intake: Mapping[str, Any]) -> str:
    """Return what two intakes of one key must share to be the same submission; without the key nobody can tell."""
    return digest({"output": intake["output"], "task": intake["task"]})


def is_same(intake: Draft, contents: Contents | None, content: str) -> bool:
    """Whether an intake is one that came before. Of one that was erased nobody can say so."""
    if contents is None:
        return False
    # Asked of a copy: what is only compared is not said in the case.
    compared = Contents(contents.key, contents.body)
    return content_digest(marked(intake, compared).body) == content


def _always(instead: Any) -> Change:
    return lambda value: instead


_NOTHING_KEPT = _always({_MARK: None})


def _changed(body: dict[str, Any], path: Path, change: Change) -> dict[str, Any]:
    """Return a body with another value at a path, and the same body where there is none or an empty one."""
    name, *rest = path
    value = body.get(name)
    if not value:
        return body
    return {**body, name: _changed(value, tuple(rest), change) if rest else change(value)}
