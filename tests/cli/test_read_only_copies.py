"""A copy of a store that an auditor may only read."""

import shutil

import pytest

from hitl_orchestrator.cli import main

KEEPS = {"hitl.db", "hitl.db.key"}
READING = (
    "inbox",
    "show task_001",
    "show task_002",
    "audit list",
    "audit show task_001",
    "audit verify",
    "audit export",
)
WRITING = (
    "run {data}/tasks.json --outputs {data}/agent_outputs.json",
    "decide task_002 approve --reviewer domain_reviewer",
    "claim task_002 --reviewer domain_reviewer",
    "next --reviewer domain_reviewer",
    "recover",
    "sweep",
    "assign --reviewer senior_manager",
)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Return a folder with a store of five cases, and with the files that they came from."""
    folder = tmp_path_factory.mktemp("original")
    data, store = folder / "data", f"sqlite:///{folder}/hitl.db"
    main(["demo", "--data-into", str(data)])
    main(["run", f"{data}/tasks.json", "--outputs", f"{data}/agent_outputs.json", "--store", store])
    return folder


@pytest.fixture
def copy(tmp_path, original):
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name in KEEPS:
        shutil.copy(original / name, folder)
        (folder / name).chmod(0o400)
    folder.chmod(0o500)
    yield folder
    folder.chmod(0o700)


@pytest.mark.parametrize("words", READING)
def test_a_copy_that_may_only_be_read_is_read(warm, copy, words):
    before = {each.name: each.read_bytes() for each in copy.iterdir()}
    ran = warm.run(*words.split(), cwd=copy, powerless=True)
    assert (ran.code, ran.err) == (0, b"")
    assert ran.out
    assert {each.name: each.read_bytes() for each in copy.iterdir()} == before


@pytest.mark.parametrize("words", WRITING)
def test_a_command_that_writes_to_it_is_refused_in_one_sentence(warm, copy, original, words):
    ran = warm.run(*words.format(data=original / "data").split(), cwd=copy, powerless=True)
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.count(b"\n") == 1
    assert b"may not write the file or its folder; nothing was written" in ran.err
    assert {each.name for each in copy.iterdir()} == KEEPS


@pytest.mark.parametrize("mode", [0o444, 0o440, 0o400])
@pytest.mark.parametrize("words", READING)
def test_a_copy_for_everyone_is_read(warm, copy, words, mode):
    (copy / "hitl.db.key").chmod(mode)
    ran = warm.run(*words.split(), cwd=copy, powerless=True)
    assert (ran.code, ran.err) == (0, b"")


def test_a_copy_whose_key_others_may_write_is_refused(warm, copy):
    (copy / "hitl.db.key").chmod(0o446)
    ran = warm.run("show", "task_002", cwd=copy, powerless=True)
    assert (ran.code, ran.out) == (2, b"")
    assert b"other users may read or write it (mode 446); run: chmod 600" in ran.err


def test_a_key_that_this_user_may_not_read_is_not_called_lost(warm, copy):
    copy.chmod(0o700)
    (copy / "hitl.db").chmod(0o600)
    (copy / "hitl.db.key").chmod(0o000)
    ran = warm.run(*WRITING[1].split(), cwd=copy, powerless=True)
    assert (ran.code, ran.out) == (2, b"")
    assert b"this user may not read it; ask its owner for a copy that this user owns, or pass the key itself" in ran.err
    assert b"restore" not in ran.err


@pytest.mark.parametrize("words", ["audit prove task_001", "audit head", "audit key"])
def test_a_copy_without_the_key_that_signs_does_not_claim_that_it_was_lost(warm, copy, words):
    ran = warm.run(*words.split(), cwd=copy, powerless=True)
    assert (ran.code, ran.out) == (2, b"")
    assert b"there is no such file, and this user cannot create it (Permission denied); pass the key" in ran.err
    assert {each.name for each in copy.iterdir()} == KEEPS


def test_the_public_key_of_a_copy_for_everyone_is_read_and_signs_nothing(warm, copy, original):
    main(["audit", "key", "--store", f"sqlite:///{original}/hitl.db"])
    copy.chmod(0o700)
    shutil.copy(original / "hitl.db.head-key", copy)
    (copy / "hitl.db.head-key").chmod(0o444)
    copy.chmod(0o500)

    assert warm.run("audit", "key", cwd=copy, powerless=True).code == 0
    refused = warm.run("audit", "head", cwd=copy, powerless=True)
    assert (refused.code, b"other users may read or write it (mode 444)" in refused.err) == (2, True)
