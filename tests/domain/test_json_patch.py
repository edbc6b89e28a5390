import copy

import jsonpatch
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_orchestrator.domain.json_patch import FieldChange, applied, changes, json_patch, same
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
# What looks alike to Python, and is moved about: what a patch is most easily wrong about.
ALIKE = st.lists(st.sampled_from([1, True, 1.0, 0, False, [1], [True], {"a": 1}, {"a": True}]), max_size=6)


def written_anew(before, after):
    """Carry the changes out one by one, as a person would who reads them."""
    patch = [
        {"op": "remove", "path": change.place}
        if change.removed
        else {"op": "add" if change.added else "replace", "path": change.place, "value": change.after}
        for change in changes(before, after)
    ]
    return applied(before, patch)


@given(OBJECTS, OBJECTS)
@example({"a": [True]}, {"a": [1]})
@example({"a": 1}, {"a": True})
@example({"a": {"b": 0}}, {"a": {"b": False}})
@example({"a": [[1], [True]]}, {"a": [[True], [1]]})
def test_a_patch_leads_from_one_object_to_the_other_to_the_letter(before, after):
    kept = copy.deepcopy(before)

    found = applied(before, json_patch(before, after))

    assert found == after
    assert canonical_json(found) == canonical_json(after)
    assert canonical_json(before) == canonical_json(kept)


@given(ALIKE, ALIKE)
def test_what_python_takes_for_equal_is_a_change_all_the_same(before, after):
    found = applied({"a": before}, json_patch({"a": before}, {"a": after}))

    assert canonical_json(found) == canonical_json({"a": after})


@given(OBJECTS, OBJECTS)
def test_the_changes_tell_all_there_is(before, after):
    assert canonical_json(written_anew(before, after)) == canonical_json(after)


@given(OBJECTS)
def test_between_equals_there_is_nothing(value):
    assert changes(value, copy.deepcopy(value)) == ()
    assert json_patch(value, copy.deepcopy(value)) == ()


@given(JSON, JSON)
def test_any_two_values_are_told_apart_if_they_differ(one, other):
    assert bool(changes(one, other)) == (not same(one, other)) == (canonical_json(one) != canonical_json(other))


def test_the_changes_are_told_field_by_field():
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


def test_a_patch_names_what_was_done():
    assert json_patch({"a": 1, "b": [1, 2]}, {"a": 2, "b": [1, 2, 3]}) in (
        ({"op": "replace", "path": "/a", "value": 2}, {"op": "add", "path": "/b/2", "value": 3}),
        ({"op": "add", "path": "/b/2", "value": 3}, {"op": "replace", "path": "/a", "value": 2}),
    )


@pytest.mark.parametrize(
    "wrong", [[], [{"op": "remove", "path": "/gone"}], [{"op": "add", "path": "/b/9", "value": 1}]]
)
def test_a_library_that_errs_loses_no_change(monkeypatch, wrong):
    monkeypatch.setattr(jsonpatch, "make_patch", lambda before, after: wrong)

    assert json_patch({"a": 1, "b": [1, 2], "c": 1}, {"a": True, "b": [1], "d": 1}) == (
        {"op": "replace", "path": "/a", "value": True},
        {"op": "replace", "path": "/b", "value": [1]},
        {"op": "remove", "path": "/c"},
        {"op": "add", "path": "/d", "value": 1},
    )


def test_one_object_in_two_places_is_changed_in_one():
    shared = {"a": 1}

    assert applied({"one": shared, "two": shared}, [{"op": "replace", "path": "/two/a", "value": 2}]) == {
        "one": {"a": 1},
        "two": {"a": 2},
    }


def test_carrying_a_patch_out_leaves_the_patch_as_it_is():
    patch = [{"op": "add", "path": "/a", "value": {}}, {"op": "add", "path": "/a/b", "value": 1}]

    assert applied({}, patch) == applied({}, patch) == {"a": {"b": 1}}
    assert patch[0]["value"] == {}


def test_a_patch_that_does_not_fit_is_refused():
    with pytest.raises(jsonpatch.JsonPatchException):
        applied({}, [{"op": "remove", "path": "/a"}])
