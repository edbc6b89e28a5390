"""The document as Markdown that reads well as plain text too."""

import re

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.policies.document.content import SIGNATURE, SIGNERS, Document, Entry

_SIGNS = re.compile(r"[\\`*|<>\[\]~$&]|(?<![^\W_])_|_(?![^\W_])|^#|(?<=\n)#")


def to_markdown(made: Document) -> str:
    """Return the document as Markdown."""
    lines = [f"# {_escaped(made.title)}", ""]
    lines += [_escaped(made.description), ""] if made.description else []
    lines += [*(f"- {_escaped(name)}: {_escaped(value)}" for name, value in made.facts), ""]
    for section in made.sections:
        lines += [f"## {_escaped(section.title)}", "", _escaped(section.intro), ""]
        for entry in section.entries:
            lines += _entry(entry)
    lines += ["## Sign-off", "", f"| | {' | '.join(SIGNATURE)} |", f"|---{'|---' * len(SIGNATURE)}|"]
    lines += [f"| {signer} {'| ' * len(SIGNATURE)}|" for signer in SIGNERS]
    return "\n".join(lines) + "\n"


def _entry(entry: Entry) -> list[str]:
    place = f"{entry.place}. " if entry.place else ""
    notes = [f"  {_escaped(note)}" for note in entry.notes]
    text = f"{entry.text} {entry.decision}".strip()
    return [f"- **{place}{_escaped(entry.name)}**: {_escaped(text)}", *notes, ""]


def _escaped(text: str) -> str:
    return _SIGNS.sub(r"\\\g<0>", escape_invisible(" ".join(text.split())))
