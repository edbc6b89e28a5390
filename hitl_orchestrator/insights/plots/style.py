"""The house style of pictures: themes, text sizes, and the frame of title, subtitle and alt text.

Every color of a mark has a contrast of at least 3:1 with its background, every color of a text 4.5:1 (WCAG 2.1, 1.4.11
and 1.4.3). Colors that mean different things differ in brightness and for color-blind readers, and each has a shape or
a dash of its own too, so that a picture can be read when printed in grey.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.insights.plots.labels import wrapped

if TYPE_CHECKING:
    import altair as alt

ThemeName = Literal["light", "dark", "grey"]

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
"""Fonts of one width: the last but one comes with vl-convert, so layouts agree between machines."""

PAGE, PHONE, NARROW = 720, 360, 520
LEAST_WIDTH, MOST_WIDTH = 280, 2400
PADDING = 16
_LINEAR = 0.04045
DASHED, DOTTED, SOLID = (6, 4), (2, 3), (1, 0)


class Theme(NamedTuple):
    """The colors of a theme. `heat` runs from the lowest to the highest value."""

    background: str
    panel: str
    tint: str
    text: str
    muted: str
    grid: str
    line: str
    auto: str
    review: str
    escalate: str
    wrong: str
    heat: tuple[str, ...]


THEMES: Mapping[str, Theme] = {
    "light": Theme(
        background="#ffffff",
        panel="#f5f7f9",
        tint="#e3f2ee",
        text="#1f2328",
        muted="#59636e",
        grid="#e3e7ec",
        line="#818b96",
        auto="#0c957a",
        review="#b45309",
        escalate="#4f1a80",
        wrong="#b4124b",
        heat=("#fdf3e7", "#fbd9ae", "#f3ac6c", "#d97634", "#a94815", "#702607"),
    ),
    "dark": Theme(
        background="#12161c",
        panel="#1a2027",
        tint="#143029",
        text="#f0f6fc",
        muted="#a3adb8",
        grid="#2b323b",
        line="#818b96",
        auto="#22b08d",
        review="#f2b134",
        escalate="#e8ccff",
        wrong="#ff8fab",
        heat=("#241c17", "#4a2c18", "#7d431b", "#b5652a", "#e2954f", "#ffd3a1"),
    ),
    "grey": Theme(
        background="#ffffff",
        panel="#f6f6f6",
        tint="#e9e9e9",
        text="#111111",
        muted="#505050",
        grid="#e2e2e2",
        line="#7d7d7d",
        auto="#777777",
        review="#484848",
        escalate="#000000",
        wrong="#000000",
        heat=("#f7f7f7", "#dddddd", "#b8b8b8", "#8c8c8c", "#5c5c5c", "#2b2b2b"),
    ),
}


class Look(NamedTuple):
    """A theme and the width of the whole picture in pixels."""

    theme: Theme
    width: int

    @property
    def is_narrow(self) -> bool:
        """Whether the picture is for a phone."""
        return self.width < NARROW

    @property
    def inner(self) -> int:
        """The width within the padding."""
        return self.width - 2 * PADDING

    @property
    def title_size(self) -> int:
        """The size of the title in pixels."""
        return 15 if self.is_narrow else 18

    @property
    def text_size(self) -> int:
        """The size of labels in pixels."""
        return 11 if self.is_narrow else 12


class Frame(NamedTuple):
    """What surrounds a drawing: the finding, what it rests on, and the same for readers who do not see it."""

    title: str
    subtitle: str
    alt_text: str


def look_of(theme: str, width: int | None) -> Look:
    """Return the look of a theme and a width; without a width, that of a page.

    Raises:
        InvalidInput: there is no such theme, or the width is out of bounds.
    """
    if theme not in THEMES:
        raise InvalidInput([f"theme: {theme!r} is none; choose from {', '.join(THEMES)}"])
    if width is not None and not LEAST_WIDTH <= width <= MOST_WIDTH:
        raise InvalidInput([f"width: {width} is not within {LEAST_WIDTH} to {MOST_WIDTH} pixels"])
    return Look(THEMES[theme], PAGE if width is None else width)


def altair() -> Any:
    """Return the module altair.

    Raises:
        InvalidInput: it is not installed.
    """
    try:
        import altair  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise InvalidInput([f"a picture needs altair, which is missing; {install_hint('plots')}"]) from None
    return altair


def unchecked() -> AbstractContextManager[None]:
    """Build charts without checking each part against the schema of Vega-Lite, which takes most of the time."""
    altair()
    from altair.utils.schemapi import debug_mode  # noqa: PLC0415 - an extra, and slow to import

    return debug_mode(False)


def framed(layers: Sequence["alt.Chart"], look: Look, frame: Frame, height: int) -> "alt.LayerChart":
    """Return layers as one picture of the width of `look`, with a plot of `height` pixels, in the house style."""
    alt, size = altair(), look.title_size
    # All at once, since each change of a chart copies all of it.
    return alt.LayerChart(  # type: ignore[no-any-return]
        layer=list(layers),
        width=look.width,
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        padding=PADDING,
        title=alt.TitleParams(
            text=wrapped(frame.title, look.inner, size, bold=True),
            subtitle=wrapped(frame.subtitle, look.inner, look.text_size + 1),
        ),
        description=f"{frame.title}. {frame.alt_text}",
        config=_config(look),
    )


def _config(look: Look) -> Any:
    alt, theme, size, small = altair(), look.theme, look.title_size, look.text_size
    return alt.Config(
        font=FONT,
        background=theme.background,
        aria=False,
        view=alt.ViewConfig(stroke=None),
        title=alt.TitleConfig(
            anchor="start", frame="bounds", offset=14, color=theme.text, fontSize=size, lineHeight=size + 5,
            subtitleColor=theme.muted, subtitleFontSize=small + 1, subtitleLineHeight=small + 6, subtitlePadding=6,
        ),
        axis=alt.AxisConfig(
            labelColor=theme.muted, titleColor=theme.muted, labelFontSize=small, titleFontSize=small, labelPadding=6,
            titleFontWeight="normal", titlePadding=8, gridColor=theme.grid, domainColor=theme.line,
            tickColor=theme.line, tickSize=4, labelLimit=0,
        ),
    )  # fmt: skip


def in_pixels(look: Look, height: int) -> tuple[Any, Any]:
    """Return encodings of `x` and `y` in pixels from the upper left corner of the plot, without axes."""
    alt = altair()
    x = alt.Scale(domain=[0, look.inner], nice=False, zero=False)
    y = alt.Scale(domain=[height, 0], nice=False, zero=False)
    return alt.X("x:Q", scale=x, axis=None), alt.Y("y:Q", scale=y, axis=None)


PERCENT_LABEL = "format(100 * datum.value, '~f') + ' %'"
"""The label of an axis of shares, as the language of Vega writes it."""


def rows(values: Sequence[Mapping[str, Any]]) -> "alt.InlineData":
    """Return values as the data of a chart, which are part of it. Altair copies lists, but not tuples."""
    return altair().InlineData(values=tuple(values))  # type: ignore[no-any-return]


def mixed(colors: Sequence[str], share: float) -> str:
    """Return the color at a share of 0 to 1 of the way along some colors."""
    place = min(max(share, 0.0), 1.0) * (len(colors) - 1)
    index = min(int(place), len(colors) - 2)
    low, high = (_parts(color) for color in colors[index : index + 2])
    return "#" + "".join(f"{round(a + (b - a) * (place - index)):02x}" for a, b in zip(low, high, strict=True))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors (WCAG 2.1): 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def text_on(color: str) -> str:
    """Return black or white, whichever can be read better on a color: the contrast is at least 4.58."""
    return max("#000000", "#ffffff", key=lambda text: contrast(text, color))


def _parts(color: str) -> list[int]:
    return [int(color[place : place + 2], 16) for place in (1, 3, 5)]


def _luminance(color: str) -> float:
    shares = (part / 255 for part in _parts(color))
    red, green, blue = (s / 12.92 if s <= _LINEAR else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
