"""Malformed input: exit code 2, one sentence with the place, no traceback, and nothing stored."""

import json

import pytest

from hitl_orchestrator.domain.value import MAX_SIZE
from hitl_orchestrator.services.config_files import canonical

GONE = "gone"
TASK = json.loads(canonical("tasks.json"))[0]
OUTPUT = json.loads(canonical("agent_outputs.json"))[0]
REVIEW = {**json.loads(canonical("human_reviews.json"))[0], "task_id": "task_001"}
RULE = json.loads(canonical("routing_policy.json"))["rules"][0]
PEOPLE = json.loads(canonical("reviewers.json"))
SEAT = PEOPLE["reviewers"][0]
NO_ID = "is not an id: letters, digits and . _ : - only, a letter or digit first, 200 at most"
LEVELS = "is not one of low, medium, high"
DEEP = json.loads('{"a":' * 40 + "1" + "}" * 40)
IS_NOT_JSON = "not JSON: Expecting property name enclosed in double quotes"


def changed(record, fields):
    return {name: value for name, value in {**record, **fields}.items() if value != GONE}


def task(**fields):
    return [changed(TASK, fields)]


def output(**fields):
    return [changed(OUTPUT, fields)]


def proposing(**fields):
    return output(agent_output=fields)


def review(**fields):
    return [changed(REVIEW, fields)]


def rule(**fields):
    return {"policy_id": "p", "rules": [changed(RULE, fields)]}


def asking(**conditions):
    return rule(conditions=conditions)


def seat(**fields):
    return {**PEOPLE, "reviewers": [changed(SEAT, fields)]}


