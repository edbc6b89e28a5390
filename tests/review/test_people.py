import json
from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator import InvalidInput, Reviewer
from hitl_orchestrator.domain.working_hours import Weekday
from hitl_orchestrator.review.people import DEFAULT_REASON_CODES, People, Team, read_people
from hitl_orchestrator.services.config_files import load_people

ANA = {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"]}
BEN = {"reviewer_id": "ben", "name": "Ben", "roles": ["senior_manager"]}
HOUSE = {
    "reviewers": [
        ANA
        | {
            "person": "p1",
            "domains": ["finance"],
            "working_hours": {
                "timezone": "Europe/Vienna",
                "days": ["monday"],
                "begins": "08:00",
                "ends": "16:30",
                "holidays": "AT",
            },
            "away": [{"first": "2025-08-04", "last": "2025-08-15"}],
            "max_open_claims": 5,
        },
        BEN,
    ],
    "teams": [{"team_id": "money", "members": ["ana"], "domains": ["finance", "tax"]}],
    "calendar": {"timezone": "Europe/Vienna", "holidays": "AT"},
    "reason_codes": ["too_risky", "other"],
}


def seat(reviewer_id, person=None):
    return Reviewer(reviewer_id=reviewer_id, name="S", roles=["domain_reviewer"], person=person)


@pytest.fixture(params=["json", "yaml", "yml"])
def file(request, tmp_path):
    path = tmp_path / f"reviewers.{request.param}"
    path.write_text(json.dumps(HOUSE) if request.param == "json" else yaml.safe_dump(HOUSE))
    return path


def test_an_organization_file_is_read_in_either_notation(file):
    people = load_people(file)

    ana = people.named("ana")
    assert (ana.person, ana.max_open_claims, ana.away[0].last) == ("p1", 5, date(2025, 8, 15))
    assert (ana.working_hours.days, ana.working_hours.ends) == ((Weekday.MONDAY,), "16:30")
    assert (
        people.team_of("tax") == people.teams[0] == Team(team_id="money", members=("ana",), domains=("finance", "tax"))
    )
    assert people.team_of("support") is None
    assert people.calendar.holidays == "AT"
    assert people.reason_codes == ("too_risky", "other")


def test_teams_calendar_and_reasons_have_defaults():
    for people in (read_people([ANA], "r.json"), People([seat("ana")]), load_people(None)):
        assert (people.teams, people.calendar, people.reason_codes) == ((), None, DEFAULT_REASON_CODES)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"teams": [{"team_id": "t", "members": ["ana", "bne"]}]},
            "r.json: teams[0].members: there is no reviewer 'bne'; did you mean 'ben'?",
        ),
        (
            {"teams": [{"team_id": n, "members": ["ana"], "domains": ["tax"]} for n in "ab"]},
            "r.json: teams[1].domains: 'tax' already belongs to team 'a'; a domain belongs to one team",
        ),
        (
            {"teams": [{"team_id": "t", "members": ["ana"]}, {"team_id": "t", "members": ["ben"]}]},
            'r.json: teams: [1].team_id: "t" occurs twice; every team_id must be unique in a file',
        ),
        ({"teams": [{"team_id": "t", "members": []}]}, "r.json: teams: [0].members: at least one is needed"),
        (
            {"teams": [{"team_id": "t", "members": ["ana", "ana"]}]},
            "r.json: teams[0].members: 'ana' occurs twice",
        ),
        (
            {"teams": [{"team_id": "t", "members": ["ana"], "domains": ["*"]}]},
            "r.json: teams[0].domains: '*': a team owns the domains it names; name them, or leave them out",
        ),
        (
            {"teams": [{"team_id": "t", "member": ["ana"]}]},
            "r.json: teams: [0].member: unknown field; did you mean 'members'?",
        ),
        (
            {"calendar": {"holidays": "XX"}},
            "r.json: calendar.holidays: 'XX': its public holidays are not known; "
            "give a country or a subdivision of ISO 3166, such as AT or DE-BY",
        ),
        (
            {"calendar": {"timezone": "Vienna"}},
            'r.json: calendar.timezone: "Vienna": no such time zone; '
            "give a name of the IANA database, such as Europe/Vienna",
        ),
        ({"reason_codes": ["other", "other"]}, "r.json: reason_codes: 'other' occurs twice"),
        ({"reason_codes": []}, "r.json: reason_codes: at least one is needed"),
        ({"team": []}, "r.json: team: unknown field; did you mean 'teams'?"),
    ],
)
def test_an_invalid_entry_is_rejected_with_its_path(changed, problem):
    with pytest.raises(InvalidInput) as refused:
        read_people({"reviewers": [ANA, BEN]} | changed, "r.json")

    assert problem in refused.value.problems


def test_every_problem_is_reported_at_once():
    raw = {
        "reviewers": [ANA | {"roles": ["domain_revewer"], "working_hours": {"holidays": "QQ"}}],
        "teams": [{"team_id": "t", "members": ["bob"]}],
        "reason_codes": ["a", "a"],
    }

    with pytest.raises(InvalidInput) as refused:
        read_people(raw, "r.json")

    assert [problem.split(": ")[1] for problem in refused.value.problems] == [
        "reviewers[0].roles",
        "teams[0].members",
        "reviewers[0].working_hours.holidays",
        "reason_codes",
    ]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("reviewers: [{", r"r\.yaml: line 1"),
        ("reviewers: no", "no"),
        ("a: &x 1\nb: *x", "alias"),
        ("\x00", r"r\.yaml"),
        ("", r"r\.yaml"),
    ],
)
def test_unreadable_yaml_is_rejected(tmp_path, text, match):
    path = tmp_path / "r.yaml"
    path.write_text(text)

    with pytest.raises(InvalidInput, match=match):
        load_people(path)


def test_the_accounts_of_a_person_are_grouped():
    people = People([seat("ana", "p1"), seat("ben"), seat("ana-night", "p1")])

    assert people.accounts_of("ana-night") == people.accounts_of("ana") == ("ana", "ana-night")
    assert people.accounts_of("ben") == ("ben",)
    assert (people.human("ana"), people.human("ben")) == ("p1", "ben")


def test_an_unknown_id_is_a_person_with_one_account():
    people = People([seat("ana", "p1")])

    assert (people.human("zoe"), people.accounts_of("zoe")) == ("zoe", ("zoe",))
    assert people.accounts_of("p1") == ("p1", "ana")


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | st.sampled_from("abxy")), unique_by=lambda one: one[0])
)
def test_every_account_belongs_to_exactly_one_person(given_seats):
    people = People([seat(*one) for one in given_seats])

    for one in people:
        accounts = people.accounts_of(one.reviewer_id)
        assert one.reviewer_id in accounts
        assert {people.human(other) for other in accounts} == {one.human}
        assert set(accounts) == {other.reviewer_id for other in people if other.human == one.human}
