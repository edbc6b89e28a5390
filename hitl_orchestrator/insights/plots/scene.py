"""What a picture is drawn from, and what a picture is."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hitl_orchestrator.insights.metrics.model import Metrics
from hitl_orchestrator.insights.plots.style import Look

if TYPE_CHECKING:
    import altair as alt
    import polars as pl


class Bound(NamedTuple):
    """The confidence from which a policy approves cases of a risk automatically; None where it never does.

    The label says by which rule, such as `by rule_004`.
    """

    risk: str
    confidence: float | None
    label: str = ""


class AnyBound(Protocol):
    """A `Bound`, or what `policies.automatic_from` returns."""

    @property
    def risk(self) -> str:
        """The risk of the cases."""

    @property
    def confidence(self) -> float | None:
        """The lowest confidence that is approved automatically."""

    @property
    def label(self) -> str:
        """What follows the bound in the picture."""


class Scene(NamedTuple):
    """The metrics, the prepared frame that they were measured on, the bounds of the policy, and the look."""

    metrics: Metrics
    frame: "pl.DataFrame | None"
    bounds: Sequence[AnyBound]
    look: Look


class Picture(NamedTuple):
    """A kind of picture: `says` is the finding and the title, `describe` the picture in words for screen readers.

    `why_not` says why there is not enough data; None where there is. `draw` then returns the chart.
    """

    name: str
    heading: str
    draw: "Callable[[Scene], alt.LayerChart]"
    says: Callable[[Metrics], str]
    describe: Callable[[Metrics], str]
    why_not: Callable[[Metrics], str | None]
    needs_frame: bool = False

    def alt(self, metrics: Metrics) -> str:
        """Return the finding and the picture in words, or why there is no picture."""
        return self.why_not(metrics) or f"{self.says(metrics)}. {self.describe(metrics)}"