TASKS = [
    ("", "t: it is empty; give a JSON array or one JSON object a line"),
    (" \n\n", "t: it is empty"),
    ("{nope}", f"t: line 1 column 2: {IS_NOT_JSON}"),
    ('[{"task_id": "a"', "t: line 1 column 17: not JSON: Expecting ',' delimiter"),
    (json.dumps(task()) + "more", "column 225: not JSON: Extra data"),
    (f"{json.dumps(TASK)}\n{{bad\n", f"t: line 2 column 2: {IS_NOT_JSON}"),
    (f"{json.dumps(TASK)}\n\n[]\n", "t: line 3: a list is not an object"),
    ('"hello"', 't: [0]: "hello" is not an object'),
    ("null", "t: [0]: null is not an object"),
    ("[[]]", "t: [0]: a list is not an object"),
    ("[" * 100_000, "t: nested deeper than 32 levels"),
    (b"\xff\xfe[]", "t: not UTF-8 text (byte 0); save it as UTF-8"),
    ('[{"task_id": NaN}]', "t: [0].task_id: NaN is not a number in JSON"),
    ('{"task_id": "a", "task_id": "b"}', "t: the key 'task_id' occurs twice in one object"),
    ('[{"a": ' + "9" * 5000 + "}]", "t: [0].a: a number has more digits than can be read; send it as text"),
    (task(task_id=GONE), "t: [0].task_id: this field is required"),
    (task(task_id="a b"), f't: [0].task_id: "a b" {NO_ID}'),
    (task(task_id="../x"), f't: [0].task_id: "../x" {NO_ID}'),
    (task(task_id="a\n"), f't: [0].task_id: "a\\n" {NO_ID}'),
    (task(task_id="a" * 201), f"... {NO_ID}"),
    (task(task_id=7), "t: [0].task_id: 7: input should be a valid string"),
    (task(risk_levle="low"), "t: [0].risk_levle: unknown field; did you mean 'risk_level'?"),
    ([{**TASK, "\x1b[31m\u202e": 1}], "t: [0].<U+001B>[31m<U+202E>: unknown field"),
    (task(risk_level="hgih"), f"t: [0].risk_level: \"hgih\" {LEVELS}; did you mean 'high'?"),
    (task(risk_level="HIGH"), f"t: [0].risk_level: \"HIGH\" {LEVELS}; did you mean 'high'?"),
    (task(risk_level=3), f"t: [0].risk_level: 3 {LEVELS}"),
    (task(timestamp="0007-01-01T00:00:00Z"), "a time lies in the years 2000 to 9998"),
    (task(timestamp="2025-01-10T09:15:00"), '[0].timestamp: "2025-01-10T09:15:00": a time needs its zone'),
    (task(timestamp="2025-01-10"), 't: [0].timestamp: "2025-01-10": give a time with its zone'),
    (task(timestamp=1736500000), "t: [0].timestamp: 1736500000: give a time with its zone"),
    (task(timestamp="2025-02-30T09:15:00Z"), "day value is outside expected range"),
    (task(timestamp="0001-01-01T00:00:00+14:00"), "this time does not exist in UTC"),
    (task(timestamp="2999-01-10T09:15:00Z"), "t: [0].timestamp: 2999-01-10T09:15:00+00:00 lies in the future"),
    (task(task_description="a\x00b"), 't: [0].task_description: "a\\u0000b": a NUL character cannot be stored'),
    (task(task_description="a\ud800"), 't: [0].task_description: "a\\ud800": text must be valid Unicode'),
    (task(domain="\ud800"), 't: [0].domain: "\\ud800": text must be valid Unicode'),
    (task(domain="  "), 't: [0].domain: "  ": it is blank'),
    (task(domain="d" * 201), "string should have at most 200 characters"),
    (task(metadata=[1]), "t: [0].metadata: a list is not an object"),
    (task(metadata={"n": 2**60}), "t: [0].metadata: n: whole numbers must lie within"),
    (task(metadata=DEEP), "t: [0]: nested deeper than 32 levels"),
    (task(metadata={"\ud800": 1}), "text must be valid Unicode"),
    (json.dumps(task(metadata={"n": 1})).replace("1}}", "1e999}}"), "t: [0].metadata: n: numbers must be finite"),
    (task() + task(risk_level="high"), 't: [1].task_id: "task_001" occurs twice'),
]
OUTPUTS = [
    ("x", "o: line 1 column 1: not JSON: Expecting value"),
    (output(task_id="task_01"), "o: [0].task_id: 'task_01' is no task of t; did you mean 'task_001'?"),
    (output() + output(), 'o: [1].task_id: "task_001" occurs twice'),
    (output(confidence_score=1.2), "o: [0].confidence_score: 1.2: input should be less than or equal to 1"),
    (output(confidence_score=-0.1), "o: [0].confidence_score: -0.1: input should be greater than or equal to 0"),
    (output(confidence_score="0.9"), 'o: [0].confidence_score: "0.9": input should be a valid number'),
    (
        output(confidence_score=True),
        "o: [0].confidence_score: true: a number in [0, 1] is needed, and this is a truth value",
    ),
    (json.dumps(output()).replace("0.91", "NaN"), "NaN is not a number in JSON"),
    (json.dumps(output()).replace("0.91", "1e999"), "o: [0].confidence_score: Infinity: input should be a finite"),
    (output(confidence_scor=0.5), "o: [0].confidence_scor: unknown field; did you mean 'confidence_score'?"),
    (output(agent_output=GONE), "o: [0].agent_output: this field is required"),
    (output(agent_output="yes"), 'o: [0].agent_output: "yes" is not an object'),
    (proposing(explanation="x"), "o: [0].agent_output.predicted_label: this field is required"),
    (proposing(predicted_label=""), 'o: [0].agent_output.predicted_label: "": string should have at least 1'),
    (proposing(predicted_label=3), "o: [0].agent_output.predicted_label: 3: input should be a valid string"),
    (proposing(predicted_label="a", n=2**70), "o: [0].agent_output: n: whole numbers must lie within"),
    (proposing(predicted_label="a", n="\ud800"), "o: [0].agent_output: n: text must be valid Unicode"),
]
REVIEWS = [
    (review(task_id="task_01"), "r: [0].task_id: 'task_01' is no task of t; did you mean 'task_001'?"),
    (review(task_id=GONE), "r: [0].task_id: this field is required in a recorded review"),
    (review(timestamp=GONE), "r: [0].timestamp: this field is required in a recorded review"),
    (review(timestamp="2025-01-10T09:00:00Z"), "lies before the task's, 2025-01-10T09:15:00+00:00"),
    (review(human_decision="aprove"), "escalate; did you mean 'approve'?"),
    (review(human_decision=GONE), "r: [0].human_decision: this field is required"),
    (review(confidence_assessment="sure"), f'r: [0].confidence_assessment: "sure" {LEVELS}'),
    (review(human_role="senor_manager"), "compliance_officer; did you mean 'senior_manager'?"),
    (review(reviewer_id="domain_reviever"), "there is no such reviewer"),
    (review(human_decision="override", human_feedback=" "), "r: [0].human_decision: override needs a reason"),
    (review(human_decision="escalate", human_feedback=""), "r: [0].human_decision: escalate needs a reason"),
    (review(modified_output={"predicted_label": "x"}), "r: [0].modified_output: approve takes no output"),
    (review(human_decision="modify", modified_output={}), "modified_output.predicted_label: this field is required"),
    (review(human_feedbck="x"), "r: [0].human_feedbck: unknown field; did you mean 'human_feedback'?"),
    (review() + review(), 'r: [1].review_id: "review_001" occurs twice'),
    (review() + review(review_id="r2"), "r: task 'task_001' has another review after approve, which is final"),
]
POLICIES = [
    ("", "p: it is empty; a policy is an object with policy_id and rules"),
    ([], "p: a policy is an object with policy_id and rules"),
    ("{", f"p: line 1 column 2: {IS_NOT_JSON}"),
    ("policy_id: p\nrules: [", "p: line 2 column 9: not YAML"),
    ({"policy_id": "p"}, "p: rules: this field is required"),
    ({"rules": []}, "p: policy_id: this field is required"),
    ({"policy_id": "p", "rules": [RULE, RULE]}, 'p: rules[1].rule_id: "rule_001": it is used twice'),
    (rule(action="auto_aprove"), "escalate; did you mean 'auto_approve'?"),
    (rule(conditons={}), "p: rules[0].conditons: unknown field; did you mean 'conditions'?"),
    (rule(priority="1"), 'p: rules[0].priority: "1": input should be a valid integer'),
    (rule(rule_id="fallback"), "this name is reserved for cases that no rule decides; choose another"),
    (rule(assigned_human_role="senior_manger"), "compliance_officer; did you mean 'senior_manager'?"),
    (rule(action="auto_approve"), "; leave the role out"),
    (asking(risk="high"), "p: rules[0].conditions.risk: unknown field"),
    (asking(risk_level="hihg"), f"p: rules[0].conditions.risk_level: \"hihg\" {LEVELS}; did you mean 'high'?"),
    (asking(min_confidence=80), "p: rules[0].conditions.min_confidence: 80: input should be less than"),
    (asking(min_confidence=None), "a condition without a value would always hold"),
    (asking(min_confidence=0.8, max_confidence=0.5), "max_confidence must be above min_confidence (0.8)"),
    (asking(signals=["lowconfidence"]), "risky; did you mean 'low_confidence'?"),
]
REVIEWERS = [
    ("", "v: it is empty; give JSON"),
    ('"x"', 'v: "x" is not an object'),
    ([], "v: reviewers: at least one is needed"),
    ({"escalation_chain": ["a"]}, "v: reviewers: this field is required"),
    (seat(roles=[]), "v: reviewers: [0].roles: at least one is needed"),
    (seat(roles=["domain_reviwer"]), "is not in escalation_chain; did you mean 'domain_reviewer'?"),
    (seat(reviewer_id=GONE), "v: reviewers: [0].reviewer_id: this field is required"),
    ({**PEOPLE, "reviewers": [SEAT, SEAT]}, 'v: reviewers: [1].reviewer_id: "domain_reviewer" occurs twice'),
    ({**PEOPLE, "escalation_chain": ["a", "a"]}, "v: escalation_chain: a role occurs twice"),
    ({**PEOPLE, "reviewrs": []}, "v: reviewrs: unknown field; did you mean 'reviewers'?"),
]
RESUME = ("decide", "x", "approve", "--reviewer", "a")
MODIFY = ("decide", "x", "modify", "--reviewer", "a", "--output")
NO_STORE = "store 'sqlite:///hitl.db' cannot be used: there is no such file, or an empty one; 'hitl run' creates one"
LINES = [
    (("runn", "t"), "no such command 'runn'"),
    (("run",), "missing argument 'TASKS'"),
    (("run", "t", "u"), "unexpected extra argument"),
    (("run", "t", "--outptus", "o"), "no such option: --outptus"),
    (("run", "t", "--outputs"), "option '--outputs' requires an argument"),
    (("run", "nope.json"), "nope.json: cannot be read: No such file or directory"),
    (("run", "."), "cannot be read: Is a directory"),
    (("run", "t", "--outputs", "nope.json"), "nope.json: cannot be read: No such file or directory"),
    (("run", "t", "--policy", "nope.json"), "nope.json: cannot be read: No such file or directory"),
    (("run", "t", "--policy", ""), "cannot be read"),
    (("run", "t", "--store", ""), "store '' cannot be used: give sqlite:///PATH"),
    (("run", "t", "--store", "sqlit:///x"), "did you mean 'sqlite'?"),
    (("run", "t", "--store", "hitl.db"), "store 'hitl.db' cannot be used: give sqlite:///PATH"),
    (("run", "t", "--store", "sqlite:///"), "it names no file; give sqlite:///hitl.db"),
    (("run", "t", "--store", "sqlite:///no/x.db"), "check that the folder exists and can be written"),
    (("run", "t", "--store", "sqlite:///t"), "t' cannot be used: file is not a database"),
    (("inbox",), NO_STORE),
    (("inbox", "--limit", "0"), "invalid value for '--limit'"),
    (("inbox", "--limit", "x"), "invalid value for '--limit'"),
    (("inbox", "--store", "sqlite:///t"), "t' cannot be used: file is not a database"),
    (("show",), "missing argument 'ID'"),
    (("show", "x"), NO_STORE),
    (("show", "\udcff"), "argument 2 is not UTF-8 text"),
    (("recover",), NO_STORE),
    (("audit", "lst"), "no such command 'lst'"),
    (("audit", "list"), NO_STORE),
    (RESUME[:2], "missing argument 'DECISION'"),
    (RESUME[:3], "missing option '--reviewer'"),
    (RESUME, NO_STORE),
    (("decide", "x", "aprove", "--reviewer", "a"), "escalate; did you mean 'approve'?"),
    ((*RESUME[:4], "a b"), f'decide: reviewer_id: "a b" {NO_ID}'),
    ((*RESUME, "--assessment", "sure"), f'--assessment: "sure" {LEVELS}'),
    ((*MODIFY, "{"), f"--output: line 1 column 2: {IS_NOT_JSON}"),
    ((*MODIFY, "[]"), "--output: a list is not an object"),
    ((*MODIFY, '{"label": "x"}'), "--output: predicted_label: this field is required"),
    ((*MODIFY, "@nope.json"), "nope.json: cannot be read: No such file or directory"),
    (("policy", "check", "nope.json"), "nope.json: cannot be read: No such file or directory"),
    (("policy", "check", "t"), "t: it has tasks instead of a routing policy"),
    (("policy", "explain", "x"), NO_STORE),
    (("policy", "explain", "t", "--outputs", "nope.json"), "nope.json: cannot be read"),
    (("policy", "explain", "x", "--outputs", "t"), "--outputs: a stored case has its own output"),
    (("demo", "--data-into", "t"), "t: cannot be written: File exists"),
]
CASES = [
    *((f"tasks-{place}", {"t": result}, ("run", "t"), wanted) for place, (result, wanted) in enumerate(TASKS)),
    *(
        (f"outputs-{n}", {"o": result}, ("run", "t", "--outputs", "o"), wanted)
        for n, (result, wanted) in enumerate(OUTPUTS)
    ),
    *(
        (f"reviews-{n}", {"r": result}, ("run", "t", "--reviews", "r"), wanted)
        for n, (result, wanted) in enumerate(REVIEWS)
    ),
    *(
        (f"policy-{n}", {"p": result}, ("run", "t", "--policy", "p"), wanted)
        for n, (result, wanted) in enumerate(POLICIES)
    ),
    *(
        (f"people-{n}", {"v": result}, ("run", "t", "--reviewers", "v"), wanted)
        for n, (result, wanted) in enumerate(REVIEWERS)
    ),
    *((f"line-{n}", {}, typed, wanted) for n, (typed, wanted) in enumerate(LINES)),
]


