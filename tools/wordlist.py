"""Refuse words that hide the actor or the thing, such as `nobody`. The voice guide is in CONTRIBUTING.md.

Usage: python tools/wordlist.py [FILE ...]. Without files it reads every file that git tracks. A line that needs such a
word, in a quotation for example, ends in the comment `wordlist: allow`. Exit code 1 if a word is found.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUFFIXES = {".py", ".md", ".ipynb", ".toml", ".yml", ".yaml", ".svg", ".css", ".html"}
WORDS = (
    "nobody",
    "somebody",
    "anybody",
    "everybody",
    "whoever",
    "whomever",
    "anew",
    "told",
    "said",
    "of its own accord",
    "lets? go of",
    "a moment ago",
)
LISTED = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(WORDS)})(?![A-Za-z])|^\s*\"\"\"[^\n]*\bPure\.", re.IGNORECASE)
ALLOWED = "wordlist: allow"
EXEMPT = {"tools/wordlist.py", "CONTRIBUTING.md"}
"""Files that name the words in order to forbid them."""


def main(names: list[str]) -> int:
    """Print each listed word with its place, and return 1 if there is one."""
    hits = [hit for path in files(names) for hit in hits_in(path)]
    for hit in hits:
        sys.stdout.write(f"{hit}\n")
    if hits:
        sys.stdout.write(f"{len(hits)} listed words; name the actor and the thing instead (CONTRIBUTING.md, voice)\n")
    return 1 if hits else 0


def files(names: list[str]) -> list[Path]:
    """Return the files to read: the named ones, or all that git tracks with a suffix of ours."""
    if names:
        return [Path(name).resolve() for name in names]
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607
    paths = [ROOT / name for name in listing.stdout.split("\0") if name and name not in EXEMPT]
    return [path for path in paths if path.suffix in SUFFIXES and path.is_file() and not path.is_symlink()]


def hits_in(path: Path) -> Iterator[str]:
    """Yield place and word of each hit in one file."""
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if ALLOWED not in line:
            for match in LISTED.finditer(line):
                yield f"{shown}:{number}: {match.group().strip()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
