"""`hitl policy show`: a policy in plain words, from a file, from a store, and as a document."""

from importlib.resources import files

import pytest

BY = ("--reviewer", "compliance_officer", "--reason", "new")


@pytest.mark.parametrize("name", ["loans", "moderation", "refunds"])
def test_a_policy_is_shown_in_80_columns_with_what_goes_ahead_first(hitl, name):
    path = str(files("hitl_orchestrator.data").joinpath("policies", f"{name}.yaml"))
    shown = hitl("policy", "show", path)
    lines = shown.out.splitlines()

    assert shown.code == 0
    assert max(map(len, lines)) <= 80
    assert shown.out.index("WHAT GOES AHEAD WITHOUT A PERSON") < shown.out.index("WHAT PEOPLE DECIDE, AND BY WHEN")
    assert "Signature ____" in shown.out


def test_the_policy_in_force_and_a_version_of_the_store_are_shown(hitl):
    hitl("policy", "activate", "routing_policy.json", *BY)

    now = hitl("policy", "show").out
    assert "Version: v1" in now
    assert hitl("policy", "show", "v1").out == now
    assert hitl("policy", "show", "v9").code == 1


def test_the_document_is_written_as_markdown_or_html_only(hitl, folder):
    for name, begins in (("policy.md", "# Policy"), ("policy.html", "<!doctype html>")):
        assert hitl("policy", "show", "routing_policy.json", "--out", name).code == 0
        assert (folder / name).read_text("utf-8").startswith(begins)
    assert "map-story-phone" in (folder / "policy.html").read_text("utf-8")
    assert hitl("policy", "show", "routing_policy.json", "--out", "policy.md").code == 2
    refused = hitl("policy", "show", "routing_policy.json", "--out", "policy.docx")
    assert (refused.code, "end it with .md or .html" in refused.err) == (2, True)


def test_json_has_the_sections(hitl):
    made = hitl("policy", "show", "routing_policy.json", "--json").data["document"]

    assert [section["title"] for section in made["sections"]][:2] == [
        "What goes ahead without a person",
        "What people decide, and by when",
    ]
