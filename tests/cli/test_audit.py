"""`hitl audit` verify, head, key, prove, check and export."""

import csv
import importlib
import json
import sqlite3
from contextlib import closing

import pytest

from hitl_orchestrator import AuditRecord, InvalidInput, Orchestrator
from hitl_orchestrator.cli.commands.audit.export_formats import TASK_COLUMNS, defused


def tamper(folder, sql):
    with closing(sqlite3.connect(folder / "hitl.db")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(sql)
        connection.commit()


def test_verify_reports_entry_count_and_last_time(filled):
    answer = filled("audit", "verify")
    data = filled("audit", "verify", "--json").data

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"{data['entries']} entries, the last one written at 20")
    assert (data["sound"], data["problem"], data["bad_entry"], data["heads"]) == (True, None, None, 1)


def test_verify_names_the_first_bad_entry_and_exits_with_1(filled, folder):
    tamper(folder, "UPDATE events SET entry = replace(entry, 'task_002', 'task_009')")

    answer, data = filled("audit", "verify"), filled("audit", "verify", "--json")

    assert (answer.code, data.code, answer.out) == (1, 1, "")
    assert answer.err.startswith(f"hitl: entry {data.data['bad_entry']}: its text or its digest was altered")
    assert data.data["sound"] is False


def test_verify_needs_neither_policy_nor_people_that_can_be_read(filled, folder):
    tamper(folder, "UPDATE events SET entry = 'x' WHERE kind IN ('people_recorded', 'policy_recorded')")

    answer = filled("audit", "verify")

    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert "entry 1: its text was altered: it is not canonical JSON" in answer.err


def test_signed_head_detects_a_restored_store(filled, folder):
    before = (folder / "hitl.db").read_bytes()
    filled("run", "tasks.json")
    (folder / "more.json").write_text(
        json.dumps([{**json.loads((folder / "tasks.json").read_text())[0], "task_id": "x"}])
    )
    filled("run", "more.json")
    assert filled("audit", "head", "--out", "heads.jsonl").code == 0
    for beside in folder.glob("hitl.db-*"):
        beside.unlink()
    (folder / "hitl.db").write_bytes(before)

    without, with_head = filled("audit", "verify"), filled("audit", "verify", "--head", "heads.jsonl")

    assert (without.code, with_head.code) == (1, 1), "heads are signed beside the store by default"
    assert "the end was truncated" in with_head.err


def test_without_a_head_file_heads_are_signed_beside_the_store(filled, folder):
    (heads,) = folder.glob("hitl.db.*.heads")
    sizes = [json.loads(line)["size"] for line in heads.read_text().splitlines()]

    filled("run", "tasks.json")
    filled("inbox")
    answer = filled("audit", "verify", "--json")

    assert sizes == [answer.data["entries"]], "a command that writes no entry signs no head"
    assert (heads.stat().st_mode & 0o777, answer.data["heads"], answer.data["key_trusted"]) == (0o600, 1, True)
    assert filled("audit", "export", "--out", heads.name, "--force").code == 2


def test_no_head_is_signed_if_the_head_file_is_off(hitl, folder, monkeypatch):
    monkeypatch.setenv("HITL_HEAD_FILE", "off")
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")

    assert [*folder.glob("*.heads"), *folder.glob("*.head-key")] == []
    assert hitl("audit", "verify", "--json").data["heads"] == 0


def test_another_store_at_the_address_of_a_deleted_one_is_made_once_its_heads_are_elsewhere(filled, folder):
    for file in folder.glob("hitl.db*"):
        if file.suffix != ".heads":
            file.unlink()
    (heads,) = folder.glob("*.heads")

    for words in (("run", "tasks.json", "--outputs", "agent_outputs.json"), ("audit", "verify"), ("inbox",)):
        answer = filled(*words)
        assert (answer.code, f"'{heads}' belongs to an earlier store" in answer.err) == (2, True)

    heads.rename(folder / "old")
    assert filled("run", "tasks.json", "--outputs", "agent_outputs.json").code == 0
    assert (filled("audit", "verify").code, len([*folder.glob("*.heads")])) == (0, 1)


