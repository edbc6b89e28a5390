import subprocess
import sys
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.review.schemas import OutputSchemas, read_schemas
from hitl_orchestrator.services.config_files import load_schemas

PAYMENT = {
    "type": "object",
    "properties": {
        "predicted_label": {"enum": ["pay", "hold"]},
        "amount": {"type": "number", "exclusiveMinimum": 0},
        "to/iban": {"type": "string", "pattern": "^[A-Z]{2}"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
    },
    "required": ["amount"],
    "additionalProperties": False,
    "$defs": {"line": {"type": "object", "required": ["net"]}},
}


class Line(BaseModel):
    net: int


class Payment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    predicted_label: str
    amount: float = Field(gt=0)
    due: date | None = None
    lines: list[Line] = []


def an_output(label="pay", **fields):
    return Proposal(predicted_label=label, **fields)


def problems(schema, **fields):
    with pytest.raises(InvalidInput) as refused:
        OutputSchemas({"payment": schema}).check("payment", an_output(**fields))
    prefix = "an output of type 'payment': "
    assert all(problem.startswith(prefix) for problem in refused.value.problems)
    return [problem.removeprefix(prefix) for problem in refused.value.problems]


def refusal(schema):
    with pytest.raises(InvalidInput) as refused:
        OutputSchemas().register("payment", schema)
    return refused.value.problems


@pytest.mark.parametrize("schema", [PAYMENT, Payment])
def test_a_valid_output_passes(schema):
    OutputSchemas({"payment": schema}).check("payment", an_output(amount=5, lines=[{"net": 1}]))


def test_an_output_of_a_type_without_a_schema_passes():
    schemas = OutputSchemas({"payment": PAYMENT})

    schemas.check("letter", an_output(amount="much"))
    assert schemas.of("letter") is None


def test_every_problem_is_reported_with_its_path():
    found = problems(PAYMENT, label="send", amount=-1, **{"to/iban": "12"}, lines=[{"net": 1}, {}], more=1)

    assert found == [
        "Additional properties are not allowed ('more' was unexpected)",
        "/amount: -1 is less than or equal to the minimum of 0",
        "/lines/1: 'net' is a required property",
        "/predicted_label: 'send' is not one of ['pay', 'hold']",
        "/to~1iban: '12' does not match '^[A-Z]{2}'",
    ]


def test_a_model_reports_every_problem_with_its_path():
    assert problems(Payment, amount=0, due="soon", lines=[{"net": 1}, {}], more=1) == [
        "/amount: Input should be greater than 0",
        "/due: Input should be a valid date or datetime, input is too short",
        "/lines/1/net: Field required",
        "/more: Extra inputs are not permitted",
    ]


def test_a_model_reads_an_output_as_json():
    OutputSchemas({"payment": Payment}).check("payment", an_output(amount=1, due="2025-01-10"))


def test_an_empty_explanation_counts_as_missing():
    required = PAYMENT | {"required": ["explanation"], "additionalProperties": True}

    OutputSchemas({"payment": PAYMENT}).check("payment", an_output(amount=1, explanation=""))
    assert problems(required, explanation="") == ["'explanation' is a required property"]


def test_a_boolean_is_not_a_number():
    assert problems(PAYMENT, amount=True) == ["/amount: True is not of type 'number'"]


def test_a_long_message_is_cut():
    [problem] = problems({"properties": {"a": {"type": "integer"}}}, a="x" * 1000)

    assert len(problem) < 250
    assert problem.endswith("...")


@pytest.mark.parametrize("schema", [PAYMENT, Payment])
def test_the_returned_schema_is_a_copy(schema):
    schemas = OutputSchemas({"payment": schema})
    schemas.of("payment")["properties"].clear()

    assert "amount" in schemas.of("payment")["properties"]
    with pytest.raises(InvalidInput):
        schemas.check("payment", an_output(amount=-1))


def test_a_schema_changed_by_the_caller_has_no_effect():
    mine = {"properties": {"amount": {"type": "number"}}}
    schemas = OutputSchemas({"payment": mine})
    mine["properties"]["amount"]["type"] = "string"

    schemas.check("payment", an_output(amount=1))


def test_the_last_schema_of_a_type_wins():
    schemas = OutputSchemas({"payment": Payment})
    schemas.register("payment", {"required": ["iban"]})

    assert schemas.of("payment") == {"required": ["iban"]}
    with pytest.raises(InvalidInput, match="'iban' is a required property"):
        schemas.check("payment", an_output(amount=1))
    schemas.register("payment", Payment)
    schemas.check("payment", an_output(amount=1))


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "objekt"}, "schemas: payment: /type: 'objekt' is not valid under any of the given schemas"),
        ({"properties": {"a": {"pattern": "["}}}, "schemas: payment: /properties/a/pattern: '[' is not a 'regex'"),
        (
            {"$schema": "https://example.com/mine"},
            "schemas: payment: $schema: 'https://example.com/mine' is not supported; leave it out, or use "
            "'https://json-schema.org/draft/2020-12/schema'",
        ),
        (True, "schemas: payment: json_schema: true: input should be a valid dictionary"),
        ({"const": float("nan")}, "schemas: payment: json_schema: const: numbers must be finite"),
    ],
)
def test_an_invalid_schema_is_rejected_at_construction(schema, problem):
    [found] = refusal(schema)

    assert found.startswith(problem) or (schema is True and found.startswith("schemas: payment: json_schema: "))


