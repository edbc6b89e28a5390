"""Pictures made fit to stand inside a page: only shapes and texts, without links, scripts or names that may clash."""

import re
from xml.etree import ElementTree as ET

from hitl_orchestrator.errors import InvalidInput

SVG = "http://www.w3.org/2000/svg"
_SHAPES = (
    "svg g path line polyline polygon rect circle ellipse text tspan defs clipPath linearGradient radialGradient "
    "stop pattern mask"
)
_ATTRIBUTES = (
    "width height viewBox preserveAspectRatio x y x1 x2 y1 y2 dx dy cx cy r rx ry d points transform fill "
    "fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-dashoffset stroke-linecap "
    "stroke-linejoin stroke-miterlimit opacity font-family font-size font-weight font-style text-anchor "
    "dominant-baseline id clip-path clip-rule mask offset stop-color stop-opacity gradientUnits gradientTransform "
    "patternUnits patternTransform display visibility clipPathUnits letter-spacing"
)
_KNOWN_SHAPES, _KNOWN_ATTRIBUTES = frozenset(_SHAPES.split()), frozenset(_ATTRIBUTES.split())
_COLORS = frozenset(("fill", "stroke", "stop-color"))
_GEOMETRY = frozenset(("d", "transform", "points"))
_REFERENCE = re.compile(r"url\(\s*['\"]?#([^'\")\s]+)['\"]?\s*\)")
_LONG_NUMBER = re.compile(r"(-?\d+\.\d{2})\d+")
_SIZE = re.compile(r"^\d+(\.\d+)?(px)?$")


def picture(light: str, dark: str | None, name: str) -> str:
    """Return one SVG for a page, with rules for a dark screen where the dark picture differs in colors only.

    Where the two differ in more than colors, the result is the light one for paper and light screens, and the dark one.
    """
    page = parsed(light, f"{name}-")
    night = None if dark is None else parsed(dark, f"{name}-")
    if night is None:
        return _text(page)
    rules = _recolored(page, night, name)
    if rules is not None:
        style = "".join(f".{css}{{{rule}}}" for rule, css in rules.items())
        return f"<style>@media screen and (prefers-color-scheme:dark){{{style}}}</style>{_text(page)}"
    page.set("class", "by-day")
    night = parsed(dark or "", f"{name}-dark-")
    night.set("class", "by-night")
    return _text(page) + _text(night)


def on_paper(light: str, font: str) -> bytes:
    """Return an SVG for a PDF, with all texts in one font."""
    page = parsed(light, "")
    for each in page.iter():
        if "font-family" in each.attrib:
            each.set("font-family", font)
    return ET.tostring(page, encoding="unicode").encode()


def parsed(text: str, prefix: str) -> ET.Element:
    """Return an SVG with known shapes and attributes only, and with `prefix` before every id.

    Raises:
        InvalidInput: it is no SVG, or it declares entities.
    """
    if "<!" in text or "<?" in text:
        raise InvalidInput(["a picture must be an SVG without declarations or comments"])
    try:
        root = ET.fromstring(text)  # noqa: S314 - without declarations there are no entities to expand
    except ET.ParseError as exc:
        raise InvalidInput([f"a picture is not an SVG: {exc}"]) from None
    if root.tag != f"{{{SVG}}}svg":
        raise InvalidInput(["a picture is not an SVG: its first element is not <svg>"])
    return _kept(root, prefix)


def _kept(element: ET.Element, prefix: str) -> ET.Element:
    kept = ET.Element(element.tag.removeprefix(f"{{{SVG}}}"))
    for name, value in element.attrib.items():
        if name in _KNOWN_ATTRIBUTES and (safe := _value(name, value, prefix)) is not None:
            kept.set(name, safe)
    kept.text, kept.tail = element.text, element.tail
    last: ET.Element | None = None
    for child in element:
        if child.tag.removeprefix(f"{{{SVG}}}") in _KNOWN_SHAPES:
            last = _kept(child, prefix)
            kept.append(last)
        elif last is None:
            kept.text = (kept.text or "") + (child.tail or "")
        else:
            last.tail = (last.tail or "") + (child.tail or "")
    return kept


def _value(name: str, value: str, prefix: str) -> str | None:
    """Return the value of an attribute; None where it refers to anything outside of the picture."""
    if name == "id":
        return f"{prefix}{value}"
    if name in _GEOMETRY:
        return _LONG_NUMBER.sub(r"\1", value)
    referred = _REFERENCE.sub(lambda found: f"url(#{prefix}{found[1]})", value)
    outside = _REFERENCE.sub("", value).casefold()
    return None if "url" in outside or "\\" in outside else referred


def _recolored(light: ET.Element, dark: ET.Element, name: str) -> dict[str, str] | None:
    """Give each element of another color in the dark a class; return the rules, or None if the shapes differ."""
    changes: list[tuple[ET.Element, str]] = []
    days, nights = list(light.iter()), list(dark.iter())
    if len(days) != len(nights):
        return None
    for day, night in zip(days, nights, strict=True):
        names = {*day.attrib, *night.attrib}
        differing = sorted(each for each in names if day.get(each) != night.get(each))
        if day.tag != night.tag or len(day) != len(night) or (day.text or "") != (night.text or ""):
            return None
        if not _COLORS.issuperset(differing) or any(night.get(each) is None for each in differing):
            return None
        if differing:
            changes.append((day, ";".join(f"{each}:{_color(night.attrib[each])}" for each in differing)))
    rules: dict[str, str] = {}
    for day, rule in changes:
        day.set("class", rules.setdefault(rule, f"{name.replace('_', '-')}-{len(rules)}"))
    return rules


def _color(value: str) -> str:
    """Return a color without any sign that could end a style rule."""
    return "".join(sign for sign in value if sign not in "{}<>;:\"'\\/*")


def _text(root: ET.Element) -> str:
    """Return the SVG as text: as wide as its place, at most as wide as it was drawn."""
    width, height = root.get("width", ""), root.get("height", "")
    if root.get("viewBox") is None and _SIZE.match(width) and _SIZE.match(height):
        root.set("viewBox", f"0 0 {width.removesuffix('px')} {height.removesuffix('px')}")
    root.set("aria-hidden", "true")
    root.set("xmlns", SVG)
    return ET.tostring(root, encoding="unicode")