def test_heads_are_signed_with_a_key_beside_the_store_and_checked_with_it(filled, folder):
    printed = json.loads(filled("audit", "head").out)
    filled("audit", "head", "--out", "heads.jsonl")
    key = filled("audit", "key", "--out", "ledger.pub", "--json").data["public_key"]

    answer = filled("audit", "verify", "--head", "heads.jsonl", "--public-key", "ledger.pub")

    assert (folder / "hitl.db.head-key").exists()
    assert printed["key"] == key == (folder / "ledger.pub").read_text().strip()
    assert (answer.code, "match 1 signed head" in " ".join(answer.out.split())) == (0, True)


def test_head_signed_with_another_key_is_rejected(filled, folder, monkeypatch):
    monkeypatch.setenv("HITL_HEAD_KEY", "ab" * 32)
    filled("audit", "head", "--out", "heads.jsonl")
    monkeypatch.delenv("HITL_HEAD_KEY")
    filled("audit", "key", "--out", "mine.pub")

    answer = filled("audit", "verify", "--head", "heads.jsonl", "--public-key", "mine.pub")

    assert (answer.code, "the trusted key is" in answer.err) == (1, True)


def test_head_file_is_extended_by_every_writing_command(hitl, folder, monkeypatch):
    monkeypatch.setenv("HITL_HEAD_FILE", "heads.jsonl")
    monkeypatch.setenv("HITL_HEAD_KEY_FILE", "a.key")
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")
    hitl("decide", "task_002", "approve", "--reviewer", "domain_reviewer")

    answer = hitl("audit", "verify", "--json")

    assert len((folder / "heads.jsonl").read_text().splitlines()) == answer.data["heads"] == 2
    assert ((folder / "a.key").exists(), (folder / "hitl.db.head-key").exists()) == (True, False)


def test_a_head_file_that_cannot_be_written_costs_no_receipt(hitl, monkeypatch, caplog):
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")
    monkeypatch.setenv("HITL_HEAD_FILE", "nowhere/heads.jsonl")

    answer = hitl("decide", "task_002", "approve", "--reviewer", "domain_reviewer")

    assert (answer.code, "approved" in answer.out) == (0, True)
    assert "'nowhere/heads.jsonl' cannot be used: No such file or directory" in caplog.text


@pytest.mark.parametrize(
    ("words", "receipt"),
    [
        ("decide task_002 approve --reviewer domain_reviewer", "Recorded: approve by domain_reviewer"),
        ("claim task_002 --reviewer domain_reviewer", "claimed by domain_reviewer"),
        ("run more.json", "1 case"),
        ("sweep", "Nothing to sweep"),
        ("recover", "Nothing to recover"),
        ("assign --reviewer senior_manager", "Assigned"),
        ("policy shadow routing_policy_mended.json --reviewer senior_manager --reason trial", "on 0 cases"),
        ("audit redact task_001 --reviewer compliance_officer --reason erasure --yes", "erased"),
    ],
)
def test_a_ledger_that_differs_from_its_signed_head_costs_no_receipt(hitl, folder, monkeypatch, words, receipt):
    task = {"task_id": "more", "task_type": "t", "task_description": "d", "domain": "x", "risk_level": "medium"}
    (folder / "more.json").write_text(json.dumps([task]))
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--store", "sqlite:///other.db")
    monkeypatch.setenv("HITL_HEAD_FILE", "heads.jsonl")
    monkeypatch.setenv("HITL_HEAD_KEY", "ab" * 32)
    hitl("audit", "head", "--out", "heads.jsonl", "--store", "sqlite:///other.db")
    monkeypatch.delenv("HITL_HEAD_FILE")
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")
    monkeypatch.setenv("HITL_HEAD_FILE", "heads.jsonl")

    answer = hitl(*words.split())

    assert (answer.code, "head" in answer.err) == (1, True)
    assert receipt in answer.out


def test_a_public_key_that_is_none_is_refused_also_without_heads(filled, folder):
    (folder / "public").write_text("garbage\n")

    assert filled("audit", "verify", "--public-key", "nowhere").code == 2
    assert filled("audit", "verify", "--public-key", "public").code == 2
    with Orchestrator.open("memory://") as hitl, pytest.raises(InvalidInput, match="public_key: 'garbage' is no key"):
        hitl.audit.verify(public_key="garbage")


