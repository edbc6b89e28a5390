"""Settings from environment variables, which are read here only."""

import os
from pathlib import Path
from typing import Literal, TypedDict

from pydantic import Field

from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.errors import InvalidKey

DEFAULT_STORE = "sqlite:///hitl.db"
_OFF = "off"


class Opening(TypedDict):
    """The options of `Orchestrator.open` that the settings alone state, for every face that opens a store."""

    schemas: str | None
    seal_key: str | None
    checkpoint_key: str | None
    head_file: str | Literal[False] | None
    head_key: str | Path | None
    tracing: bool
    telemetry: bool


class Settings(Value):
    """The settings of one process. Its representation shows no key, and no address, which may hold a password."""

    store: str = Field(default=DEFAULT_STORE, repr=False)
    policy: str | None = None
    reviewers: str | None = None
    reviewer: str | None = None
    identities: str | None = None
    schemas: str | None = None
    seal_key: str | None = Field(default=None, repr=False)
    checkpoint_key: str | None = Field(default=None, repr=False)
    tracing: bool = False
    telemetry: bool = False
    debug: bool = False
    head_file: str | Literal[False] | None = None
    head_key: str | None = Field(default=None, repr=False)
    head_key_file: str | None = None

    @property
    def names_store(self) -> bool:
        """Whether the environment names the store; otherwise it is the default one."""
        return "store" in self.model_fields_set

    @property
    def signing_key(self) -> str | Path | None:
        """The key that signs ledger heads, or its file, if the environment names one."""
        return self.head_key or (None if self.head_key_file is None else Path(self.head_key_file))

    @property
    def opening(self) -> Opening:
        """The options with which a face opens a store, beside its policy and its people."""
        return Opening(
            schemas=self.schemas,
            seal_key=self.seal_key,
            checkpoint_key=self.checkpoint_key,
            head_file=self.head_file,
            head_key=self.signing_key,
            tracing=self.tracing,
            telemetry=self.telemetry,
        )


def read_settings() -> Settings:
    """Return the settings of the `HITL_...` variables, or their defaults.

    Raises:
        InvalidKey: the variable of a key is empty.
    """
    store = _text("HITL_STORE")
    return Settings(
        **({} if store is None else {"store": store}),
        policy=_text("HITL_POLICY"),
        reviewers=_text("HITL_REVIEWERS"),
        reviewer=_text("HITL_REVIEWER"),
        identities=_text("HITL_IDENTITIES"),
        schemas=_text("HITL_SCHEMAS"),
        seal_key=_key("HITL_SEAL_KEY"),
        checkpoint_key=_key("HITL_CHECKPOINT_KEY"),
        tracing=_is_on("HITL_TRACING"),
        telemetry=_is_on("HITL_TELEMETRY"),
        debug=_is_on("HITL_DEBUG"),
        head_file=False if _text("HITL_HEAD_FILE") == _OFF else _text("HITL_HEAD_FILE"),
        head_key=_key("HITL_HEAD_KEY"),
        head_key_file=_key("HITL_HEAD_KEY_FILE"),
    )


def _text(name: str) -> str | None:
    """Return a variable without blanks around it, with which secrets and env files often end; None if it is empty."""
    return os.environ.get(name, "").strip() or None


def _key(name: str) -> str | None:
    """Return the variable of a key. An empty one is a failed deployment, not the wish for another key."""
    text = _text(name)
    if text is None and name in os.environ:
        raise InvalidKey(name, "the variable is empty; set it to a key, or unset it")
    return text


def _is_on(name: str) -> bool:
    return (_text(name) or "").lower() in {"1", "true", "yes"}
