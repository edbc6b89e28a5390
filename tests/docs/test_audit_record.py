"""The page about the audit record explains every field of it, and no other."""

import re
from pathlib import Path

from hitl_orchestrator import AuditRecord

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "audit-record.md").read_text("utf-8")
FIELDS = PAGE.partition("## Fields")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in FIELDS.splitlines() if line[:2] == "| "][1:]


def test_each_field_of_the_record_is_explained_once():
    documented = [field for row in ROWS for field in re.findall(r"`(\w+)`", row[0])]

    assert sorted(documented) == sorted(AuditRecord.model_fields)


def test_each_row_names_its_clauses_and_the_remaining_duty():
    assert [row for row in ROWS if len(row) != 4 or not all(row)] == []
    assert [row[2] for row in ROWS if not re.search("AI Act|GDPR|NIST|ISO|SOC 2", row[2])] == []


def test_the_page_disclaims_legal_advice_and_certification():
    assert "is no legal advice, and using this software certifies nothing" in PAGE