def test_a_proof_is_checked_without_the_database(filled, folder):
    assert filled("audit", "prove", "task_002", "--out", "proof.json").code == 0
    filled("audit", "key", "--out", "ledger.pub")
    for file in folder.glob("hitl.db*"):
        file.unlink()

    answer = filled("audit", "check", "proof.json", "--public-key", "ledger.pub")
    data = filled("audit", "check", "proof.json", "--public-key", "ledger.pub", "--json").data

    assert answer.code == 0
    assert "Proven: the ledger holds 6 entries of case" in answer.out
    assert (data["proven"], data["key_trusted"], data["problem"]) == (True, True, None)


def test_without_a_key_to_trust_a_proof_is_consistent_only(filled, folder):
    """The key of a store in the current folder counts for nothing: it came with the proof, perhaps."""
    filled("audit", "prove", "task_002", "--out", "proof.json")
    assert (folder / "hitl.db.head-key").exists()

    answer, data = filled("audit", "check", "proof.json"), filled("audit", "check", "proof.json", "--json")
    accepted = filled("audit", "check", "proof.json", "--any-key")

    assert (answer.code, data.code, accepted.code) == (1, 1, 0)
    assert "consistent, not authenticated" in answer.err
    assert answer.out.startswith("Consistent: the ledger holds 6 entries")
    assert (data.data["proven"], data.data["consistent"], data.data["key_trusted"]) == (False, True, False)


def test_heads_without_a_key_to_trust_are_consistent_only(filled, folder, monkeypatch):
    monkeypatch.setenv("HITL_HEAD_KEY", "ab" * 32)
    filled("audit", "head", "--out", "heads.jsonl")
    pinned = filled("audit", "verify", "--head", "heads.jsonl", "--json")
    monkeypatch.delenv("HITL_HEAD_KEY")
    (folder / "hitl.db.head-key").unlink()

    answer, data = (
        filled("audit", "verify", "--head", "heads.jsonl"),
        filled(*["audit", "verify", "--head", "heads.jsonl", "--json"]),
    )

    assert (pinned.code, pinned.data["key_trusted"]) == (0, True)
    assert (answer.code, data.code, filled(*["audit", "verify", "--head", "heads.jsonl", "--any-key"]).code) == (
        1,
        1,
        0,
    )
    assert (data.data["sound"], data.data["key_trusted"]) == (True, False)
    assert "consistent, not authenticated" in answer.err


def test_altered_proof_is_invalid(filled, folder):
    filled("audit", "prove", "task_002", "--out", "proof.json")
    text = (folder / "proof.json").read_text()
    (folder / "proof.json").write_text(text.replace("approve", "reject!"))

    answer = filled("audit", "check", "proof.json")

    assert (answer.code, "hitl: proof.json proves nothing: entry" in answer.err) == (1, True)
    assert filled("audit", "check", "proof.json", "--json").data["proven"] is False


@pytest.mark.parametrize("given", ["tasks.json", "nowhere.json"])
def test_malformed_proofs_and_heads_are_invalid_input(filled, given):
    assert filled("audit", "check", given).code == 2
    assert filled("audit", "verify", "--head", given).code == 2
    assert filled("audit", "verify", "--head", given, "--public-key", given).code == 2


def test_records_and_entries_are_exported_as_lines_of_json(filled, folder):
    records = [json.loads(line) for line in filled("audit", "export").out.splitlines()]
    results = filled("audit", "export", "--events", "--out", "entries.jsonl", "--json").data

    of_the_tasks = [[record.pop(name) for name in TASK_COLUMNS] for record in records]
    assert records == filled("audit", "list", "--json").data
    assert of_the_tasks[0] == ["{}", "2025-01-10T09:15:00Z", False, None]
    entries = [json.loads(line) for line in (folder / "entries.jsonl").read_text().splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(1, results["rows"] + 1))


def test_the_record_of_a_case_is_shown_field_by_field_below_its_entries(filled):
    results = filled("audit", "show", "task_005").out
    (record,) = [one for one in filled("audit", "list", "--json").data if one["task_id"] == "task_005"]

    fields = [
        line.split()[0] for line in results[results.index("The audit record") :].splitlines()[3:] if line[:1] > " "
    ]

    assert fields == [name for name, value in record.items() if value not in (None, "", [])]
    assert {"graph_version", "software_version", "shown_digest", "confidence_assessment"} <= set(fields)
    assert max(map(len, results.splitlines())) <= 80


