"""Foreign tables: any bytes are a table or a refusal, units are never guessed where two readings exist."""

import json
from datetime import UTC, datetime
from io import BytesIO

import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.domain.input.tables.mapping import Source, proposal, read_mapping, written
from hitl_orchestrator.domain.input.tables.reading import MOST_ROWS, Form, read_table
from hitl_orchestrator.domain.input.tables.rows import BadRow, Importer
from hitl_orchestrator.domain.input.tables.values import decision_of, id_of, number_or_text, scale_of, time_of
from hitl_orchestrator.errors import InvalidInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAP = "task_id=id,label=answered,confidence=sure,truth=gold"


def importer(text: str, mapping: str = MAP, **more) -> Importer:
    table = read_table(text.encode(), "t.csv")
    return Importer(table, read_mapping([mapping], table.columns), NOW, **more)


def cells(content: bytes, name: str = "t.csv", form: Form | None = None) -> list[dict]:
    return [dict(row.cells) for row in read_table(content, name, form).rows()]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_delimiters_and_line_ends_are_recognized(codec, delimiter, end):
    text = end.join([delimiter.join(["id", "answered"]), delimiter.join(["1", "Grüße"]), ""])

    assert cells(text.encode(codec)) == [{"id": "1", "answered": "Grüße"}]


def test_a_delimiter_that_the_first_line_states_is_used():
    table = read_table(b"sep=;\r\nid;a, b\r\n1;x\r\n", "t.csv")

    assert table.columns == ("id", "a, b")
    assert [row.line for row in table.rows()] == [3]


def test_a_row_is_named_by_the_line_on_which_it_begins():
    table = read_table(b'id,answered\n1,"two\nlines"\n\n2,x\n3\n', "t.csv")

    assert [(row.line, row.problem) for row in table.rows()] == [
        (2, ""),
        (5, ""),
        (6, "it has 1 cells, and the table 2 columns"),
    ]


def test_json_lines_and_parquet_give_the_same_rows_as_csv():
    values = [{"id": "1", "sure": 0.5}, {"id": "2", "sure": None}]
    parquet = BytesIO()
    polars.DataFrame(values).write_parquet(parquet)
    lines = "\n".join(map(json.dumps, values)).encode()

    assert cells(parquet.getvalue(), "t.parquet") == cells(lines, "t.jsonl") == values
    assert cells(json.dumps(values).encode(), "t.json") == values
    assert cells(b"id,sure\n1,0.5\n2,\n") == [{"id": "1", "sure": "0.5"}, {"id": "2", "sure": None}]


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"", "t.csv", "it is empty"),
        (b"\xff\xfe\x00", "t.csv", "not utf-16 text"),
        (b"a,b\n\xe9,2\n", "t.csv", "--encoding, such as cp1252"),
        (b'a,b\n"1,2\n3,4\n', "t.csv", "line 2: not readable as CSV"),
        (b"a,a\n1,2\n", "t.csv", "'a' occurs twice"),
        (b"PAR1 no", "t.parquet", "not readable as Parquet"),
        (b"[{]", "t.json", "not JSON"),
        (b"[" * 100_000, "t.json", "not JSON"),
        (b"1\n2\n", "t.jsonl", "no line has a JSON object"),
    ],
)
def test_a_broken_file_is_refused_with_the_reason(content, name, why):
    with pytest.raises(InvalidInput, match=r"t\.") as refusal:
        list(read_table(content, name).rows())

    assert why in str(refusal.value)


@given(st.binary(max_size=200), st.sampled_from(["t.csv", "t.tsv", "t.jsonl", "t.json", "t.parquet"]))
def test_any_bytes_are_a_table_or_a_refusal(content, name):
    try:
        table = read_table(content, name)
        rows = list(table.rows())
    except InvalidInput:
        return

    assert all(row.problem or set(row.cells) <= set(table.columns) for row in rows)


CELL = st.text(st.characters(exclude_characters='",\r\n', exclude_categories=["Cs"]), max_size=12)
HOSTILE = CELL | st.sampled_from(["0.9", "97%", "1e-3", "\x00", "../x", "NaN", "-1", "२", "policy-change-1", "9" * 30])


@given(st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE), min_size=1, max_size=5))
def test_any_cells_are_a_valid_case_or_a_named_row(rows):
    text = "id,answered,sure,gold,when\n" + "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)
    try:
        read = list(importer(text, f"{MAP},timestamp=when,reviewer=answered", unit="fraction").rows())
    except InvalidInput:
        return

    assert all(each.problem if isinstance(each, BadRow) else each.task["task_id"] for each in read)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (["0.2", "1"], 1.0),
        (["0,25", "0,5"], 1.0),
        (["20", "97.5", "1"], 100.0),
        (["97%", "0.5"], 1.0),
        (["97%", "3 %"], 1.0),
    ],
)
def test_the_unit_of_a_clear_column_is_found(numbers, expected):
    assert scale_of(numbers, None, "sure").top == expected


