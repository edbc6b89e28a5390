"""An HTML page as its elements and texts, for tests."""

from html.parser import HTMLParser
from typing import NamedTuple

VOID = {"meta", "col", "br", "hr", "img", "input", "link", "wbr"}


class Element(NamedTuple):
    tag: str
    attributes: dict[str, str]
    path: tuple[str, ...]


class Page(HTMLParser):
    """The elements of a page in their order, its visible texts, and its style."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.texts: list[str] = []
        self.directions: list[tuple[str, str]] = []
        """The text of each element, from its first letter to its end, with the direction that it asks for."""
        self.style = ""
        self._open: list[str] = []
        self._begun: list[tuple[int, str]] = []
        self.feed(source)
        self.close()
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag, attrs):
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)
            self._begun.append((len(self.texts), dict(attrs).get("dir") or ""))

    def handle_startendtag(self, tag, attrs):
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1] == tag, f"</{tag}> closes <{self._open[-1]}>"
        self._open.pop()
        start, direction = self._begun.pop()
        self.directions.append((" ".join("".join(self.texts[start:]).split()), direction))

    def handle_data(self, data):
        if self._open and self._open[-1] == "style":
            self.style += data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All visible texts, with single blanks; texts that only a break joins are one."""
        return " ".join("".join(self.texts).split())

    def values(self, attribute: str) -> list[str]:
        """The values of an attribute, wherever it stands."""
        return [each.attributes[attribute] for each in self.elements if attribute in each.attributes]
