"""The page about the audit record names every field of it, and no other."""

import re
from pathlib import Path

from hitl_orchestrator import AuditRecord

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
HEADING = "## What each record holds, and who asks for it"


def rows() -> list[list[str]]:
    """Return the cells of the first table below the heading, without its own head."""
    below = PAGE.read_text("utf-8").partition(HEADING)[2].partition("\n#")[0]
    lines = [line for line in below.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_every_field_of_the_record_is_explained_once_and_no_other():
    named = [field for row in rows() for field in re.findall(r"`(\w+)`", row[0])]

    assert sorted(named) == sorted(AuditRecord.model_fields)


def test_every_row_says_who_asks_for_it_and_what_remains_to_be_done():
    assert [row for row in rows() if len(row) != 4 or not all(row)] == []
    assert [row[2] for row in rows() if not re.search("AI Act|GDPR|NIST|ISO|SOC 2", row[2])] == []


def test_the_page_says_that_it_is_no_legal_advice_and_no_certificate():
    told = " ".join(PAGE.read_text("utf-8").split())

    assert "no legal advice, and using this software certifies nothing" in told
