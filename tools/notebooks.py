"""Run the notebooks and write their outputs; with `--check`, report outputs that differ from the committed ones.

Usage: python tools/notebooks.py [--check] [NOTEBOOK ...]. The visible text is compared, without ids, digests,
times and estimates, so a notebook is only rewritten when its outputs change. Exit code 1 if a check fails.
"""

import re
import sys
from difflib import unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
VARIABLE = (  # the order matters: an id contains digests
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,64}\b", "<digest>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?(?: UTC)?", "<time>"),
    (r"sqlite:///\S+?\.db", "<store>"),
    (r"\b\d+\.\d+ (?:s|ms|seconds)\b", "<duration>"),
    (r"\b\d+\.\d(?: to \d+\.\d)? ?%", "<estimate>"),  # spot checks are drawn by the id of a case
    (r"at 0x[0-9a-f]+", "at <address>"),
)


def main(arguments: list[str]) -> int:
    """Run each notebook, and write or compare its outputs."""
    paths = [Path(name) for name in arguments if name != "--check"] or sorted(FOLDER.glob("*.ipynb"))
    changed = [path for path in paths if refresh(path, write="--check" not in arguments)]
    return 1 if changed and "--check" in arguments else 0


def refresh(path: Path, *, write: bool) -> bool:
    """Run a notebook, print how its outputs changed, and write them if asked. Returns whether they changed."""
    notebook = nbformat.read(path, as_version=4)
    before = comparable(notebook)
    with TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(
            notebook,
            timeout=120,
            kernel_name="python3",
            resources=resources,
            record_timing=False,
            coalesce_streams=True,
        ).execute()
    drop_plain_text(notebook)
    drop_folders(notebook)
    after = comparable(notebook)
    sys.stdout.writelines(f"{line}\n" for line in unified_diff(before, after, str(path), "now", lineterm="", n=1))
    if write and before != after:
        notebook.metadata.language_info = {"name": "python"}  # without the version of the interpreter
        nbformat.write(notebook, path)
    return before != after


def drop_folders(notebook: nbformat.NotebookNode) -> None:
    """Remove the folder from the addresses of stores in printed text: it is temporary."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        if output.output_type == "stream":
            output.text = re.sub(r"sqlite:///\S+/", "sqlite:///", output.text)


def drop_plain_text(notebook: nbformat.NotebookNode) -> None:
    """Remove the plain text of outputs that have a richer form."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if len(output.get("data", {})) > 1:
                output.data.pop("text/plain", None)


def comparable(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the lines that a notebook shows, without the parts that vary between runs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    texts = [text for output in outputs for text in [output.get("text", ""), *output.get("data", {}).values()]]
    joined = re.sub(r"<style>.*?</style>|<[^>]*>", " ", "\n".join(texts), flags=re.DOTALL)
    for pattern, placeholder in VARIABLE:
        joined = re.sub(pattern, placeholder, joined)
    return joined.splitlines()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
