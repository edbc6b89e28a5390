"""Who decided what: each vote of each person, replayed ones included, and the words for a recorded truth."""

from support.outcome_frames import MONDAY, automatic, frame_of, reviewed

from hitl_orchestrator.domain.audit import RECORDED_TRUTH
from hitl_orchestrator.insights.deciders import measure_deciders
from hitl_orchestrator.insights.metrics import measure
from hitl_orchestrator.insights.metrics.model import TRUTH, Looks
from hitl_orchestrator.insights.plots import picture_text


def test_each_person_is_counted_with_every_vote_and_replayed_ones_are_marked():
    votes = '[["ana", "approve", "r"], ["ben", "reject", "r"]]'
    rows = [
        automatic(1),
        reviewed(2, reviewer_id="ana"),
        reviewed(3, "reject", reviewer_id="ben", votes=votes),
        reviewed(4, "modify", reviewer_id="ana", replayed=True),
        reviewed(5, reviewer_id=None, replayed=True),
    ]

    found = measure_deciders(frame_of(rows))

    assert [(each.person, each.cases, each.replayed) for each in found] == [("ana", 3, 1), ("ben", 1, 0), (None, 1, 1)]
    assert (found[0].approve, found[0].modify, found[1].reject) == (2, 1, 1)
    assert measure(frame_of(rows)).deciders == found


def test_a_dimension_of_people_has_a_group_for_each():
    rows = [
        automatic(1),
        reviewed(2, reviewer_id="ana"),
        reviewed(3, reviewer_id="ben"),
        reviewed(4, reviewer_id="ana"),
    ]

    groups = measure(frame_of(rows), by="reviewer_id").by["reviewer_id"]

    assert {group.key: group.cases for group in groups} == {"ana": 2, "ben": 1, None: 1}


def test_a_recorded_truth_is_no_person_and_its_records_state_no_time():
    of_truth = {"reviewer_id": RECORDED_TRUTH, "replayed": True, "latency_seconds": 0.0}
    rows = [reviewed(number, **of_truth) for number in range(3)]

    alone, mixed = measure(frame_of(rows)), measure(frame_of([*rows, reviewed(9, reviewer_id="ana")]))

    assert (alone.judges, mixed.judges) == (TRUTH, f"people or {TRUTH}")
    assert (alone.latency.total.of, mixed.latency.total.of) == (0, 1)
    assert "no record states a duration" in picture_text("waiting_times", alone)
    assert f"that {TRUTH} decided" in alone.calibration.represents


def test_a_name_that_its_id_spells_plainly_stands_for_it():
    names = {"Ana-Q": "Ana Q.", "r7": "Ben"}
    metrics = measure(frame_of([reviewed(1)]), Looks(now=MONDAY, names=names))

    assert [metrics.known_as(person) for person in ("Ana-Q", "r7", "x")] == ["Ana Q.", "r7", "x"]
    assert [metrics.named(person) for person in ("Ana-Q", "r7", "x")] == ["Ana Q. (Ana-Q)", "Ben (r7)", "x"]
