"""Write the pictures of the README on the starter data, light and dark. Run `python docs/report_pictures.py`.

They depend on the versions of Altair and vl-convert, so they are not generated with the other pictures; run this script
when the pictures or the starter data change.
"""

import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli import main as hitl
from hitl_orchestrator.insights.plots import draw, to_svg
from hitl_orchestrator.policies import automatic_from, read_policy

FOLDER = Path(__file__).parent / "img"
NAMES = ("trust_boundaries", "reliability")
THEMES = ("light", "dark")


def write_pictures(data: Path, store: str) -> None:
    """Replay the starter data in a store, and draw what its ledger shows."""
    tasks, outputs, reviews, policy, people = (
        str(data / f"{name}.json") for name in ("tasks", "agent_outputs", "human_reviews", "policy", "reviewers")
    )
    options = ["--policy", policy, "--reviewers", people, "--reviewer", "max", "--store", store]
    hitl(["run", tasks, "--outputs", outputs, "--reviews", reviews, *options])
    with Orchestrator.open(store) as opened:
        frame, metrics = opened.insights.frame(), opened.insights.metrics()
    bounds = automatic_from(read_policy(Path(policy).read_text("utf-8"), policy))
    for name in NAMES:
        for theme in THEMES:
            chart = draw(name, metrics, frame, bounds=bounds, theme=theme)
            if chart is not None:
                (FOLDER / f"{name}_{theme}.svg").write_text(f"{to_svg(chart)}\n", "utf-8")


def main() -> None:
    """Write the pictures, with a store that is deleted afterwards."""
    with as_file(files("hitl_orchestrator.data").joinpath("starter")) as data, tempfile.TemporaryDirectory() as folder:
        write_pictures(data, f"sqlite:///{Path(folder) / 'starter.db'}")
    sys.stdout.write(f"{len(NAMES) * len(THEMES)} pictures in {FOLDER}\n")


if __name__ == "__main__":
    main()
