"""Print the lowest versions of our dependencies that pyproject.toml allows, one pin a line, for `make lowest`."""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def main() -> None:
    """Print the pins."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        match = re.match(r"([\w.-]+)>=([\w.]+)", requirement)
        if match is None:
            sys.exit(f"{PROJECT.name}: {requirement!r} has no lower bound; give it one")
        sys.stdout.write(f"{match[1]}=={match[2]}\n")


if __name__ == "__main__":
    main()