def write(folder, files):
    for name, output in {"t": task(), **files}.items():
        text = output if isinstance(output, (str, bytes)) else json.dumps(output)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(("files", "typed", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_invalid_input_is_rejected_and_nothing_is_stored(hitl, folder, files, typed, wanted):
    write(folder, files)

    answer = hitl(*typed)

    assert wanted in answer.err
    assert (answer.code, answer.out) == (2, "")
    assert all(line.startswith("hitl: ") for line in answer.err.splitlines())
    assert "fault" not in answer.err
    assert list(folder.glob("*.db*")) == []


def test_problems_of_all_files_are_reported_together(hitl, folder):
    files = {"t": task(risk_level="x", domain=""), "o": output(confidence_score=3), "r": review(human_decision="x")}
    write(folder, {**files, "p": rule(action="x"), "v": []})

    names = ("--outputs", "o", "--reviews", "r", "--policy", "p", "--reviewers", "v", "--json")
    answer = hitl("run", "t", *names)

    results = json.loads(answer.err)
    assert (answer.code, answer.out, results["error"]) == (2, "", "InvalidInput")
    assert sorted(problem.partition(":")[0] for problem in results["problems"]) == ["o", "p", "r", "t", "t", "v"]
    assert list(folder.glob("*.db*")) == []


def just_small_enough(tasks):
    """Fill a record up to the limit of a file. Stored, it also has an empty object for its metadata."""
    [record] = tasks
    size = len(json.dumps({**record, "task_description": ""}, separators=(",", ":")))
    return [{**record, "task_description": "a" * (MAX_SIZE - size)}]


@pytest.mark.parametrize(
    "second",
    [
        task(task_id="a b"),
        task(task_id="people-change-00000000-0000-0000-0000-000000000000"),
        task(task_id="b", task_type="policy_change"),
        task(task_id="b", metadata={"n": 10**16}),
        just_small_enough(task(task_id="b", metadata=GONE)),
    ],
    ids=["id", "reserved id", "reserved type", "large number", "size"],
)
def test_rejected_input_leaves_the_store_unchanged(hitl, folder, second):
    write(folder, {"o": output()})
    hitl("run", "t", "--outputs", "o")
    before = hitl("audit", "list", "--json").data
    write(folder, {"t": task(task_id="new") + second})

    assert hitl("run", "t").code == 2
    assert hitl("audit", "list", "--json").data == before
    assert hitl("show", "new").code == 1
