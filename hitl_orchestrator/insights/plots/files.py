"""Charts as SVG and PNG, drawn by vl-convert without a browser and without a network."""

import re
from html import escape
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.insights.plots.style import altair

if TYPE_CHECKING:
    import altair as alt

_TAG = re.compile(r"<[^<>]+>")
_LONG_NUMBER = re.compile(r"(\d\.\d\d)\d+")


def to_svg(chart: "alt.TopLevelMixin") -> str:
    """Return a chart as SVG: the same chart has the same text. Its description is the label for screen readers.

    Raises:
        InvalidInput: the extra `plots` is not installed.
    """
    spec = chart.to_dict(validate=False)
    version = ".".join(altair().SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    drawn = _vl_convert().vegalite_to_svg(spec, vl_version=version, allowed_base_urls=[])
    # Hundredths of a pixel are enough. Texts keep their digits: they stand outside of tags.
    short = _TAG.sub(lambda tag: _LONG_NUMBER.sub(r"\1", tag[0]), str(drawn))
    label = escape(str(spec.get("description", "")))
    return short.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def to_png(chart: "alt.TopLevelMixin", scale: float = 2) -> bytes:
    """Return a chart as PNG, with `scale` pixels for each pixel of its width.

    Letters for which the machine has no font, such as CJK, are drawn as boxes; an SVG uses the fonts of its reader.

    Raises:
        InvalidInput: the extra `plots` is not installed.
    """
    return bytes(_vl_convert().svg_to_png(to_svg(chart), scale=scale))


def _vl_convert() -> Any:
    try:
        import vl_convert  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidInput(
            [f"a picture file needs vl-convert-python, which is missing; {install_hint('plots')}"]
        ) from None
    return vl_convert
