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
    "assign",
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
