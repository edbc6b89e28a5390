"""The report as a PDF, by typst. All texts are passed as data, so that none is read as markup.

The same report gives the same bytes on the same machine: the time of the file is that of the report. Fonts are those
that typst brings; letters that these lack, such as Chinese ones, need a font of the machine.
"""

import json
from collections.abc import Mapping
from importlib import import_module, resources
from typing import Any

from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.insights.report.model import Report
from hitl_orchestrator.insights.report.rendering.blocks import Block
from hitl_orchestrator.insights.report.rendering.content import document
from hitl_orchestrator.insights.report.rendering.svg import on_paper

FONT = "Libertinus Serif"
STANDARDS = ("a-2a", "ua-1")
"""For archives, and for readers with a screen reader. They demand that every letter has a sign in some font."""

NOTE = (
    "Some letters of this report have no sign in the fonts of the machine that made it, and appear as boxes. "
    "The HTML form shows them; so does a PDF made where a font for them is installed."
)


def to_pdf(report: Report, pictures: Mapping[str, Mapping[str, str]]) -> bytes:
    """Return the report as a PDF. `pictures` maps names to `{"light": svg, "alt": text}`.

    Raises:
        InvalidInput: typst is not installed, or a picture is not an SVG.
    """
    typst = _typst()
    files, drawn = {}, {}
    for number, (name, picture) in enumerate(sorted(pictures.items())):
        file = f"picture-{number}.svg" if picture.get("light") else ""
        if file:
            files[file] = on_paper(picture["light"], FONT)
        drawn[name] = {"file": file, "alt": picture.get("alt", "")}
    data = {"document": plain(document(report)), "pictures": drawn, "fonts": [FONT], "note": ""}
    files["main.typ"] = resources.files(__package__ or "").joinpath("templates/report.typ").read_bytes()

    def compiled(standards: tuple[str, ...]) -> bytes:
        files["report.json"] = json.dumps(data, ensure_ascii=False).encode()
        made: bytes = typst.compile(
            files, format="pdf", timestamp=int(report.generated_at.timestamp()), pdf_standards=list(standards)
        )
        return made

    try:
        return compiled(STANDARDS)
    except typst.TypstError as exc:
        data["note"] = NOTE if "could not be displayed" in str(exc) else ""
        return compiled(())


def plain(value: Any) -> Any:
    """Return blocks as JSON values, each block with its kind."""
    if hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if hasattr(value, "__dataclass_fields__"):
        kind = {"block": type(value).__name__} if isinstance(value, Block) else {}
        return kind | {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return [plain(part) for part in value] if isinstance(value, tuple) else value


def _typst() -> Any:
    try:
        return import_module("typst")
    except ImportError:
        raise InvalidInput([f"a PDF report needs typst, which is missing; {install_hint('report')}"]) from None
