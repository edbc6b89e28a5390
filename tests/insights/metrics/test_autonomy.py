"""Which task types could go ahead without a person, at which confidence, and where that is not known."""

import pytest
from support.outcome_frames import automatic, checked, frame_of, reviewed

from hitl_orchestrator.insights.metrics import measure

pytest.importorskip("polars")


def of_type(name, count, error, confidence=0.97, start=0):
    """Reviewed cases of one type, of which one in `error` is wrong."""
    for number in range(start, start + count):
        decision = "reject" if error and number % error == 0 else "approve"
        yield reviewed(number, decision, task_type=name, confidence_score=confidence)


def verdicts(*groups, **options):
    found = measure(frame_of([row for group in groups for row in group]), **options).autonomy
    return {one.task_type: one for one in found}


def test_task_types_are_distinguished_by_what_their_errors_allow():
    found = verdicts(
        of_type("safe", 300, 100),
        of_type("doubtful", 60, 15, start=1000),
        of_type("hopeless", 60, 2, start=2000),
        of_type("rare", 20, 0, start=3000),
    )

    assert {name: one.verdict for name, one in found.items()} == {
        "safe": "above_bound",
        "doubtful": "unclear",
        "hopeless": "never",
        "rare": "not_enough_data",
    }
    assert (found["safe"].bound, found["safe"].coverage) == (0, 1)
    assert found["hopeless"].bound is found["doubtful"].bound is None
    assert found["hopeless"].sentence == (
        "At a confidence of 0.95 or more, at least 37.7 % are wrong (30 of 60 looks), and 5 % are tolerated; "
        "no lower bound is better"
    )
    assert verdicts(of_type("hopeless", 60, 2), tolerated=0.9)["hopeless"].verdict == "above_bound"


def test_the_bound_is_the_lowest_before_the_first_that_is_not_certain():
    found = verdicts(
        of_type("loan", 300, 100, confidence=0.96),
        of_type("loan", 300, 100, confidence=0.85, start=1000),
        of_type("loan", 300, 3, confidence=0.75, start=2000),
        of_type("loan", 5000, 0, confidence=0.3, start=3000),
    )["loan"]

    assert (found.verdict, found.bound, found.coverage) == ("above_bound", 0.8, 600 / 5900)
    assert found.errors_above.highest < 0.05
    assert found.sentence == (
        "At a confidence of 0.80 or more, at most 2.2 % are wrong (6 of 600 looks), and 5 % are tolerated; "
        "these are 10 % of the cases"
    )


def test_cases_that_were_never_looked_at_are_no_evidence_for_autonomy():
    dark = [automatic(number, task_type="safe", confidence_score=0.97) for number in range(10_000, 10_100)]

    assert verdicts(of_type("safe", 300, 100))["safe"].verdict == "above_bound"
    assert verdicts(of_type("safe", 300, 100), dark)["safe"].verdict == "unclear"


def going_ahead(count, confidence, start=10_000):
    return [
        automatic(number, task_type="refund", confidence_score=confidence) for number in range(start, start + count)
    ]


def test_never_is_stated_only_where_the_range_that_goes_ahead_was_looked_at():
    unsure, sure = of_type("refund", 20, 2, 0.65), of_type("refund", 20, 10, 0.85, start=1000)
    looks = [*unsure, *sure]

    assert verdicts(looks)["refund"].verdict == "never"
    stray = going_ahead(1, 0.65, start=20_000)
    for ahead in (going_ahead(20, 0.85), going_ahead(20, 0.85) + stray, going_ahead(20, None)):
        assert verdicts(looks, ahead)["refund"].verdict == "unclear"
    assert verdicts(looks, going_ahead(20, 0.85))["refund"].sentence.endswith(
        "(12 of 40 looks), and 5 % are tolerated; 33 % of these cases cannot be drawn for a spot check, "
        "and may all be wrong; where its cases go ahead, at 0.80 or more, there are too few looks (20 of 30)"
    )


def test_never_is_not_stated_against_the_checks_of_what_goes_ahead():
    looks = list(of_type("refund", 60, 2, 0.85))

    def with_checks(decision):
        ahead = [
            automatic(number, task_type="refund", confidence_score=0.85, review_probability=1.0)
            for number in range(10_000, 10_100)
        ]
        return verdicts(looks, ahead, [checked(20_000 + place, case, decision) for place, case in enumerate(ahead)])

    assert with_checks("reject")["refund"].verdict == "never"
    assert with_checks("approve")["refund"].verdict == "unclear"
    assert with_checks("approve")["refund"].sentence.endswith("the spot checks of its automatic cases do not say so")


def test_never_names_the_bound_above_which_there_are_too_few_looks():
    looks = [*of_type("refund", 60, 2, 0.85), *of_type("refund", 5, 0, 0.97, start=1000)]

    (found,) = verdicts(looks, going_ahead(8, 0.85)).values()

    assert found.verdict == "never"
    assert found.sentence.startswith("At a confidence of 0.80 or more, at least ")
    assert found.sentence.endswith("; no lower bound is better; at higher ones there are too few looks to tell")
