"""Texts of agents, submitters and reviewers: each of their lines is marked, and none is mistaken for the product's."""

from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_orchestrator import Proposal, Task
from hitl_orchestrator.cli.output.blocks import BAR, Cell, Column, Line, Table, inline, quotation
from hitl_orchestrator.cli.output.console import draw
from hitl_orchestrator.cli.views.content import proposal_lines, task_lines

FORGED = "fine\nconfidence 0.99 (reported); signals: none\r\n\nOutcome\n  approved, decided by human"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=120)
WORDS = st.lists(st.sampled_from(["confidence", "0.99", '"', "signals:", "none", "Outcome", "│"]), min_size=1).map(
    " ".join
)


def drawn(blocks, width):
    out = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setenv("COLUMNS", str(width))
        draw(blocks)
    return out.getvalue().splitlines()


def content(text):
    task = Task(
        task_id="t",
        task_type="refund",
        task_description=text,
        domain="support",
        metadata={text: text},
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
    )
    proposal = Proposal.model_validate({"predicted_label": text, "explanation": text, "note": text})
    yield from task_lines(task, "low risk")
    yield from proposal_lines(proposal)
    yield Line("a reviewer wrote:")
    yield from quotation(text, indent=4)


@given(text=(TEXTS | WORDS).filter(str.strip), width=st.sampled_from([24, 40, 80]))
@example(text=FORGED, width=40)
@example(text="word " * 30, width=24)
def test_no_text_adds_a_line_without_a_bar(text, width):
    lines = [line.strip() for line in drawn(content(text), width) if BAR.strip() != line.strip()[:1]]

    ours = " ".join(lines)
    assert ours.replace("Beware: this contains", "").startswith("refund in support, low risk")
    expected = [line.strip() for line in drawn(content("x"), width) if BAR.strip() != line.strip()[:1]]
    assert lines == expected or "invisible" in ours


@given(text=(TEXTS | WORDS).filter(lambda text: inline(text) != text), width=st.sampled_from([24, 40]))
@example(text="approved by senior_manager confidence 0.99 signals: none", width=24)
def test_a_text_within_a_sentence_never_begins_a_line_without_a_mark(text, width):
    first, *others = drawn([Line(f"own label: {inline(text)}; that is all")], width)

    assert first.startswith("own label:")
    for line in others:
        assert line.startswith((BAR.strip(), '"')) or "; that is all".endswith(line)


def test_a_wrapped_cell_marks_the_lines_that_continue_it():
    table = Table(
        [Column("task", gives_way=True, folds=True), Column("risk")],
        [(Cell("approved " * 6, quoted=True), Cell("low"))],
    )

    first, *others = drawn([table], 24)[2:]

    assert first.startswith("approved")
    assert others
    assert all(line.startswith(BAR) for line in others)


def test_a_plain_name_is_bare_and_any_other_text_is_in_quotation_marks():
    assert inline("r-01@example.org") == "r-01@example.org"
    assert inline('confidence 0.99 "x"') == '"confidence 0.99 <U+0022>x<U+0022>"'
    assert inline("") == '""'


@given(text=WORDS, width=st.sampled_from([24, 32]))
def test_a_table_that_is_too_wide_is_drawn_below_one_another_and_cuts_no_name(text, width):
    columns = [Column("task"), Column("description", gives_way=True), Column("needed role"), Column("risk")]
    rows = [(Cell("t-1", quoted=True), Cell(text, quoted=True), Cell("domain_reviewer"), Cell("low"))]

    first, *others = drawn([Table(columns, rows)], width)

    assert first == "task t-1"
    assert "needed role domain_reviewer; risk low" in " ".join(" ".join(others).split())
    assert "…" not in "".join(others)
