from collections import Counter
from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.domain.working_hours import Absence, WorkingHours
from hitl_orchestrator.review.assignment import (
    Assigned,
    AssignmentRequest,
    Candidate,
    Unassigned,
    push,
    qualified,
    sticky,
)
from hitl_orchestrator.review.people import People, Team
from hitl_orchestrator.review.working_time import is_there

MONDAY = datetime(2025, 3, 3, 10, tzinfo=UTC)
OFFICE, EVENING = WorkingHours(), WorkingHours(begins=time(18), ends=time(22))
TODAY = (Absence(first=MONDAY.date(), last=MONDAY.date()),)
REVIEWER, MANAGER, OFFICER = DEFAULT_CHAIN.roles
ASKED = AssignmentRequest("case-1", REVIEWER, "finance")

SEATS = st.lists(
    st.builds(
        lambda number, roles, domains, person, hours, away, most, held, lately: Candidate(
            Reviewer(
                reviewer_id=f"r{number}",
                name="S",
                roles=sorted(roles),
                domains=sorted(domains),
                person=person,
                working_hours=hours,
                away=away,
                max_open_claims=most,
            ),
            held,
            lately,
        ),
        st.integers(0, 20),
        st.sets(st.sampled_from(DEFAULT_CHAIN.roles), min_size=1),
        st.sets(st.sampled_from(["finance", "support", "*"]), min_size=1),
        st.none() | st.sampled_from(["p1", "p2"]),
        st.sampled_from([None, OFFICE, EVENING]),
        st.sampled_from([(), TODAY]),
        st.none() | st.integers(1, 4),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    max_size=8,
    unique_by=lambda one: one.reviewer.reviewer_id,
)


def seat(reviewer_id="r01", *roles, **more):
    return Reviewer(reviewer_id=reviewer_id, name="S", roles=roles or (REVIEWER,), **more)


def idle(*reviewers):
    return [Candidate(one) for one in reviewers]


def pushed(*candidates, asked=ASKED, teams=(), at=MONDAY):
    return push(asked, candidates, People([one.reviewer for one in candidates], teams=teams), at)


def test_the_least_loaded_reviewer_is_assigned():
    assert pushed(Candidate(seat("busy"), 3), Candidate(seat("idle"), 1)).reviewer.reviewer_id == "idle"


def test_load_is_relative_to_the_reviewers_limit():
    part_time, full_time = seat("part_time", max_open_claims=2), seat("full_time", max_open_claims=8)

    assert pushed(Candidate(part_time, 1), Candidate(full_time, 3)).reviewer == full_time
    assert pushed(Candidate(part_time, 0), Candidate(full_time, 3)).reviewer == part_time


def test_equal_loads_are_ordered_by_recent_assignments_then_skill():
    lately = [Candidate(seat("often"), 1, 9, 1.0), Candidate(seat("seldom"), 1, 2, 0.5)]
    skilled = [Candidate(seat("good"), 1, 2, 0.9), Candidate(seat("better"), 1, 2, 0.95)]

    assert pushed(*lately).reviewer.reviewer_id == "seldom"
    assert pushed(*skilled).reviewer.reviewer_id == "better"


def test_ties_are_broken_by_the_case_deterministically():
    seats = idle(*(seat(f"r{number}") for number in range(4)))

    got = [pushed(*seats, asked=ASKED._replace(case_id=f"case-{number}")).reviewer.reviewer_id for number in range(400)]

    assert all(70 < count < 130 for count in Counter(got).values())
    assert got[0] == pushed(*reversed(seats), asked=ASKED._replace(case_id="case-0")).reviewer.reviewer_id


def test_the_owning_team_comes_first_and_others_when_it_is_full():
    team = Team(team_id="money", members=("member",), domains=("finance",))
    member, other = seat("member", max_open_claims=2), seat("other")

    assert pushed(Candidate(member, 1), Candidate(other), teams=[team]).reviewer == member
    assert pushed(Candidate(member, 2), Candidate(other), teams=[team]).reviewer == other
    elsewhere = ASKED._replace(domain="support")
    assert pushed(Candidate(member, 1), Candidate(other), teams=[team], asked=elsewhere).reviewer == other


@given(SEATS, st.sampled_from(DEFAULT_CHAIN.roles), st.sets(st.sampled_from(["p1", "p2", "r1", "r2"])))
def test_reviews_are_assigned_only_to_authorized_and_available_reviewers(candidates, role, barred):
    asked = AssignmentRequest("case-1", role, "finance", dict.fromkeys(barred, "they voted already"))
    people = People(one.reviewer for one in candidates)
    for found in (push(asked, candidates, people, MONDAY), sticky("r1", asked, candidates, people, MONDAY)):
        able = [
            one
            for one in candidates
            if DEFAULT_CHAIN.roles.index(role) <= max(map(DEFAULT_CHAIN.roles.index, one.reviewer.roles))
            and {"*", "finance"} & set(one.reviewer.domains)
            and one.reviewer.human not in barred
            and not one.reviewer.away
        ]

        if isinstance(found, Unassigned):
            assert found.waits == bool(able)
            assert found.why
            continue
        [one] = [one for one in able if one.reviewer == found.reviewer]
        assert is_there(one.reviewer, MONDAY)
        assert found.role in one.reviewer.roles
        assert DEFAULT_CHAIN.reaches(found.role, role)
        assert one.reviewer.max_open_claims is None or one.open_claims < one.reviewer.max_open_claims


@given(st.integers(1, 6), st.integers(0, 40), st.none() | st.integers(20, 50), st.randoms(use_true_random=False))
def test_push_keeps_the_loads_of_equals_within_one(persons, cases, most, order):
    reviewers = [seat(f"r{number}", max_open_claims=most) for number in range(persons)]
    held = Counter()
    for number in range(cases):
        candidates = [Candidate(one, held[one.reviewer_id], held[one.reviewer_id]) for one in reviewers]
        order.shuffle(candidates)
        found = pushed(*candidates, asked=ASKED._replace(case_id=f"case-{number}"))
        if isinstance(found, Assigned):
            held[found.reviewer.reviewer_id] += 1

    loads = [held[one.reviewer_id] for one in reviewers]
    assert max(loads) - min(loads) <= 1
    assert sum(loads) == (cases if most is None else min(cases, persons * most))


def test_a_submitter_is_not_assigned_under_another_account():
    night = seat("r01-night", person="r01")

    found = pushed(*idle(seat("r01"), night, seat("r02")), asked=ASKED._replace(barred={"r01": "they submitted it"}))

    assert found.reviewer.reviewer_id == "r02"


def test_a_review_without_an_authorized_reviewer_is_escalated_with_the_reason():
    manager = seat("r09", MANAGER)
    barred = {"r01": "they submitted this case"}

    found = pushed(*idle(seat("r01"), seat("r02", away=TODAY), manager), asked=ASKED._replace(barred=barred))

    assert found == Assigned(
        manager,
        MANAGER,
        "no reviewer with the role 'domain_reviewer' may decide this: "
        "r01: they submitted this case, r02: they are away; it goes to 'senior_manager'",
    )


def test_at_the_top_the_reason_names_the_remedy():
    found = pushed(*idle(seat("r01", domains=("support",))), asked=ASKED._replace(role=MANAGER))

    assert (found.role, found.waits) == (OFFICER, False)
    assert found.why == (
        "no reviewer with the role 'senior_manager' may decide this: no reviewer has it in the domain 'finance'; "
        "it goes to 'compliance_officer'; "
        "no reviewer with the role 'compliance_officer' may decide this: no reviewer has it in the domain 'finance'; "
        "add a reviewer with this role and domain with 'hitl people propose'"
    )


def test_a_review_waits_for_an_authorized_reviewer_who_is_busy_or_off():
    full, off = Candidate(seat("full", max_open_claims=2), 2), Candidate(seat("off", working_hours=EVENING))

    found = pushed(full, off, Candidate(seat("boss", MANAGER)))

    assert found == Unassigned(
        REVIEWER,
        True,
        "no reviewer with the role 'domain_reviewer' is free to decide this now: full holds 2 reviews of at most 2, "
        "off does not work at this hour; it waits for them",
    )


def test_a_long_list_of_reasons_is_cut():
    found = pushed(*idle(*(seat(f"r{number}", away=TODAY) for number in range(8))))

    assert "r4: they are away, and 3 more; it goes to" in found.why


def test_a_role_missing_from_the_chain_goes_to_the_top():
    top = seat("top", OFFICER)

    assert pushed(*idle(seat(), top), asked=ASKED._replace(role="gone")).reviewer == top
    assert pushed(*idle(seat("old", "gone"), top), asked=ASKED._replace(role="gone")).reviewer.reviewer_id == "old"


def test_cases_of_a_customer_go_to_the_same_person_under_any_account():
    first, again = Candidate(seat("r01", person="p1"), 5), Candidate(seat("r01-late", person="p1"), 5)
    people = People([first.reviewer, again.reviewer, seat("r02")])

    def given_to(previous, *candidates):
        return sticky(previous, ASKED, candidates, people, MONDAY).reviewer.reviewer_id

    other = Candidate(seat("r02"))
    assert given_to("r01", first, other) == "r01"
    assert given_to("r01", again, other) == "r01-late"
    assert given_to(None, first, other) == "r02"
    assert given_to("gone", first, other) == "r02"


@pytest.mark.parametrize(
    "hindered", [{"away": TODAY}, {"working_hours": EVENING}, {"max_open_claims": 5}, {"domains": ("support",)}]
)
def test_assignment_does_not_wait_for_an_unavailable_previous_reviewer(hindered):
    previous, other = Candidate(seat("r01", **hindered), 5), Candidate(seat("r02"))
    people = People([previous.reviewer, other.reviewer])

    assert sticky("r01", ASKED, [previous, other], people, MONDAY).reviewer.reviewer_id == "r02"


def test_qualified_reviewers_hold_the_role_and_are_neither_barred_nor_absent():
    people = [seat("a"), seat("b", MANAGER), seat("c", domains=("support",)), seat("d", away=TODAY), seat("e")]
    night = seat("f", working_hours=EVENING)

    found = qualified([*people, night], REVIEWER, "finance", barred={"e"}, at=MONDAY)

    assert [one.reviewer_id for one in found] == ["a", "f"]
