"""The texts of agents and people in a case, stored outside the ledger under a key per case, so that they can be erased.

An entry names each text and proposal by its keyed digest, which the chain protects. With the key and the values anyone
can verify them; without the key a digest reveals nothing, not even whether a guessed value is right.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.input.json_patch import changes
from hitl_orchestrator.domain.value import canonical_json, digest, read_canonical
from hitl_orchestrator.errors import LedgerDamaged, shortened
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.events.outcomes import AGENT_FIELDS

ERASED = "[erased]"
"""The placeholder of an erased text."""

Path = tuple[str, ...]
Change = Callable[[Any], Any]
_MARK = "content"
_DIGITS, _MOST_DIFFERENCES = 64, 5
# Nothing else in an entry can match: free text is not stored in entries, and quotation marks in strings are escaped.
_NAMED = re.compile(r'\{"content":(?:"([0-9a-f]{64})"|null)\}')
_REVIEW: tuple[Path, ...] = (
    ("review", "human_feedback"),
    ("review", "reason"),
    ("review", "modified_output"),
    ("review", "idempotency_key"),
)
_TASK: tuple[Path, ...] = (("task", "task_description"), ("task", "metadata"))
_ANSWER = (*(("verdict", *path) for path in _REVIEW), ("verdict", "own_label"))

ERASABLE: Mapping[str, tuple[Path, ...]] = {
    EventKind.SUBMITTED: (*_TASK, ("output", "agent_output"), ("earlier",), ("call", "arguments_schema"), ("held",)),
    # The reason of a decision quotes the metadata.
    EventKind.ROUTED: (
        ("output", "agent_output"),
        ("decision", "reason"),
        ("score", "raised"),
        ("error",),
        ("history",),
    ),
    EventKind.ESCALATED: _ANSWER,
    EventKind.DECIDED: _ANSWER,
    EventKind.EXPIRED: _ANSWER,
    EventKind.VOTED: _ANSWER,
    EventKind.CANCELED: _ANSWER,
    EventKind.SUPERSEDED: _ANSWER,
    EventKind.LABELED: (("label",),),
    EventKind.DELEGATED: (("reason",),),
    EventKind.REFUSED: (("answer",), ("why",)),
    EventKind.ALARM: (("cause",),),
    EventKind.FINISHED: (
        ("reason",),
        *((name,) for name in AGENT_FIELDS),
        ("human_feedback",),
        ("human_reason",),
        ("proposed_output",),
        ("final_output",),
        ("output_patch",),
        ("raised",),
        ("own_label",),
        ("classifier_error",),
    ),
    EventKind.EXECUTION_STARTED: (("output",),),
    EventKind.EXECUTION_FINISHED: (("result",),),
    EventKind.EXECUTION_FAILED: (("error",),),
}
"""The fields of an entry body that hold texts of agents and people. All others stay in the ledger permanently."""

SHOWN: tuple[Path, ...] = (
    *_TASK,
    ("routing", "output", "agent_output"),
    ("routing", "decision", "reason"),
    ("routing", "score", "raised"),
    ("routing", "error"),
    ("routing", "history"),
    ("passed_up_because",),
    ("salt",),
)
"""The same fields in the snapshot of a review."""

VERDICT: tuple[Path, ...] = (*_REVIEW, ("own_label",))
"""The same fields in the verdict of a review."""

# Placeholders of erased values other than texts. An erased output must not be executed, so it becomes None.
_PLACEHOLDERS: Mapping[str, Any] = {
    "metadata": {},
    "earlier": [],
    "arguments_schema": {},
    "raised": [],
    "history": [],
    "agent_output": {"predicted_label": ERASED},
    "modified_output": None,
    "proposed_output": None,
    "final_output": None,
    "output": None,
    "result": None,
    "output_patch": None,
    "idempotency_key": None,
    **dict.fromkeys(AGENT_FIELDS),
    "salt": "",
}
# An alarm after a redaction has no key, and quotes none of the erased texts.
_PLAIN_WITHOUT_KEY = (EventKind.ALARM,)


class Contents:
    """The key of a case and its values: canonical JSON texts under their keyed digests.

    The stored form has one line per value, the digest before the text: canonical JSON contains no line breaks.
    """

    __slots__ = ("_marked", "_secret", "_texts", "key")

    def __init__(self, key: str, body: str = "") -> None:
        """Parse the stored form; `body` is its text."""
        self.key, self._secret = key, bytes.fromhex(key)
        self._texts = {line[:_DIGITS]: line[_DIGITS:] for line in body.split("\n")} if body else {}
        # The digests that this object has computed: one of the stored form may not be that of its text.
        self._marked: dict[str, str] = {}

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._texts)

    @property
    def body(self) -> str:
        """The stored form of the values."""
        return "\n".join([name + text for name, text in self._texts.items()])

    def mark(self, value: Any) -> dict[str, str]:
        """Add a value, once, and return the mark that replaces it in an entry."""
        text = canonical_json(value)
        name = self._marked.get(text) or self._marked.setdefault(text, self._digest(text))
        self._texts[name] = text
        return {_MARK: name}

    def add(self, values: Mapping[str, str]) -> None:
        """Add canonical texts by digest, unverified: `problem` verifies them."""
        self._texts.update(values)

    def texts(self, digests: Iterable[str]) -> dict[str, str]:
        """Return the canonical texts with these digests that exist."""
        return {name: self._texts[name] for name in digests if name in self._texts}

    def value(self, mark: Mapping[str, str]) -> Any:
        """Return the value of a mark. Raises `LedgerDamaged` if it is missing or altered."""
        name = mark[_MARK]
        text = self._texts.get(name)
        if text is None or self._digest(text) != name:
            raise LedgerDamaged(
                f"the text {str(name)[:12]!r} is missing or altered, and no entry records its redaction"
            )
        return read_canonical(text)

    def problem(self, digests: Iterable[str]) -> str | None:
        """Return the problem with the texts of entries that name these digests; None if all exist and are authentic."""
        for name, text in self._texts.items():
            if self._digest(text) != name:
                return f"the text {name[:12]!r} was altered"
        digests = set(digests)
        for name in digests - self._texts.keys():
            return f"the text {name[:12]!r} is missing, and no entry records its redaction"
        for name in self._texts.keys() - digests:
            return f"no entry names the stored text {name[:12]!r}"
        return None

    def _digest(self, text: str) -> str:
        return hmac.digest(self._secret, text.encode(errors="replace"), "sha256").hex()


def named_in(entry: str) -> list[str]:
    """Return the digests of the texts that an entry names; an empty string for a text erased before it was written."""
    return _NAMED.findall(entry)


def text_under(body: str, name: str) -> str | None:
    """Return the canonical text with a digest from stored contents, without verifying it."""
    return next((line[_DIGITS:] for line in body.split("\n") if line.startswith(name)), None)


def new_contents() -> Contents:
    """Return empty contents under a new key."""
    return Contents(secrets.token_hex(32))


class NewCase(NamedTuple):
    """The first entry of a case, with digests in place of its texts, the entries after it, and the columns of its row.

    The texts of the first entry are in the contents.
    """

    intake: Draft
    more: Sequence[Draft]
    contents: Contents
    columns: dict[str, Any]

    @property
    def row(self) -> dict[str, Any]:
        """The columns of the case and of its contents."""
        return {"case_id": self.intake.case_id, "key": self.contents.key, "body": self.contents.body, **self.columns}


def contents_of_values(key: str, values: Mapping[str, str]) -> Contents:
    """Return contents of these texts by digest. None of them is parsed: each is one value, whatever it contains."""
    contents = Contents(key)
    contents.add(values)
    return contents


def marked(draft: Draft, contents: Contents | None) -> Draft:
    """Return a draft whose texts are replaced by marks. In a redacted case no text is stored."""
    if contents is None and draft.kind in _PLAIN_WITHOUT_KEY:
        return draft
    mark = _NOT_STORED if contents is None else contents.mark
    body = draft.body
    for path in ERASABLE.get(draft.kind, ()):
        body = _changed(body, path, mark)
    return draft._replace(body=body)


def restored(kind: str, body: dict[str, Any], contents: Contents | None) -> dict[str, Any]:
    """Return the body of an entry with its texts; without contents, with placeholders.

    Raises:
        LedgerDamaged: a text is missing or altered.
    """
    paths = ERASABLE.get(kind, ())
    if kind in _PLAIN_WITHOUT_KEY and not any(isinstance(body.get(name), dict) for (name,) in paths):
        return body
    try:
        if contents is None:
            return erased(body, paths)
        for path in paths:
            body = _changed(body, path, contents.value)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise LedgerDamaged(f"an entry of the kind {str(kind)!r} has an invalid reference to a text") from exc
    return body


def erased(body: dict[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Return a body with placeholders at these paths."""
    for path in paths:
        body = _changed(body, path, _always(_PLACEHOLDERS.get(path[-1], ERASED)))
    return body


