"""Read a text in its simplest letters, so that spellings that a person takes for one another become equal."""

import html
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from hitl_orchestrator.domain.shown.invisible_characters import hidden_in

_WORD = re.compile(r"[^\W_]+")
_LATIN = re.compile(r"LATIN (?:SMALL |CAPITAL )?LETTER (?:SMALL CAPITAL |DOTLESS |SCRIPT )?([A-Z])(?: WITH .*)?")
# Letters of other scripts that look like Latin ones, in capitals or in small letters.
_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХҮаеѕіјкмнорстухԁһԛԝӏѵв" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεηινοκρτυχ" + "ɑɡɩօոսհ",  # noqa: RUF001 - that is the point
    "ABESIJKMHOPCTYXYaesijkmhopctyxdhqwlvb" + "ABEZHIKMNOPTYXabenivokptux" + "agionuh",
)


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in small letters without accents, look-alike letters as the ones that they imitate."""
    alike = without_marks(decoded(text)).translate(_ALIKE)
    folded = "".join(map(_base, alike)).casefold().translate(_ALIKE)
    return tuple(_WORD.findall(without_marks(folded)))


def spelling(word: str) -> str:
    """Return a word without case, blanks, signs and look-alike letters: equal for spellings of one word."""
    return "".join(words_of(word)) or word


def decoded(text: str) -> str:
    """Return a text in compatible letters, without escapes and invisible characters, its white space as spaces."""
    return visible(html.unescape(unquote(text)))


def visible(text: str) -> str:
    """Return a text in compatible letters, without invisible characters, its white space as spaces."""
    plain = unicodedata.normalize("NFKC", text)
    hidden = set(hidden_in(plain))
    return "".join(" " if char.isspace() else char for char in plain if char.isspace() or char not in hidden).strip()


def without_marks(text: str) -> str:
    """Return a text without accents and other marks, which are easily left out."""
    return "".join(char for char in unicodedata.normalize("NFKD", text) if unicodedata.category(char)[0] != "M")


@lru_cache(maxsize=4096)
def _base(char: str) -> str:
    """Return the plain letter or digit of a character, such as `l` for `ł`; nothing for a modifier letter."""
    if char.isascii():
        return char
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    name = unicodedata.name(char, "")
    latin = _LATIN.fullmatch(name)
    return latin[1] if latin else "" if name.startswith("MODIFIER ") else char
