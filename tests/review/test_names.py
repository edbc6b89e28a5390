"""Names in tasks are compared as people, in every spelling; names that cannot be read are reported with the reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.named_people import ANA, ANA_2
from support.names import SPELLINGS

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.review.names import MAX_LENGTH, MAX_NAMES, requesters_in
from hitl_orchestrator.review.people import read_people

PEOPLE = read_people(
    [
        ANA,
        ANA_2,
        {"reviewer_id": "joh", "name": "Jöhn Groß", "roles": ["domain_reviewer"]},
        {"reviewer_id": "kim-1", "name": "Kim Lee", "roles": ["domain_reviewer"]},
        {"reviewer_id": "kim-2", "name": "Kim Lee", "roles": ["domain_reviewer"]},
        {"reviewer_id": "ivan", "name": "Иван Петров", "roles": ["domain_reviewer"]},
        {"reviewer_id": "aca", "name": "Aca", "roles": ["domain_reviewer"]},
    ],
    "people",
)


@pytest.mark.parametrize(
    "field",
    [
        "requestеd_by",  # noqa: RUF001 - a Cyrillic letter
        "rеquеstеd_bу",  # noqa: RUF001
        "rеques\u0442or",  # noqa: RUF001
        "ｒｅｑｕｅｓｔｅｄ_by",  # noqa: RUF001
        "requested\u200b_by",
        "réquested by",
        "requested%5Fby",
        "ᴏn_behalf_οf",  # noqa: RUF001
        "requested_by_id",
        "requestedByUser",
        "REQUESTED_BY_EMAIL",
        "requested_by_user_name",
        "requested_for_user",
        "requesters",
        "requesterId",
        "requester_email_address",
        "requesting_user_login",
        "initiated_by_person",
        "on_behalf_of_employee_ids",
    ],
)
def test_a_requester_is_found_in_a_field_of_every_spelling(field):
    names, unreadable = requesters_in({field: "Ana Silva"})

    assert unreadable == []
    assert {person for each in names for person in PEOPLE.names.persons(each)} == {"ana"}


@pytest.mark.parametrize(
    "field", ["request", "request_id", "requests", "requester_country", "requested_at", "by", "for"]
)
def test_other_fields_name_no_requester(field):
    assert requesters_in({field: 7}) == ([], [])


def test_an_id_of_another_system_is_read_beside_a_name_alone():
    assert requesters_in({"requester_id": 7, "requester_name": "Ana"}) == (["Ana"], [])
    assert requesters_in({"requester_id": 7})[1] != []


def test_a_name_in_two_fields_is_one_name():
    names, _ = requesters_in({"requester_last_name": "Silva", "requesterFirstName": "Ana"})

    assert {person for each in names for person in PEOPLE.names.persons(each)} == {"ana"}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_person_is_recognized_in_every_spelling(name):
    names, unreadable = requesters_in({"requested_by": name})

    assert unreadable == []
    assert {person for each in names for person in PEOPLE.names.persons(each)} == {"ana"}


@pytest.mark.parametrize(
    "value",
    [
        ["ana"],
        ["ben", ["x", ["ana"]]],
        {"id": "ana"},
        {"ID": "ana"},
        {"userName": "ana"},
        {"user": {"id": "ana"}},
        {"name": "Ana Silva"},
        {"email": "ana@example.org"},
        {"id": 42, "name": "Ana Silva"},
        {"firstName": "Ana", "lastName": "Silva"},
        [{"email": "ben@example.org"}, {"login": "ana"}],
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "field",
    ["requested_by", "requestedBy", "Requested-By", "requester", "requestor", "requested_for", "on_behalf_of"],
)
def test_a_person_is_found_in_objects_and_lists_and_near_fields(field, value):
    names, unreadable = requesters_in({field: value})

    assert unreadable == []
    assert {person for each in names for person in PEOPLE.names.persons(each)} == {"ana"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (42, "no text"),
        (4.2, "no text"),
        (True, "no text"),
        (b"ana", "no text"),
        ([None], "no text"),
        ([["ana"], 7], "no text"),
        ({}, "no id"),
        ([{}], "no id"),
        ({"nick": "ana"}, "no id"),
        ({"id": 42}, "no text"),
        ("", "no letters"),
        (" ", "no letters"),
        ("\u200b", "no letters"),
        ("???", "no letters"),
        ("\u0430na", "several scripts, CYRILLIC, LATIN"),
        ("\u0391na", "several scripts, GREEK, LATIN"),
        ("Ana \u0405ilva", "several scripts, CYRILLIC, LATIN"),
        ("\u202eana", "reverse"),
        ("ana" * MAX_LENGTH, "longer than"),
        (["ben"] * (MAX_NAMES + 1), "more than"),
        ([[[[[[[[[["ana"]]]]]]]]]], "nested deeper"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_name_that_cannot_be_read_is_reported_with_the_reason(value, why):
    _, unreadable = requesters_in({"requested_by": value})

    assert len(unreadable) == 1
    assert why in unreadable[0]


@pytest.mark.parametrize(
    "name",
    ["ben", "Ana Costa", "Maria Silva", "acme.gmbh", "customer-17", "hana", "anas", "Анна", "山田太郎", "O'Neil"],
)
def test_a_stranger_is_no_reviewer(name):
    names, unreadable = requesters_in({"requested_by": name, "customer": "ana", "amount": 7})

    assert (names, unreadable) == ([name], [])
    assert PEOPLE.names.persons(name) == frozenset()


@pytest.mark.parametrize("value", [None, []])
def test_no_requester_is_no_one(value):
    assert requesters_in({"requested_by": value}) == ([], [])


@pytest.mark.parametrize("name", ["Kim Lee", "lee, kim", "K. Lee"])
def test_an_ambiguous_name_means_every_one_of_that_name(name):
    assert PEOPLE.names.persons(name) == {"kim-1", "kim-2"}


@pytest.mark.parametrize(
    ("name", "person"), [("john gross", "joh"), ("Петров Иван", "ivan"), ("\u0430\u0441\u0430", "aca")]
)
def test_other_letters_are_compared_by_what_they_look_like(name, person):
    assert PEOPLE.names.persons(name) == {person}


HIDDEN = st.text(st.sampled_from("\u200b\u200d\u2060\ufeff\u00ad"), max_size=2)
FRAMES = st.sampled_from(["{}", "@{}", "user:{}", "<{}@example.org>", "CORP\\{}", "  {}\n", "{} (team)", "x, {}"])


@given(st.tuples(*(st.sampled_from([letter, letter.upper()]) for letter in "ana")), HIDDEN, FRAMES)
def test_case_and_hidden_characters_and_frames_change_no_person(letters, hidden, frame):
    assert PEOPLE.names.persons(frame.format(hidden.join(letters))) == {"ana"}


@given(st.one_of(st.text(max_size=30), st.integers(), st.lists(st.text(max_size=5), max_size=3)))
def test_any_value_is_read_or_reported(value):
    names, unreadable = requesters_in({"requested_by": value})

    assert names or unreadable or value == []
    for name in names:
        PEOPLE.names.persons(name)


@pytest.mark.parametrize("email", ["ana", "ana@", "@example.org", "ana silva@example.org", ""])
def test_a_mail_address_of_a_reviewer_has_a_mailbox_and_a_domain(email):
    with pytest.raises(InvalidInput, match="emails"):
        read_people([{"reviewer_id": "x", "name": "X", "roles": ["domain_reviewer"], "emails": [email]}], "people")
