"""The error tree: its statuses, and the tree drawn in the module's docstring."""

import re

from hitl_orchestrator import errors
from hitl_orchestrator.errors import HitlError, InvalidInput, LeaseLost, PolicyMissing, ReviewEscalated, UnknownCase
from hitl_orchestrator.errors.in_log import sentence_of


def subclasses(kind):
    return {kind, *(each for sub in kind.__subclasses__() for each in subclasses(sub))}


def test_the_docstring_draws_every_error_of_the_module():
    drawn = set(re.findall(r"[A-Z]\w+", "\n".join(re.findall(r"^    .*", errors.__doc__, re.MULTILINE))))

    assert {
        kind.__name__
        for kind in subclasses(HitlError)
        if kind.__module__.startswith((errors.__name__, "hitl_orchestrator.errors"))
        or kind.__module__ == "hitl_orchestrator"
    } <= drawn


def test_an_error_inherits_the_status_of_its_branch():
    statuses = [kind.http_status for kind in (HitlError, InvalidInput, PolicyMissing, UnknownCase, LeaseLost)]

    assert statuses == [500, 422, 422, 404, 409]
    assert ReviewEscalated.http_status == 409


def test_the_text_of_a_foreign_error_may_fail_in_any_way():
    class Leaves(Exception):
        def __str__(self):
            raise SystemExit(0)

    assert sentence_of(Leaves()) == "Leaves"
    assert sentence_of(ValueError("no")) == "ValueError: no"
    assert sentence_of(ValueError()) == "ValueError"
