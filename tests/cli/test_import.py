"""`hitl import`: three commands from a table to records, and a refusal that names the line."""

import gzip
import json
import shlex
from datetime import UTC, datetime
from pathlib import Path

import polars
import pytest

MODERATION = """\
post,text,Model says,sure,Outcome,mod,created,closed
p1,"Buy now, cheap",Spam,97,keep removed,Ana Q.,2025-03-01T08:00:00Z,2025-03-01T08:12:00Z
p2,Nice film,Spam,62,restored,ben@example.org,2025-03-01T09:00:00Z,2025-03-01T09:30:00Z
p3,Hello,Allowed,99,auto,,2025-03-01T10:00:00Z,
p4,You again,Harassment,71,,,2025-03-01T11:00:00Z,
"""
MAP = (
    "task_id=post,description=text,label=Model says,confidence=sure,decision=Outcome,reviewer=mod,timestamp=created,"
    "decided=closed,domain==forum,task_type==moderation,risk==medium,metadata.length=sure"
)
WORDS = ("--decisions", "keep removed=approve,restored=reject")


@pytest.fixture
def table(folder) -> str:
    Path("posts.csv").write_text(MODERATION, "utf-8")
    return "posts.csv"


def test_three_commands_lead_from_a_table_to_records(hitl, table):
    made = hitl("import", table, "--map", MAP, *WORDS, "--json").data
    files = {Path(name).name: name for name in made["files"]}
    given = ("--outputs", files["agent_outputs.jsonl"], "--reviews", files["human_reviews.jsonl"])
    people = ("--policy", files["imported_policy.json"], "--reviewers", files["reviewers.json"])
    ran = hitl("run", files["tasks.jsonl"], *given, *people, "--reviewer", made["replays"], "--store", "sqlite:///i.db")
    records = {
        record["task_id"]: record for record in hitl("audit", "list", "--store", "sqlite:///i.db", "--json").data
    }

    assert ran.code == 0, ran.err
    assert made["decisions"] == {"approve": 1, "reject": 1, "automatic": 1, "undecided": 1}
    assert {name: record["final_decision"] for name, record in records.items()} == {
        "p1": "approved",
        "p2": "rejected",
        "p3": "approved",
    }
    assert (records["p1"]["latency_seconds"], records["p1"]["confidence_score"]) == (720, 0.97)
    assert records["p2"]["reviewer_id"] == "ben-example.org"
    assert (records["p3"]["decision_source"], records["p3"]["replayed"]) == ("agent", True)


def test_without_a_mapping_a_proposal_is_printed_and_nothing_written(hitl, table):
    answer = hitl("import", table)

    assert (answer.code, answer.out) == (2, "")
    assert "decision=Outcome" in answer.err
    assert "confidence" in answer.err
    assert not Path("imported").exists()


def test_bad_rows_are_named_and_left_out_only_when_asked(hitl, table):
    Path(table).write_text(f"{MODERATION}p1,twice,Spam,5,restored,ana,2025-03-01T11:00:00Z,\np6,x,Spam,110,auto,,,\n")

    refused = hitl("import", table, "--map", MAP, *WORDS)
    nothing = not Path("imported").exists()
    skipped = hitl("import", table, "--map", MAP, *WORDS, "--skip-bad", "--json").data

    assert refused.code == 2
    assert "2 of 6 rows are bad" in refused.err
    assert "line 6: task_id: 'p1' is also that of line 2" in refused.err
    assert nothing
    assert [row["line"] for row in skipped["bad_rows"]] == [6, 7]
    assert len(Path("imported/tasks.jsonl").read_text("utf-8").splitlines()) == 4


def test_an_unknown_word_for_a_decision_is_refused_with_the_option_that_states_it(hitl, table):
    assert "--decisions 'keep removed=reject'" in hitl("import", table, "--map", MAP).err


def test_what_the_table_does_not_say_is_stated(hitl, folder):
    Path("t.csv").write_text("answer,gold,confidence\nA,A,0.9\nB,A,0.4\n")

    notes = " ".join(hitl("import", "t.csv", "--map", "label=answer,truth=gold", "--json").data["notes"])

    for words in ("no risk", "no timestamp", "no reviewer", "column confidence is not used"):
        assert words in notes


def test_a_policy_without_automatic_rows_has_no_rule_for_them(hitl, folder, table):
    hitl("import", table, "--map", MAP, *WORDS)
    Path("t.csv").write_text("answer,gold\nA,A\n")
    hitl("import", "t.csv", "--map", "label=answer,truth=gold", "--out", "other")

    rules = [
        [rule["rule_id"] for rule in json.loads(Path(name, "imported_policy.json").read_text("utf-8"))["rules"]]
        for name in ("imported", "other")
    ]
    assert rules == [["went_ahead", "reviewed"], ["reviewed"]]


