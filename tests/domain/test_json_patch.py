"""JSON Patches: applying one to the proposal gives the edited output, exactly."""

import copy
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_orchestrator.domain.input.json_patch import FieldChange, changes, json_patch, pointer, same
from hitl_orchestrator.domain.value import canonical_json

NAMES = st.sampled_from(["a", "b", "/", "~1", "", "0", "-"]) | st.text(st.characters(codec="utf-8"), max_size=3)
SCALARS = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 1.0, -0.0, 0.5])
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=3)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=4)
# Values that Python compares as equal, in other orders: the edits that a patch most easily loses.
ALIKE = st.lists(st.sampled_from([1, True, 1.0, 0, False, [1], [True], {"a": 1}, {"a": True}]), max_size=6)


def applied(before, patch):
    """Apply a JSON Patch by the letter of RFC 6902; return the result."""
    root = {"": json.loads(json.dumps(before))}  # unlike deepcopy, never shares an object between two places
    for operation in patch:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")]
        parent = root
        for step in steps[:-1]:
            parent = parent[int(step)] if isinstance(parent, list) else parent[step]
        key = int(steps[-1]) if isinstance(parent, list) else steps[-1]
        if operation["op"] == "remove":
            del parent[key]
        elif operation["op"] == "add":
            assert isinstance(parent, dict)
            parent[key] = json.loads(json.dumps(operation["value"]))
        else:
            assert operation["op"] == "replace"
            parent[key] = json.loads(json.dumps(operation["value"]))
    return root[""]


@given(OBJECTS, OBJECTS)
@example({"a": [True]}, {"a": [1]})
@example({"a": 1}, {"a": True})
@example({"a": {"b": 0}}, {"a": {"b": False}})
@example({"a": [[1], [True]]}, {"a": [[True], [1]]})
def test_applying_the_patch_gives_the_target_exactly(before, after):
    original = copy.deepcopy(before)

    result = applied(before, json_patch(before, after))

    assert result == after
    assert canonical_json(result) == canonical_json(after)
    assert canonical_json(before) == canonical_json(original)


@given(ALIKE, ALIKE)
def test_values_that_python_compares_as_equal_still_differ(before, after):
    result = applied({"a": before}, json_patch({"a": before}, {"a": after}))

    assert canonical_json(result) == canonical_json({"a": after})


@given(JSON, JSON)
def test_any_two_values_have_a_patch(before, after):
    assert canonical_json(applied(before, json_patch(before, after))) == canonical_json(after)


@given(OBJECTS)
def test_equal_values_have_no_changes_and_an_empty_patch(value):
    assert changes(value, copy.deepcopy(value)) == ()
    assert json_patch(value, copy.deepcopy(value)) == ()


@given(JSON, JSON)
def test_values_have_changes_exactly_if_their_canonical_texts_differ(first, second):
    assert (
        bool(changes(first, second)) == (not same(first, second)) == (canonical_json(first) != canonical_json(second))
    )


def test_changes_are_listed_field_by_field():
    before = {"amount": 100, "to": {"iban": "x", "name": "n"}, "tags": ["a", "b"], "lines": [1, 2], "old": 1}
    after = {"amount": 90, "to": {"iban": "y", "name": "n"}, "tags": ["a", "c"], "lines": [1], "new/er": None}

    assert changes(before, after) == (
        FieldChange(place="/amount", before=100, after=90),
        FieldChange(place="/lines", before=[1, 2], after=[1]),
        FieldChange(place="/new~1er", after=None, added=True),
        FieldChange(place="/old", before=1, removed=True),
        FieldChange(place="/tags/1", before="b", after="c"),
        FieldChange(place="/to/iban", before="x", after="y"),
    )


def test_the_patch_has_one_operation_per_changed_field():
    assert json_patch({"a": 1, "b": [1, 2], "c": 1}, {"a": True, "b": [1], "d": 1}) == (
        {"op": "replace", "path": "/a", "value": True},
        {"op": "replace", "path": "/b", "value": [1]},
        {"op": "remove", "path": "/c"},
        {"op": "add", "path": "/d", "value": 1},
    )


@pytest.mark.parametrize(("steps", "text"), [((), ""), (("a", 0), "/a/0"), (("/", "~1", ""), "/~1/~01/")])
def test_a_pointer_escapes_its_steps(steps, text):
    assert pointer(*steps) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({f"field{n}": 0 for n in range(5000)}, {f"field{n}": 1 for n in range(5000)}),
        ({"deep" * 5000: {str(n): 0 for n in range(50)}}, {"deep" * 5000: {str(n): 1 for n in range(50)}}),
    ],
    ids=["many fields", "long names"],
)
def test_a_patch_is_never_much_larger_than_the_output_that_it_makes(before, after):
    assert json_patch(before, after) == ({"op": "replace", "path": "", "value": after},)
