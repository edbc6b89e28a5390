"""Spans of OpenTelemetry: one for each call that moves a case, and one for each node of its graph.

Only an orchestrator that is opened with `telemetry` writes them. They carry ids, types, decisions and times; the texts
of agents and people only where `contents` asks for them. Names follow the semantic conventions for generative AI
(`gen_ai.*`) where they have one, and begin with `hitl.` elsewhere.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from hitl_orchestrator.errors import InvalidInput, install_hint

__all__ = ["NO_SPANS", "Span", "Spans", "Telemetry"]

Attribute = str | bool | int | float | tuple[str, ...] | None
_NAME = "hitl_orchestrator"
_PAUSE = "GraphBubbleUp"
Returned = TypeVar("Returned")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """The spans that an orchestrator writes.

    `provider` is a tracer provider of OpenTelemetry; by default the one that the process has set, if any. With
    `contents` they also carry descriptions, proposals, reasons and feedback.
    """

    contents: bool = False
    provider: Any = None


Telemetry.__module__ = _NAME  # the name that users import


class Span(Protocol):
    """A span while it is open."""

    def note(self, **attributes: Attribute) -> None:
        """Add attributes; `hitl_case_id` is written as `hitl.case.id`. None is left out."""

    def content(self, **texts: Any) -> None:
        """Add texts of agents and people, where contents are asked for."""

    def evaluation(self, name: str, label: str, value: float | None, explanation: str = "") -> None:
        """Add the event of a verdict, `gen_ai.evaluation.result`."""


class Spans:
    """Makes the spans of one orchestrator. Without a tracer it makes none, at the cost of one call."""

    def __init__(self, tracer: Any = None, *, contents: bool = False) -> None:
        self._tracer, self._contents = tracer, contents

    @classmethod
    def of(cls, telemetry: bool | Telemetry) -> "Spans":
        """Return the spans that the argument of `open` asks for.

        Raises:
            InvalidInput: it is of another type, or the extra `telemetry` is not installed.
        """
        if telemetry is False:
            return NO_SPANS
        wanted = Telemetry() if telemetry is True else telemetry
        if not isinstance(wanted, Telemetry):
            raise InvalidInput([f"telemetry: {wanted!r} is neither True, False nor a Telemetry"])
        if wanted.provider is None:
            try:
                tracer = import_module("opentelemetry.trace").get_tracer(_NAME)
            except ImportError as exc:
                raise InvalidInput([f"telemetry: OpenTelemetry is missing; {install_hint('telemetry')}"]) from exc
            return cls(tracer, contents=wanted.contents)
        if not callable(getattr(wanted.provider, "get_tracer", None)):
            raise InvalidInput([f"telemetry: provider: {wanted.provider!r} is no tracer provider"])
        return cls(wanted.provider.get_tracer(_NAME), contents=wanted.contents)

    def span(self, name: str, **attributes: Attribute) -> AbstractContextManager[Span]:
        """Open a span, the child of the current one, until the context is left."""
        return nullcontext(_NOTHING) if self._tracer is None else self._open(name, attributes)

    @contextmanager
    def _open(self, name: str, attributes: Mapping[str, Attribute]) -> Iterator[Span]:
        options = {"attributes": _named(attributes), "record_exception": False, "set_status_on_exception": False}
        opened, span = _safely(self._begun, name, options) or (nullcontext(), _NOTHING)
        try:
            yield span
        except BaseException as exc:
            if isinstance(span, _OpenSpan):
                _safely(span.end_with, exc)
            raise
        finally:
            _safely(opened.__exit__, None, None, None)

    def _begun(self, name: str, options: Mapping[str, Any]) -> tuple[AbstractContextManager[Any], Span]:
        opened = self._tracer.start_as_current_span(name, **options)
        otel = opened.__enter__()
        return opened, _OpenSpan(otel, contents=self._contents) if otel.is_recording() else _NOTHING


def _safely(step: Callable[..., Returned], *given: Any) -> Returned | None:
    """Take a step of telemetry, which runs foreign code. One that fails costs the span, and never the call."""
    try:
        return step(*given)
    except Exception as exc:  # noqa: BLE001 - of a provider, an exporter, or a value that cannot be written
        about = {"case_id": None, "event": "telemetry_failed"}
        _log.warning("a part of a span was not written: %s", type(exc).__name__, extra=about)
        return None


class _OpenSpan:
    """A span that is recorded."""

    def __init__(self, otel: Any, *, contents: bool) -> None:
        self._otel, self._contents = otel, contents

    def note(self, **attributes: Attribute) -> None:
        _safely(lambda: self._otel.set_attributes(_named(attributes)))

    def content(self, **texts: Any) -> None:
        for name, value in texts.items() if self._contents else ():
            text = _safely(_text, value)
            self.note(**{name: text or None})

    def evaluation(self, name: str, label: str, value: float | None, explanation: str = "") -> None:
        fields = {
            "gen_ai.evaluation.name": name,
            "gen_ai.evaluation.score.label": label,
            "gen_ai.evaluation.score.value": value,
            "gen_ai.evaluation.explanation": explanation if self._contents and explanation else None,
        }
        event = {key: each for key, each in fields.items() if each is not None}
        _safely(lambda: self._otel.add_event("gen_ai.evaluation.result", event))

    def end_with(self, exc: BaseException) -> None:
        """Mark a span whose call raised, with the type alone: a message may quote a text. A pause is no error."""
        if any(kind.__name__ == _PAUSE for kind in type(exc).__mro__):
            self._otel.set_attribute("hitl.paused", True)
            return
        self._otel.set_attribute("error.type", type(exc).__name__)
        self._otel.set_status(import_module("opentelemetry.trace").StatusCode.ERROR)


class _NoSpan:
    """Takes the place of a span that is not recorded."""

    def note(self, **attributes: Attribute) -> None:
        pass

    def content(self, **texts: Any) -> None:
        pass

    def evaluation(self, name: str, label: str, value: float | None, explanation: str = "") -> None:
        pass


_NOTHING = _NoSpan()

NO_SPANS = Spans()
"""Makes no spans."""


def _named(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """Return attributes under the names of OpenTelemetry: `gen_ai_agent_id` is `gen_ai.agent.id`."""
    return {_dotted(name): value for name, value in attributes.items() if value is not None}


def _dotted(name: str) -> str:
    prefix, kept = ("gen_ai", name[7:]) if name.startswith("gen_ai_") else ("", name)
    return ".".join(filter(None, (prefix, kept.replace("_", "."))))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    value = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode(errors="replace").decode()
