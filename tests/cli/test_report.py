"""`hitl report`: the records of a store for leadership and auditors, whatever state the store is in."""

import json
import shlex
import shutil
import sqlite3
import stat
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from support.measured import full_metrics
from support.report_parts import LENIENT, VERIFIED

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli import main
from hitl_orchestrator.cli.views.reporting.report import _signal
from hitl_orchestrator.insights.report.findings import find_all
from hitl_orchestrator.insights.report.flaws import flaws_in
from hitl_orchestrator.insights.report.judgments import Duties

DATA = Path(str(files("hitl_orchestrator.data")))
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "report.schema.json"
LANGUAGES = ("返金", "возврат", "ödeme", "المبلغ", "החזר", "धनवापसी", "환불", "επιστροφή", "hoàn tiền", "การคืนเงิน")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a store of the canonical tasks and their recorded reviews."""
    place = tmp_path_factory.mktemp("replayed")
    names = ("tasks.json", "--outputs", "agent_outputs.json", "--reviews", "human_reviews.json")
    words = [str(DATA / name) if name.endswith(".json") else name for name in names]
    assert main(["run", *words, "--store", f"sqlite:///{place}/hitl.db"]) == 0
    return place


@pytest.fixture
def replayed(hitl, folder, made):
    """The canonical tasks with their recorded reviews, in a store of the test alone."""
    for path in made.iterdir():
        shutil.copy(path, folder)
    return hitl


def run_some(hitl, folder, *chosen):
    """Run some of the canonical tasks, by their places."""
    for name in ("tasks", "agent_outputs"):
        every = json.loads((folder / f"{name}.json").read_text("utf-8"))
        (folder / f"some_{name}.json").write_text(json.dumps([every[place] for place in chosen]), "utf-8")
    assert hitl("run", "some_tasks.json", "--outputs", "some_agent_outputs.json").code == 0


def altered(folder, *statements):
    """Alter the tables of the store as the owner of its database can."""
    with closing(sqlite3.connect(folder / "hitl.db")) as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
        for _, sql in triggers:
            database.execute(sql)
        database.commit()


def first_lines(answer, number=6):
    return " ".join(answer.out.splitlines()[:number])


def test_the_canonical_data_give_the_canonical_figures(replayed):
    data = replayed("report", "--format", "json").data

    assert data["signal"]["text"] == "decisions 5 | automated 40 % | reviews 2 | escalations 1 | overrides 1"
    verdicts = data["metrics"]["verdicts"]
    assert [verdicts[name] for name in ("approve", "modify", "override", "reject")] == [1, 1, 1, 0]
    latency = data["metrics"]["latency"]
    assert (latency["total"]["of"], latency["total"]["median"]) == (3, 900)
    assert (latency["by_role"]["domain_reviewer"]["median"], latency["by_risk"]["high"]["median"]) == (960, 900)
    assert data["verdict"]["word"] == "records only"
    assert (data["compliance"]["derived"], data["compliance"]["replayed"]) == (0, 5)
    assert [row["task_id"] for row in data["decided"]] == [f"task_00{number}" for number in (5, 4, 3, 2, 1)]


def test_the_first_screen_has_what_matters(replayed):
    screen = replayed("report").out.splitlines()[:24]

    assert "decisions 5 | automated 40 % | reviews 2 | escalations 1 | overrides 1" in screen
    assert "Governance: records only" in screen
    assert any(line.startswith("Health: ") for line in screen)
    assert any(line.startswith("  Next: ") for line in screen)


def test_each_listed_decision_has_its_time(replayed):
    listed = replayed("report").out.partition("Who decided what")[2].splitlines()

    assert listed[1].split()[:2] == ["at", "task"]
    assert len([line for line in listed if line.startswith("20") and ":" in line]) == 5


def test_a_signal_line_that_is_too_long_breaks_after_a_bar():
    figures = " | ".join(f"{word} 1,234,567" for word in ("decisions", "automated", "reviews", "escalations"))

    first, second = _signal(f"{figures} | overrides 1")

    assert f"{first} {second}" == f"{figures} | overrides 1"


@pytest.mark.parametrize("columns", ["80", "40", "24"])
def test_every_line_fits_the_screen_unless_it_is_a_command(replayed, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    lines = replayed("report").out.splitlines()

    assert [line for line in lines if len(line) > int(columns) and "hitl " not in line] == []


def test_the_json_is_valid_by_the_published_schema(replayed):
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(replayed("--json", "report").data)


def test_the_command_of_every_next_step_works(replayed, capsys):
    steps = replayed("report", "--format", "json").data["next_steps"]

    assert steps
    for step in steps:
        assert replayed(*shlex.split(step["command"])[1:]).code == 0


def test_the_command_of_every_kind_of_finding_is_one_of_hitl(replayed):
    duties = Duties(own=("task_001",), without_person=("task_001",), reviewed=2)
    broken = VERIFIED.model_copy(update={"problem": "entry 7"})
    every = [
        *flaws_in(broken, LENIENT, duties, 1),
        *find_all(full_metrics(("refund", "loan"), ("finance", "law"), 1), 0.01),
    ]
    commands = {each.command[:2]: each.command for each in every if each.command is not None}

    assert len(commands) > 5
    for words in commands.values():
        known = ["task_001" if words[0] == "show" and place == 1 else word for place, word in enumerate(words)]
        assert replayed(*known).code == 0, words


def test_a_tampered_ledger_is_named_first_and_stops_nothing(replayed, folder):
    altered(folder, "UPDATE events SET entry = replace(entry, 'override', 'approve') WHERE entry LIKE '%override%'")

    answer = replayed("report")

    assert answer.code == 1
    assert "Alarm: the ledger was tampered with or is damaged" in first_lines(answer)
    assert "Governance: not sound" in answer.out
    assert "decisions 5" in answer.out


def test_heads_that_were_not_compared_are_not_called_missing(replayed, folder):
    altered(folder, "UPDATE events SET entry = replace(entry, 'override', 'approve') WHERE entry LIKE '%override%'")

    data = replayed("report", "--format", "json").data
    text = replayed("report", "--format", "md").out

    last = data["integrity"]["entries"]
    assert not [alarm for alarm in data["alarms"] if "signed head" in alarm]
    why = f"were not compared, because verification stopped after entry {last}"
    assert any(why in warning for warning in data["integrity"]["warnings"])
    assert f"**Seals**: checked up to entry {last}" in text
    assert why in text
    assert "Policy compliance: not conclusive" in text
    assert {each["holds"] for each in data["verdict"]["criteria"]} == {False, None}


def test_a_store_that_was_emptied_is_reported(replayed, folder):
    (folder / "hitl.db").write_bytes(b"")

    answer = replayed("report")

    assert (answer.code, answer.err) == (1, "")
    assert "it holds no ledger" in " ".join(first_lines(answer).split())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outcomes SET timestamp = 'yesterday' WHERE task_id = 'task_001'",
        "UPDATE outcomes SET confidence_score = 'high' WHERE task_id = 'task_001'",
        "UPDATE outcomes SET votes = '{' WHERE task_id = 'task_002'",
        "UPDATE outcomes SET final_decision = 'perhaps'",
        "DELETE FROM outcomes",
        "UPDATE policies SET body = '{'",
        "DELETE FROM policies",
        "DELETE FROM ledger_head",
        "DELETE FROM events",
        "UPDATE events SET entry = 'x' WHERE kind LIKE 'p%'",
        "UPDATE reviews SET shown = 'no JSON'",
        "DROP TABLE outcomes",
        "ALTER TABLE reviews RENAME COLUMN due_at TO due",
    ],
)
def test_no_damage_breaks_the_report(replayed, folder, statement):
    altered(folder, statement)

    answer = replayed("report")

    assert answer.code == 1
    assert answer.err == ""
    assert "Alarm: " in first_lines(answer)
    assert "Governance: not sound" in answer.out


def test_a_file_with_broken_pages_is_reported(replayed, folder):
    content = bytearray((folder / "hitl.db").read_bytes())
    content[100:4000] = b"\x1f" * 3900
    (folder / "hitl.db").write_bytes(content)

    answer = replayed("report")

    assert (answer.code, answer.err) == (1, "")
    assert "Alarm: the store is too damaged to be read" in first_lines(answer)


def test_an_amount_at_stake_is_summed(replayed):
    with Orchestrator.open("sqlite:///hitl.db") as orchestrator:
        for name, amount in (("first", 10), ("second", 2.5)):
            task = {"task_id": name, "task_type": "refund", "domain": "finance", "risk_level": "low"}
            task |= {"task_description": "", "timestamp": "2026-01-05T10:00:00Z", "metadata": {"amount": amount}}
            orchestrator.submit(task, {"agent_output": {"predicted_label": "yes"}, "confidence_score": 0.99})

    answer = replayed("report", "--stake", "amount:EUR")

    assert "amount at stake in 2 of 7 cases: 12.50 EUR" in answer.out
    assert "automatic 12.50 EUR, reviewed 0.00 EUR, overturned 0.00 EUR" in answer.out


def test_a_missing_key_is_named_first(replayed, folder):
    (folder / "copy").mkdir()
    shutil.copy(folder / "hitl.db", folder / "copy")

    answer = replayed("report", "--store", "sqlite:///copy/hitl.db")

    assert answer.code == 0
    assert "the key of the store is missing" in first_lines(answer)
    assert "Governance: open points" in answer.out


def test_a_report_without_verification_says_so(replayed):
    answer = replayed("report", "--no-verify")

    assert answer.code == 0
    assert "the ledger was not verified, on demand" in first_lines(answer)
    assert "Governance: not verified" in answer.out


def test_open_cases_alone_are_reported(hitl, folder):
    run_some(hitl, folder, 1, 2)

    answer = hitl("report")

    assert answer.code == 0
    assert "decisions 0 | automated - | reviews 0 | escalations 0 | overrides 0" in answer.out
    assert "Now: 2 reviews open" in answer.out
    assert "reject 0; no case was decided by people." in answer.out
    assert "Governance: no decisions" in answer.out
    assert "Health: not enough data" in answer.out


def test_a_store_without_cases_is_reported(hitl):
    hitl("init")

    answer = hitl("report")

    assert answer.code == 0
    assert "Governance: no decisions" in answer.out


def test_one_case_is_reported(hitl, folder):
    run_some(hitl, folder, 0)

    answer = hitl("report")

    assert answer.code == 0
    assert "decisions 1 | automated 100 % | reviews 0 | escalations 0 | overrides 0" in answer.out
    assert "Governance: sound" in answer.out
    assert "Health: not enough data" in answer.out


def test_ten_languages_are_shown_as_they_are(hitl, folder):
    with Orchestrator.open("sqlite:///hitl.db") as orchestrator:
        for number, word in enumerate(LANGUAGES):
            task = {"task_id": f"t{number}", "task_type": word, "domain": word, "risk_level": "low"}
            case = orchestrator.submit(
                task | {"task_description": word, "timestamp": "2026-01-05T10:00:00Z"},
                {"agent_output": {"predicted_label": word, "explanation": word}, "confidence_score": 0.6},
            )
            orchestrator.decide(case.case_id, "reject", reviewer="senior_manager", reason=word)

    answer = hitl("report")

    assert answer.code == 0
    assert [word for word in LANGUAGES if word not in answer.out] == []
    by_type = hitl("report", "--format", "json").data["metrics"]["by"]["task_type"]
    assert {group["key"] for group in by_type} == set(LANGUAGES)


def test_a_hostile_name_cannot_act_on_the_terminal(hitl):
    with Orchestrator.open("sqlite:///hitl.db") as orchestrator:
        task = {"task_id": "t", "task_type": "[red]x[/red]", "domain": "d|e", "risk_level": "low"}
        orchestrator.submit(
            task | {"task_description": "", "timestamp": "2026-01-05T10:00:00Z"},
            {"agent_output": {"predicted_label": "\x1b[31mred", "explanation": ""}, "confidence_score": 0.99},
        )

    answer = hitl("report")

    assert "\x1b" not in answer.out
    assert "[red]x[/red]" in answer.out


def test_exported_records_are_reported_without_a_store(replayed, folder):
    replayed("audit", "export", "--out", "past.jsonl")
    (folder / "hitl.db").unlink()

    answer = replayed("report", "--on", "past.jsonl")

    assert answer.code == 0
    assert "its integrity and its policies were not checked" in first_lines(answer)
    assert "decisions 5 | automated 40 % | reviews 2 | escalations 1 | overrides 1" in answer.out
    assert "Governance: not verified" in answer.out


def test_a_file_is_new_private_and_no_link(replayed, folder):
    assert replayed("report", "--out", "report.json").code == 0
    assert stat.S_IMODE((folder / "report.json").stat().st_mode) == 0o600
    assert json.loads((folder / "report.json").read_text())["kind"] == "hitl_report"

    again = replayed("report", "--out", "report.json")
    assert (again.code, "exists; name another file" in again.err) == (2, True)
    (folder / "link.json").symlink_to(folder / "report.json")
    assert replayed("report", "--out", "link.json", "--force").code == 2


def test_a_period_leaves_out_the_decisions_around_it(replayed):
    data = replayed("report", "--since", "2025-01-10T10:00:00Z", "--until", "2025-01-10", "--format", "json").data

    assert 0 < data["signal"]["decisions"] < 5
    assert data["comparison"].startswith("2025-01-10, compared with 2025-01-09 to 2025-01-10")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--format", "htm"), "did you mean 'html'?"),
        (("--format", "pdf"), "name a file with --out"),
        (("--out", "report.txt"), "end the name in .html, .md, .json or .pdf"),
        (("--json", "--format", "md"), "choose one of them"),
        (("--since", "soon"), "write a day such as"),
        (("--controls", "aisv"), "did you mean 'aisvs'?"),
        (("--stake", ":EUR"), "name a field"),
        (("--on", "past.jsonl", "--store", "sqlite:///hitl.db"), "choose one of them"),
        (("--on", "missing.jsonl"), "the file does not exist"),
    ],
)
def test_words_that_make_no_sense_are_refused(replayed, words, why):
    answer = replayed("report", *words)

    assert answer.code == 2
    assert why in answer.err.replace("\n", " ")


def test_every_form_says_the_same(replayed, folder):
    markdown = replayed("report", "--format", "md")
    assert replayed("report", "--out", "report.html").code == 0
    assert replayed("report", "--out", "report.pdf").code == 0

    page = (folder / "report.html").read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert "decisions 5 | automated 40 % | reviews 2 | escalations 1 | overrides 1" in page
    assert "decisions 5 | automated 40 % | reviews 2 | escalations 1 | overrides 1" in markdown.out
    assert page.count("<svg") > 2


def test_the_controls_of_a_framework_stand_beside_the_evidence(replayed):
    answer = replayed("report", "--controls", "aisvs", "--controls", "eu-ai-act")

    assert answer.code == 0
    assert "Source: OWASP AI Security Verification Standard" in answer.out.replace("\n", " ")
    assert "Drill " in answer.out


@pytest.mark.parametrize("words", [(), ("--bom", "--delimiter", ";")])
def test_the_report_on_an_export_is_the_same_for_csv(replayed, folder, words):
    replayed("audit", "export", "--out", "e.jsonl")
    replayed("audit", "export", "--format", "csv", "--out", "e.csv", *words)

    of_lines, of_csv = (replayed("report", "--on", name, "--format", "json").data for name in ("e.jsonl", "e.csv"))

    assert of_csv["metrics"] == of_lines["metrics"]
    assert of_csv["decided"] == of_lines["decided"]