def test_unfinished_case_shows_no_audit_record(hitl):
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")

    assert "The audit record" not in hitl("audit", "show", "task_002").out


def test_every_export_format_has_every_record_field(filled, folder):
    filled("audit", "export", "--format", "csv", "--out", "records.csv")

    with (folder / "records.csv").open(newline="") as file:
        assert next(csv.reader(file)) == [*AuditRecord.model_fields, *TASK_COLUMNS]
    assert list(json.loads(filled("audit", "export").out.splitlines()[0])) == [*AuditRecord.model_fields, *TASK_COLUMNS]


def test_in_csv_nothing_is_a_formula(hitl, folder):
    output = {"task_id": "t", "agent_output": {"predicted_label": "x"}, "confidence_score": 0.5}
    task = {**json.loads((folder / "tasks.json").read_text())[0], "task_id": "t"}
    (folder / "t.json").write_text(json.dumps([task]))
    (folder / "o.json").write_text(json.dumps([output]))
    hitl("run", "t.json", "--outputs", "o.json")
    hitl("decide", "t", "reject", "--reviewer", "domain_reviewer", "--feedback", "=HYPERLINK(1)")

    hitl("audit", "export", "--format", "csv", "--out", "records.csv")

    with (folder / "records.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["human_feedback"] == "'=HYPERLINK(1)"
    assert (row["task_id"], row["confidence_score"]) == ("t", "0.5")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_formulas_are_escaped(start):
    assert defused(f"{start}1") == f"'{start}1"
    assert (defused(-1.5), defused(None), defused("a=1"), defused({"a": 1})) == (-1.5, None, "a=1", '{"a": 1}')


def test_parquet_holds_every_record_under_one_schema(filled, folder):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an extra")

    assert filled("audit", "export", "--format", "parquet", "--out", "records.parquet").code == 0

    found = parquet.read_table(folder / "records.parquet").to_pylist()
    listed = filled("audit", "list", "--json").data
    assert [row["log_id"] for row in found] == [row["log_id"] for row in listed]
    assert [row["confidence_score"] for row in found] == [row["confidence_score"] for row in listed]
    assert json.loads(found[0]["proposed_output"]) == listed[0]["proposed_output"]


def test_without_pyarrow_parquet_says_what_to_install(filled, monkeypatch):
    load = importlib.import_module

    def without(name, *given):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return load(name, *given)

    monkeypatch.setattr("hitl_orchestrator.cli.commands.audit.export_formats.import_module", without)

    answer = filled("audit", "export", "--format", "parquet", "--out", "x.parquet")

    assert (answer.code, "pip install '.[parquet]'" in answer.err) == (2, True)


def test_invalid_export_options_are_rejected(filled):
    assert "did you mean 'csv'" in filled("audit", "export", "--format", "cvs").err
    assert filled("audit", "export", "--format", "parquet").code == 2
    assert filled("audit", "export", "--out", "nowhere/x").code == 2


@pytest.mark.parametrize("command", [["verify"], ["head"], ["prove", "x"], ["export"]])
def test_reading_commands_do_not_create_a_store(hitl, folder, command):
    assert hitl("audit", *command).code == 2
    assert not (folder / "hitl.db").exists()


@pytest.mark.parametrize("words", [("prove", "task_001"), ("key",)])
@pytest.mark.parametrize("name", ["tasks.json", "hitl.db", "."])
def test_a_file_that_may_not_be_written_is_refused_before_a_key_is_made(routed, folder, words, name):
    before = {each.name for each in folder.iterdir()}

    answer = routed("audit", *words, "--out", name)

    assert (answer.code, answer.out) == (2, "")
    assert {each.name for each in folder.iterdir()} == before


def test_no_key_is_made_for_a_store_that_does_not_exist(hitl, folder):
    answer = hitl("audit", "key", "--store", "sqlite:///mistyped.db")

    assert (answer.code, "there is no such file" in answer.err) == (2, True)
    assert not list(folder.glob("mistyped*"))


def test_a_head_is_not_added_to_a_folder(routed):
    answer = routed("audit", "head", "--out", ".")

    assert (answer.code, "it is a folder; name another file" in answer.err) == (2, True)