def test_correct_answers_of_a_compressed_file_without_names_are_read(hitl, folder):
    Path("t.csv.gz").write_bytes(gzip.compress(b"q1;True;0.25\nq2;False;0.5\n"))

    made = hitl(
        "import", "t.csv.gz", "--no-header", "--map", "task_id=1,label==answer,correct=2,confidence=3", "--json"
    )

    assert made.data["decisions"] == {"approve": 1, "reject": 1}
    outputs = [json.loads(line) for line in Path("imported/agent_outputs.jsonl").read_text("utf-8").splitlines()]
    assert [output["confidence_score"] for output in outputs] == [0.25, 0.5]


def read_lines(name: str) -> list[dict]:
    return [json.loads(line) for line in Path("imported", name).read_text("utf-8").splitlines()]


def test_a_clinical_export_in_an_old_encoding_with_local_times_is_read(hitl, folder):
    text = (
        "Fall;Modell;Sicherheit;Arzt;Entscheid;Zeit;Ende\r\n"
        "F-1;Notfall;97,5;Dr. Müller;bestätigt;2025-07-01 08:00;2025-07-01 08:12\r\n"
    )
    Path("triage.csv").write_bytes(text.encode("cp1252"))
    mapping = "task_id=Fall,label=Modell,confidence=Sicherheit,reviewer=Arzt,decision=Entscheid,timestamp=Zeit"
    stated = ("--encoding", "cp1252", "--timezone", "Europe/Vienna", "--decisions", "bestätigt=approve")

    answer = hitl("import", "triage.csv", "--map", f"{mapping},decided=Ende,risk==high", *stated, "--json")

    assert answer.code == 0, answer.err
    assert read_lines("agent_outputs.jsonl")[0]["confidence_score"] == 0.975
    assert read_lines("human_reviews.jsonl")[0]["timestamp"] == "2025-07-01T06:12:00+00:00"
    people = json.loads(Path("imported/reviewers.json").read_text("utf-8"))["reviewers"]
    assert [(each["reviewer_id"], each["name"]) for each in people][:1] == [("Dr.-Muller", "Dr. Müller")]


def test_invoices_from_parquet_keep_amounts_as_numbers_and_times(hitl, folder):
    polars.DataFrame(
        {
            "invoice": [7, 8],
            "account": ["Travel", "Software"],
            "booked": ["Travel", "Supplies"],
            "total": [120.5, 99.0],
            "at": [datetime(2025, 3, 1, 8, tzinfo=UTC)] * 2,
        }
    ).write_parquet("invoices.parquet")
    mapping = "task_id=invoice,label=account,truth=booked,metadata.amount=total,timestamp=at,risk==low"

    answer = hitl("import", "invoices.parquet", "--map", mapping, "--json")

    assert answer.data["decisions"] == {"approve": 1, "modify": 1}
    tasks = read_lines("tasks.jsonl")
    assert [(task["task_id"], task["metadata"]) for task in tasks] == [
        ("7", {"amount": 120.5}),
        ("8", {"amount": 99.0}),
    ]
    assert tasks[0]["timestamp"] == "2025-03-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("content", "options", "why"),
    [
        (b"a,b\n1,2\n", ("--map", "label=a,truth=c"), "no column 'c'"),
        (b"a,b\n1,2\n", ("--map", "label=a,truth=b", "--encoding", "klingon"), "is no encoding"),
        (b"a,b\n1,2\n", ("--map", "label=a,truth=b", "--encoding", "zlib"), "--encoding"),
        (b"a,b\n1,2\n", ("--map", "label=a,truth=b", "--delimiter", "ab"), "is not one character"),
        (b"a,b\n1,2\n", ("--map", "label=a,truth=b", "--timezone", "Mars"), "is no time zone"),
        (b"a,b\n1,2\n", ("--map", "label=a,truth=b", "--confidence-unit", "lots"), None),
        (b"a,b\n1,2\n", ("--map", "label=a,truth=b,confidence=b", "--confidence-unit", "lots"), "is not fraction"),
        (b"a,b\n1,2\n", ("--map", "label=a,decision=b", "--decisions", "2=maybe"), "is not WORD=DECISION"),
        (b"a,b\n,2\n", ("--map", "label=a,truth=b"), "none of 1 row can be imported"),
    ],
)
def test_a_wrong_option_is_one_sentence(hitl, folder, content, options, why):
    Path("t.csv").write_bytes(content)

    answer = hitl("import", "t.csv", *options)

    assert "Traceback" not in answer.err
    assert answer.code == (0 if why is None else 2)
    assert (why or "") in answer.err


def test_a_broken_archive_and_a_missing_file_are_named(hitl, folder):
    Path("t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n")[:-9])

    assert "not readable as gzip" in hitl("import", "t.csv.gz", "--map", "label=a,truth=b").err
    assert "no.csv: cannot be read" in hitl("import", "no.csv", "--map", "label=a,truth=b").err


@pytest.mark.parametrize("head", ["question,correct,truth,sure", "post's id,correct,confidence"])
def test_the_proposed_mapping_can_be_copied(hitl, folder, head):
    values = ",".join({"correct": "yes", "sure": "0.5", "confidence": "0.5"}.get(name, "A") for name in head.split(","))
    Path("t.csv").write_text(f"{head}\n{values}\n")

    proposed = hitl("import", "t.csv").err.split("it could be --map ")[1].split(";")[0]

    assert hitl("import", "t.csv", "--map", shlex.split(proposed)[0]).code == 0