@pytest.mark.parametrize("numbers", [["0", "1"], ["1", "1"], ["0.5", "90"], ["1", "5"], ["2.5", "9"], ["0.5", "1.2"]])
def test_a_column_with_two_readings_is_refused_until_the_unit_is_stated(numbers):
    with pytest.raises(InvalidInput, match="--confidence-unit"):
        scale_of(numbers, None, "sure")

    assert scale_of(numbers, "percent", "sure").confidence(numbers[0]) == float(numbers[0]) / 100
    assert scale_of(numbers, "90", "sure").confidence("90") == 1


def test_a_percent_sign_counts_in_any_unit_and_numbers_outside_are_named():
    scale = scale_of(["0.5"], None, "sure")

    assert scale.confidence("97 %") == 0.97
    assert scale.confidence(None) is None
    for bad in ("1.5", "101%", "high", True, "-0.1", "nan"):
        with pytest.raises(ValueError, match="confidence"):
            scale.confidence(bad)


def test_a_truth_approves_the_same_label_and_corrects_another():
    same, other, unknown = importer("id,answered,sure,gold\n1,Spam,0.9,spam\n2,Spam,0.8,Ham\n3,Spam,0.7,\n").rows()

    assert same.review["human_decision"] == "approve"
    assert other.review["human_decision"] == "modify"
    assert other.review["modified_output"]["predicted_label"] == "Ham"
    assert unknown.decision == "undecided"


def test_a_task_that_occurs_twice_names_both_lines_and_columns_can_be_joined():
    text = "id,worker,answered,sure,gold\n1,a,x,0.5,x\n1,b,x,0.5,x\n"

    _, twice = importer(text).rows()

    assert (twice.line, "line 2" in twice.problem) == (3, True)
    joined = [row.task["task_id"] for row in importer(text, MAP.replace("=id", "=id+worker")).rows()]
    assert joined == ["1.a", "1.b"]


def test_a_mapping_takes_columns_with_commas_and_states_what_it_lacks():
    columns = ("id", "a, b", "x=y", "gold")

    assert read_mapping(["label=a, b,truth=gold,task_id=x=y"], columns)["label"] == Source(("a, b",))
    for wrong, why in (
        ("label=gold", "a verdict is missing"),
        ("truth=gold", "label is missing"),
        ("label=gold,label=id,truth=id", "stated twice"),
        ("label=god,truth=id", "did you mean 'gold'"),
        ("lable=gold", "did you mean 'label'"),
        ("label==,truth=id", "constant is empty"),
        ("label=id,correct=gold,truth=gold", "correct stands alone"),
    ):
        with pytest.raises(InvalidInput, match="--map") as refusal:
            read_mapping([wrong], columns)
        assert why in str(refusal.value)


def test_a_proposal_can_be_stated_as_it_is_written():
    columns = ("Ticket ID", "Predicted Label", "confidence", "Reviewed By", "verdict", "colour")

    proposed = proposal(columns)

    assert read_mapping([written(proposed)], columns) == proposed
    assert set(proposed) == {"task_id", "label", "confidence", "decision", "reviewer"}


def test_words_of_other_systems_are_read_and_unknown_ones_are_named():
    assert decision_of("Auto-Approved", {}) == "automatic"
    assert decision_of("Removed", {"removed": "reject"}) == "reject"
    with pytest.raises(ValueError, match="--decisions 'Removed=reject'"):
        decision_of("Removed", {})


def test_times_have_a_zone_and_no_second_reading():
    assert time_of("1736500500", "t", None) == datetime(2025, 1, 10, 9, 15, tzinfo=UTC)
    assert time_of("2025-01-10T10:15:00+01:00", "t", None) == datetime(2025, 1, 10, 9, 15, tzinfo=UTC)
    for bad in ("01/10/2025", "10.01.2025 09:15", "noon"):
        with pytest.raises(ValueError, match="is not a time"):
            time_of(bad, "t", None)
    (row,) = importer("id,answered,sure,gold,at\n1,x,0.5,x,2025-01-10 09:15\n", f"{MAP},timestamp=at").rows()
    assert "--timezone" in row.problem


def test_ids_of_other_scripts_stay_apart_and_texts_that_look_like_numbers_stay_texts():
    assert id_of("Dr. Müller", "reviewer") == "Dr.-Muller"
    assert id_of("王芳", "reviewer") != id_of("李娜", "reviewer")
    assert [number_or_text(text) for text in ("12.50", "007", "1,5", "-3", "1e400")] == [
        12.5,
        "007",
        "1,5",
        -3,
        "1e400",
    ]


def test_a_table_of_too_many_short_rows_is_refused_before_they_fill_the_memory():
    with pytest.raises(InvalidInput, match="more than 5,000,000 rows; split it"):
        read_table(b"a\n" * (MOST_ROWS + 1), "t.csv")
