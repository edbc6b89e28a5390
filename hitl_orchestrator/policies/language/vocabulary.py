"""The vocabulary of an organization: the domains and the task types that exist. Any other word is unknown."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, model_validator
from pydantic_core import InitErrorDetails

from hitl_orchestrator.domain.enums import OWN_QUESTIONS, POLICY_DOMAIN
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.shown.letters import spelling
from hitl_orchestrator.domain.value import Label, Value
from hitl_orchestrator.policies.language.rule import Rule

OWN_WORDS = {"domain": (POLICY_DOMAIN,), "task_type": OWN_QUESTIONS}
"""The words of the questions that the system asks itself, by field."""


def _each_once(words: tuple[str, ...] | None) -> tuple[str, ...] | None:
    seen: dict[str, str] = {}
    for word in words or ():
        alike = seen.setdefault(spelling(word), word)
        if alike != word or (words or ()).count(word) > 1:
            other = "itself" if alike == word else repr(alike)
            raise ValueError(f"{word!r} is spelled like {other}; keep one of them")
    if words is not None and not words:
        raise ValueError("an empty vocabulary has no word; add one, or leave it out")
    return words


Words = Annotated[tuple[Label, ...] | None, AfterValidator(_each_once)]


class Vocabulary(Value):
    """The words that exist. None where they are open: any word may be one."""

    domains: Words = None
    task_types: Words = None

    @model_validator(mode="after")
    def _something(self) -> "Vocabulary":
        if self.domains is None and self.task_types is None:
            raise ValueError("it closes nothing; add domains or task_types")
        return self

    def words(self, field: str) -> tuple[str, ...] | None:
        """Return the words of `domain` or `task_type`; None where they are open."""
        return self.domains if field == "domain" else self.task_types

    def known(self, field: str) -> tuple[str, ...] | None:
        """Return the same with the words of the questions that the system asks itself."""
        words = self.words(field)
        return None if words is None else tuple(dict.fromkeys((*words, *OWN_WORDS[field])))

    def unknown(self, domain: str, task_type: str) -> Iterator[tuple[str, str, str]]:
        """Yield each field whose word does not exist, with the word and the one that was probably meant, if any."""
        for field, word in (("domain", domain), ("task_type", task_type)):
            words = self.words(field)
            if words is not None and word not in words:
                yield field, word, meant_by(word, words)


def unknown_words(
    rules: Sequence[Rule], vocabulary: Vocabulary | None, where: tuple[int | str, ...] = ()
) -> list[InitErrorDetails]:
    """Return the words of conditions that are not in the vocabulary."""
    if vocabulary is None:
        return []
    return [
        _error((*where, index, *path, field), word, known)
        for index, rule in enumerate(rules)
        for path, conditions in rule.conditions.walk("conditions")
        for field in OWN_WORDS
        if (known := vocabulary.known(field)) is not None
        for word in getattr(conditions, field)
        if word not in known
    ]


def unknown_names(layers: Iterable[str], vocabulary: Vocabulary) -> list[InitErrorDetails]:
    """Return the names of domain layers that are not in the vocabulary."""
    known = vocabulary.known("domain")
    return [_error((name,), name, known) for name in layers if known is not None and name not in known]


def _error(where: tuple[int | str, ...], word: str, known: tuple[str, ...]) -> InitErrorDetails:
    why = ValueError(f"it is not in the vocabulary{meant_by(word, known) or '; add it to the vocabulary'}")
    return InitErrorDetails(type="value_error", loc=where, input=word, ctx={"error": why})


def meant_by(word: str, words: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for a word that is spelled like one of these, else an empty string."""
    words = list(words)
    near = near_miss(word, words)
    return did_you_mean(word, words) if near is None else f"; did you mean {near!r}?"


def near_miss(word: str, words: Collection[str]) -> str | None:
    """Return the word from which this one differs in case, blanks, signs or look-alike letters alone."""
    if word in words:
        return None
    wanted = spelling(word)
    return next((each for each in words if spelling(each) == wanted), None)