def content_digest(intake: Mapping[str, Any]) -> str:
    """Return the digest that equal submissions share, if their texts are marked under the same key."""
    return digest(identity_of(intake))


def identity_of(intake: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an intake that makes it the same submission: task and output, without the task's timestamp."""
    task = {name: value for name, value in intake["task"].items() if name != "timestamp"}
    return {"output": intake["output"], "task": task}


def differences(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> list[str]:
    """Return a phrase for each field in which two intakes differ, with both values; at most five, and how many more."""
    changed = changes(identity_of(earlier), identity_of(later))
    phrases = [
        f"{change.place[1:].replace('/', '.')} was {_shown(change.before, absent=change.added)} "
        f"and is {_shown(change.after, absent=change.removed)}"
        for change in changed[:_MOST_DIFFERENCES]
    ]
    more = len(changed) - len(phrases)
    return [*phrases, f"and {more} more fields differ"] if more else phrases


def _shown(value: Any, *, absent: bool) -> str:
    return "absent" if absent else shortened(canonical_json(value))


def is_payload(body: str, name: str) -> bool:
    """Whether this is the text of the large payload that its SHA-256 names."""
    return isinstance(body, str) and sha256(body.encode(errors="replace")).hexdigest() == name


def is_same(intake: Draft, contents: Contents | None, content: str) -> bool:
    """Whether an intake repeats an earlier one with this content digest. Unknown, hence False, once that was erased."""
    if contents is None:
        return False
    # Mark in a copy: a compared text is not added to the case.
    compared = Contents(contents.key, contents.body)
    return content_digest(marked(intake, compared).body) == content


def _always(placeholder: Any) -> Change:
    return lambda value: placeholder


_NOT_STORED = _always({_MARK: None})


def _changed(body: dict[str, Any], path: Path, change: Change) -> dict[str, Any]:
    """Return a body with a changed value at a path; unchanged if the value is missing or empty."""
    name, *rest = path
    value = body.get(name)
    if not value:
        return body
    return {**body, name: _changed(value, tuple(rest), change) if rest else change(value)}
