"""Names of people beside their ids, and the id that spells a name plainly."""

import re
import unicodedata
from collections.abc import Mapping
from hashlib import sha256

_NOT_IN_ID = re.compile(r"[^A-Za-z0-9._:-]+")


def plain_id(text: str, what: str) -> str:
    """Return a text as an id: letters without marks, and hyphens in place of what no id has; may be empty.

    A text with other letters than Latin ones gets digits of its hash, so that two such texts remain two ids; without
    any Latin letter, they follow `what`.
    """
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    found = _NOT_IN_ID.sub("-", plain).strip("._:-")
    if any(each.isalnum() and not each.isascii() for each in plain):
        return f"{found or what}-{sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"
    return found


def known_as(person: str, names: Mapping[str, str]) -> str:
    """Return the name of a person whose id only spells it plainly, as `Ana-Q` does for Ana Q.; else the id."""
    name = names.get(person)
    return person if name is None or plain_id(name, "reviewer") != person else name


def with_id(person: str, names: Mapping[str, str]) -> str:
    """Return the name of a person followed by the id, where there is another name than the id."""
    name = names.get(person, person)
    return person if name == person else f"{name} ({person})"


def ids_of(name: str, names: Mapping[str, str]) -> list[str]:
    """Return the ids of the people who have a name, capitals aside; an id is its own."""
    if name in names:
        return [name]
    return [person for person, known in names.items() if known.casefold() == name.casefold()] or [name]