@pytest.mark.parametrize(
    "reference",
    [
        "https://json-schema.org/draft/2020-12/schema",
        "http://127.0.0.1:9/schema.json",
        "file:///etc/passwd",
        "other.json",
        "#/$defs/lin",
        "#gone",
    ],
)
def test_no_reference_is_fetched(reference):
    [problem] = refusal(PAYMENT | {"allOf": [{"items": {"$ref": reference}}]})

    assert f"schemas: payment: {reference!r} is not in the schema" in problem
    assert "never fetched" in problem


def test_a_dangling_reference_behind_another_is_reported():
    assert (
        "'gone.json' is not in the schema"
        in refusal({"$ref": "#/hidden", "hidden": {"items": {"$ref": "gone.json"}}})[0]
    )


def test_a_misspelled_reference_gets_a_guess():
    assert "did you mean '#/$defs/line'?" in refusal(PAYMENT | {"not": {"$ref": "#/$defs/lin"}})[0]


@pytest.mark.parametrize("draft", ["draft-04", "draft-06", "draft-07", "draft/2019-09", "draft/2020-12"])
def test_a_schema_may_name_its_draft(draft):
    named = {
        "$schema": f"http{'s' * ('/' in draft)}://json-schema.org/{draft}/schema#".removesuffix("#" * ("/" in draft))
    }
    schema = named | {"definitions": {"a": {"type": "integer"}}, "properties": {"a": {"$ref": "#/definitions/a"}}}

    assert problems(schema, a="x") == ["/a: 'x' is not of type 'integer'"]


def test_a_schema_may_refer_to_itself():
    tree = {"properties": {"children": {"type": "array", "items": {"$ref": "#"}}, "net": {"type": "integer"}}}

    assert problems(tree, children=[{"children": [{"net": "x"}]}]) == [
        "/children/0/children/0/net: 'x' is not of type 'integer'"
    ]


def test_an_endlessly_recursive_schema_accepts_nothing():
    assert problems({"$ref": "#"}) == ["its schema refers to itself without end"]


def test_format_is_not_validated():
    OutputSchemas({"t": {"properties": {"at": {"format": "date"}}}}).check("t", an_output(at="soon"))


def test_schemas_are_read_from_a_file_with_every_problem_at_once():
    with pytest.raises(InvalidInput) as refused:
        read_schemas({"a": {"type": "objekt"}, "b": {"$ref": "x"}, "c": [], " ": {}}, "s.json")

    assert [problem[:11] for problem in refused.value.problems] == [
        "s.json: a: ",
        "s.json: b: ",
        "s.json: c: ",
        "s.json:  : ",
    ]
    with pytest.raises(InvalidInput, match=r"s\.json: schemas are an object: each task type with its JSON Schema"):
        read_schemas([], "s.json")


@pytest.mark.parametrize("name", ["s.json", "s.yaml"])
def test_schemas_are_loaded_from_a_file_or_a_value(tmp_path, name):
    path = tmp_path / name
    path.write_text('{"payment": {"required": ["amount"]}}')

    for loaded in (load_schemas(path), load_schemas({"payment": {"required": ["amount"]}})):
        assert loaded.of("payment") == {"required": ["amount"]}
    assert load_schemas(None) is None
    assert load_schemas(loaded) is loaded


def test_the_schema_library_is_imported_only_if_needed():
    code = (
        "import sys; from hitl_orchestrator.review.schemas import OutputSchemas, read_schemas; "
        "read_schemas({}, 's'); assert 'jsonschema' not in sys.modules"
    )

    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@given(
    st.recursive(st.none() | st.booleans() | st.integers(0, 9), lambda inner: st.lists(inner, max_size=3), max_leaves=6)
)
def test_an_output_passes_or_is_rejected_with_a_path_in_it(value):
    schema = {
        "properties": {"v": {"$ref": "#/$defs/v"}},
        "$defs": {"v": {"items": {"$ref": "#/$defs/v"}, "maximum": 8}},
    }
    schemas = OutputSchemas({"t": schema})

    if "9" not in repr(value):
        schemas.check("t", an_output(v=value))
        return
    with pytest.raises(InvalidInput) as refused:
        schemas.check("t", an_output(v=value))
    assert all(problem.startswith("an output of type 't': /v") for problem in refused.value.problems)