def test_amounts_that_are_no_plain_numbers_are_counted(hitl, folder):
    Path("t.csv").write_text('a,g,sum\nA,A,"1,234.56"\nA,A,"99,90"\nA,A,12.5\nA,A,n/a\nA,A,007\n')

    notes = hitl("import", "t.csv", "--map", "label=a,truth=g,metadata.amount=sum", "--json").data["notes"]

    assert 'metadata.amount: 2 cells are no plain number, such as "1,234.56": kept as text, so no sum has them' in notes


def test_words_for_a_missing_value_are_none(hitl, folder):
    Path("t.csv").write_text("a,d,c,who\nA,approve,0.5,Ana\nN/A,n/a,NaN,-\n")

    made = hitl("import", "t.csv", "--map", "label=a,decision=d,confidence=c,reviewer=who", "--json")

    assert made.data["decisions"] == {"approve": 1, "undecided": 1}
    assert [output["confidence_score"] for output in read_lines("agent_outputs.jsonl")] == [0.5, None]
    assert read_lines("agent_outputs.jsonl")[1]["agent_output"]["predicted_label"] == "N/A"


def test_times_and_risks_of_another_language_are_stated(hitl, folder):
    rows = "".join(f"A,A,niedrig,0{day}.03.2025 08:00\n" for day in range(1, 9))
    Path("t.csv").write_text(f"a,g,Risiko,Zeit\n{rows}")
    given = ("import", "t.csv", "--map", "label=a,truth=g,risk=Risiko,timestamp=Zeit", "--timezone", "Europe/Berlin")

    refused = hitl(*given).err
    risky = hitl(*given, "--time-format", "%d.%m.%Y %H:%M").err
    made = hitl(*given, "--time-format", "%d.%m.%Y %H:%M", "--risks", "niedrig=low")

    assert "--time-format '%d.%m.%Y %H:%M'" in refused
    assert risky.count("--risks 'niedrig=low'") == 1
    assert "lines 2, 3, 4, 5, 6 and 3 more: risk" in risky
    assert made.code == 0
    first = read_lines("tasks.jsonl")[0]
    assert (first["risk_level"], first["timestamp"]) == ("low", "2025-03-01T07:00:00+00:00")


def test_undecided_rows_are_named_and_no_inbox_is_suggested(hitl, folder):
    Path("t.csv").write_text("a,d\nA,approve\nB,\n")
    hitl("import", "t.csv", "--map", "label=a,decision=d")
    given = ("--outputs", "imported/agent_outputs.jsonl", "--reviews", "imported/human_reviews.jsonl")
    policy = ("--policy", "imported/imported_policy.json", "--store", "sqlite:///u.db")
    out = hitl("run", "imported/tasks.jsonl", *given, *policy).out

    assert "2 cases: 1 finished, 1 undecided." in out
    assert "stays undecided" in out
    assert "inbox" not in out.replace("no inbox has it", "")


def replayed(hitl, text: str, *words: str) -> str:
    """Import and replay a table, and return the address of the store."""
    Path("t.csv").write_text(text, "utf-8")
    made = hitl("import", "t.csv", *words, "--json").data
    files = {Path(name).name: name for name in made["files"]}
    given = ("--outputs", files["agent_outputs.jsonl"], "--reviews", files["human_reviews.jsonl"])
    people = ("--policy", files["imported_policy.json"], "--reviewers", files["reviewers.json"])
    store = "sqlite:///t.db"
    ran = hitl("run", files["tasks.jsonl"], *given, *people, "--reviewer", made["replays"], "--store", store)
    assert ran.code == 0, ran.err
    return store


def test_an_evaluation_against_a_truth_names_no_person_and_no_time(hitl, folder):
    store = replayed(hitl, "answer,gold\nA,A\nB,A\n", "--map", "label=answer,truth=gold")

    (first, _), stats = hitl("audit", "list", "--store", store, "--json").data, hitl("stats", "--store", store).out
    report = hitl("report", "--store", store).out
    assert first["reviewer_id"] == "recorded-truth"
    assert "not known" in stats
    assert "0 ms" not in stats + report + hitl("audit", "list", "--store", store).out
    assert "How the recorded truth decided" in report


def test_the_names_of_people_are_shown_and_accepted(hitl, folder):
    text = "answer,gold,who\nA,A,\u738b\u533b\u751f\nB,A,Dr. M\u00fcller\n"
    store = replayed(hitl, text, "--map", "label=answer,truth=gold,reviewer=who")

    by_name = hitl("audit", "list", "--store", store, "--reviewer", "dr. m\u00fcller", "--json").data
    people = hitl("stats", "--reviewers", "--store", store)
    assert [record["reviewer_id"] for record in by_name] == ["Dr.-Muller"]
    assert "\u738b\u533b\u751f" in hitl("audit", "list", "--store", store).out
    assert "Dr. M\u00fcller" in people.out
    assert "\u738b\u533b\u751f" in hitl("report", "--store", store).out
