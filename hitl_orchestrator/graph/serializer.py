"""A strict serializer for checkpoints: it reads plain JSON and LangGraph's own interrupts, and refuses the rest.

A checkpoint row is a tag and bytes. LangGraph's serializer turns some tags into calls of functions that the bytes name;
even its strict mode rebuilds some classes. This one reads only the two tags that it writes. With a key it writes them
encrypted, and refuses unencrypted rows.
"""

import json
import pickle
from dataclasses import fields
from functools import cache
from typing import Any

import ormsgpack
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt

from hitl_orchestrator.errors import InvalidKey, UnsafeRow, UnsafeSerializer, install_hint

PLAIN_TAGS = ("msgpack", "null")
_BY_KEYWORDS = 2  # the extension code for "import this module, call this name with these keywords"
_PAUSE = (Interrupt.__module__, Interrupt.__name__)
_PAUSE_FIELDS = frozenset(field.name for field in fields(Interrupt))
_MARK = "+aes"


class PlainSerializer(SerializerProtocol):
    """Writes as LangGraph does, and reads only values that a checkpoint of ours can hold."""

    def __init__(self) -> None:
        self._writer = JsonPlusSerializer(
            pickle_fallback=False, allowed_json_modules=None, allowed_msgpack_modules=None
        )

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return a value as a tag and bytes."""
        return self._writer.dumps_typed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value of a tag and bytes.

        Raises:
            UnsafeRow: this code never writes such a row.
        """
        tag, body = data
        if tag not in PLAIN_TAGS:
            raise UnsafeRow(f"its tag is {str(tag)!r}")
        if tag == "null":
            return None
        return _read(body)


def _read(body: bytes) -> Any:
    """Return the value of a body. An exception from the hook would lose its message, so it is raised afterwards."""
    found: list[UnsafeRow] = []

    def pause(code: int, held: bytes) -> Interrupt | None:
        try:
            return _pause(code, held)
        except UnsafeRow as exc:
            found.append(exc)
            return None

    try:
        value = ormsgpack.unpackb(body, ext_hook=pause, option=ormsgpack.OPT_NON_STR_KEYS)
    except (ormsgpack.MsgpackDecodeError, TypeError) as exc:
        raise UnsafeRow(f"it cannot be read: {exc}") from exc
    if found:
        raise found[0]
    return value


def _pause(code: int, body: bytes) -> Interrupt:
    """Return an interrupt; any other extension is refused before it is looked up."""
    if code != _BY_KEYWORDS:
        raise UnsafeRow(f"it holds an extension of kind {code}")
    named = _read(body)
    if not isinstance(named, list) or len(named) != len(("module", "name", "fields")):
        raise UnsafeRow("it holds a malformed extension")
    module, name, given = named
    if (module, name) != _PAUSE or not isinstance(given, dict) or not _PAUSE_FIELDS.issuperset(given):
        raise UnsafeRow(f"it names {module}.{name}")
    return Interrupt(**given)


class SealedSerializer(EncryptedSerializer):
    """Encrypts with AES-256, and refuses unencrypted rows."""

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value of an encrypted row.

        Raises:
            UnsafeRow: it lacks the mark of encryption, or was not encrypted with this key.
        """
        tag = str(data[0])
        if tag not in {plain + _MARK for plain in PLAIN_TAGS}:
            raise UnsafeRow(f"its tag is {tag!r}, and checkpoints are encrypted here")
        try:
            return super().loads_typed(data)
        except (ValueError, TypeError) as exc:
            raise UnsafeRow(f"it was not encrypted with this key: {exc}") from exc


def strict_serializer(key: bytes | None = None) -> SerializerProtocol:
    """Return the serializer of our checkpoints: encrypting with a `key` of 32 bytes, else plain.

    Raises:
        UnsafeSerializer: a poisoned row was read; every kind of one is tried, with classes that do no harm.
        InvalidKey: encryption is requested, and its extra is not installed.
    """
    plain = PlainSerializer()
    if key is None:
        check_strict(plain)
        return plain
    try:
        sealed = SealedSerializer.from_pycryptodome_aes(plain, key=key)
    except ImportError as exc:
        raise InvalidKey("HITL_CHECKPOINT_KEY", install_hint("encryption")) from exc
    check_strict(plain)
    check_strict(sealed)
    return sealed


def check_strict(serializer: SerializerProtocol) -> None:
    """Require that a serializer refuses every kind of poisoned row and round-trips plain values.

    Raises:
        UnsafeSerializer: it does not.
    """
    for tag, body in poisoned_rows():
        try:
            read = serializer.loads_typed((tag, body))
        except (UnsafeRow, NotImplementedError):
            continue
        raise UnsafeSerializer(
            f"a row of the form {tag!r} was read as {type(read).__name__}; install a version of langgraph-checkpoint "
            "that is supported"
        )
    sound = {"text": "é", "numbers": [1, 0.5], "nothing": None, "yes": True}
    if serializer.loads_typed(serializer.dumps_typed(sound)) != sound:
        raise UnsafeSerializer("plain values do not come back as they were; install a version that is supported")


class Probe:
    """A class that no checkpoint of ours holds."""

    def __init__(self, held: int = 1) -> None:
        self.held = held


@cache
def poisoned_rows() -> tuple[tuple[str, bytes], ...]:
    """Return one row of each kind that a non-strict serializer would rebuild or call."""
    here, name = Probe.__module__, Probe.__name__
    calls = ((0, (here, name, 1)), (1, (here, name, (1,))), (2, (here, name, {"held": 1})))
    methods = ((3, (here, name, 1, "__init__")), (4, (here, name, {"held": 1})), (5, (here, name, {"held": 1}, "x")))
    extensions = [("msgpack", _extension(code, call)) for code, call in (*calls, *methods)]
    constructor = {"lc": 2, "type": "constructor", "id": [*here.split("."), name], "kwargs": {"held": 1}}
    message = {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "human", "HumanMessage"]}
    texts = [json.dumps({"x": each}).encode() for each in (constructor, message | {"kwargs": {"content": "x"}})]
    return (("pickle", pickle.dumps(Probe())), *(("json", text) for text in texts), *extensions)


def _extension(code: int, call: Any) -> bytes:
    return ormsgpack.packb({"x": ormsgpack.Ext(code, ormsgpack.packb(call))})
