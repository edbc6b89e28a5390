"""A user id without a home directory, as in containers: the key of a store in PostgreSQL is given, or asked for."""

import pytest
from support.stores import sealed_under

KEY = "ab" * 32
RUN = ("run", "tasks.json", "--outputs", "agent_outputs.json")


@pytest.mark.parametrize("words", ["inbox", "show task_002", "audit list", "audit head", "audit verify", "recover"])
def test_with_its_keys_given_no_home_directory_is_needed(warm, folder, postgres_store, words):
    environment = {"HITL_STORE": sealed_under(postgres_store, KEY), "HITL_SEAL_KEY": KEY, "HITL_HEAD_KEY": KEY}
    assert warm.run(*RUN, cwd=folder, environment=environment, home=False).code == 0
    ran = warm.run(*words.split(), cwd=folder, environment=environment, home=False)
    assert (ran.code, ran.err) == (0, b"")


@pytest.mark.parametrize("words", [" ".join(RUN), "inbox", "audit head"])
def test_without_them_the_keys_are_asked_for_in_one_sentence(warm, folder, postgres_store, words):
    ran = warm.run(*words.split(), cwd=folder, environment={"HITL_STORE": postgres_store}, home=False)
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.count(b"\n") == 1
    assert b"this user has no home directory; give the key with HITL_SEAL_KEY" in ran.err


def test_a_store_in_a_file_needs_no_home_directory(warm, folder):
    assert warm.run(*RUN, cwd=folder, home=False).code == 0
    assert warm.run("audit", "head", cwd=folder, home=False).code == 0
