"""Errors of foreign code. In the log they are the type alone: a text or a traceback may quote what a case contains."""

from collections.abc import Mapping
from logging import Logger

from hitl_orchestrator.errors.base import HitlError
from hitl_orchestrator.errors.failures import ClassifierFailed, ResumerFailed

__all__ = ["in_log", "log_foreign", "sentence_of"]


def log_foreign(log: Logger, sentence: str, exc: BaseException, about: Mapping[str, str | None]) -> None:
    """Warn that foreign code failed, with the type of its error; the traceback is for the level DEBUG."""
    log.warning("%s: %s", sentence, type(exc).__name__, extra=about)
    log.debug("%s", sentence, exc_info=exc, extra=about)


def in_log(exc: BaseException) -> str:
    """Return the sentence of an error of this package; the type of another, and of one that quotes another."""
    is_ours = isinstance(exc, HitlError) and not isinstance(exc, (ClassifierFailed, ResumerFailed))
    return str(exc) if is_ours else type(exc).__name__


def sentence_of(exc: BaseException) -> str:
    """Return the type and the text of an error, whose text may be empty, or fail in any way."""
    try:
        return f"{type(exc).__name__}: {exc}".removesuffix(": ")
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the type says enough
        return type(exc).__name__
