"""Write the parts of the documentation that come from the code.

`python docs/generate.py` writes them, `python docs/generate.py --check` lists the files that are out of date and exits
with 1 if there are any.
"""

import json
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import typer
from pictures import architecture, flow, review_states
from tables import command_panels, error_table, value_tables

from hitl_orchestrator.cli.app import app
from hitl_orchestrator.domain.lifecycle import REVIEW_MOVES, ReviewState
from hitl_orchestrator.insights import Report
from hitl_orchestrator.policies import policy_map, read_policy

HERE = Path(__file__).parent
ROOT, PACKAGE = HERE.parent, HERE.parent / "hitl_orchestrator"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def main(arguments: list[str]) -> int:
    """Write the files that are out of date; with `--check`, only list them."""
    files = generated_files()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if "--check" in arguments:
            sys.stdout.write(f"{path.name} is out of date; run: python docs/generate.py\n")
        else:
            path.write_text(files[path], "utf-8")
    return 1 if stale and "--check" in arguments else 0


def generated_files() -> dict[Path, str]:
    """Return the content of every file that has a generated part."""
    policy = PACKAGE / "data" / "routing_policy.json"
    endings = {
        verb.value: end.value
        for (state, verb), end in REVIEW_MOVES.items()
        if state is ReviewState.OPEN and end is not ReviewState.CLAIMED
    }
    pages = {
        HERE / "reference" / "cli.md": command_panels(typer.main.get_command(app)),
        HERE / "reference" / "errors.md": error_table(),
        HERE / "reference" / "python-api.md": value_tables(),
    }
    pictures = {
        "flow": flow(),
        "architecture": architecture(layers()),
        "review_states": review_states(endings),
        "policy_map": policy_map(read_policy(policy.read_text("utf-8"), policy.name))._repr_svg_(),
    }
    return {
        HERE / "reference" / "report.schema.json": report_schema(),
        **{page: with_lines(page, lines) for page, lines in pages.items()},
        **{HERE / "img" / f"{name}.svg": svg for name, svg in pictures.items()},
    }


def report_schema() -> str:
    """Return the JSON Schema of the report of `hitl report --format json`."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | Report.model_json_schema(mode="serialization"), indent=2) + "\n"


def with_lines(page: Path, lines: Iterable[str]) -> str:
    """Return a page with these lines between its two marks."""
    before, rest = page.read_text("utf-8").split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{chr(10).join(lines)}\n{END}{after}"


def layers() -> list[list[str]]:
    """Return the layers of the import-linter contract, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contract = next(contract for contract in settings["contracts"] if contract["type"] == "layers")
    return [[name.strip() for name in layer.replace(":", "|").split("|")] for layer in contract["layers"]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
