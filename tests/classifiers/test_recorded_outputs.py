"""Recorded outputs as a classifier."""

import json

import pytest
from support.builders import a_task, an_output

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.classifiers import RecordedOutputs


def recorded(tmp_path, *outputs):
    path = tmp_path / "outputs.jsonl"
    path.write_text("\n".join(json.dumps(output.model_dump(mode="json")) for output in outputs))
    return path


def test_each_task_gets_its_recorded_output(tmp_path):
    outputs = [an_output("a"), an_output("b", confidence=0.3)]

    for source in (
        recorded(tmp_path, *outputs),
        str(recorded(tmp_path, *outputs)),
        outputs,
        [outputs[0].model_dump(), outputs[1]],
    ):
        classifier = RecordedOutputs(source)
        assert [classifier.invoke(a_task(name)) for name in "ab"] == outputs


def test_a_task_without_a_record_goes_to_a_reviewer():
    with Orchestrator.open("memory://", classifier=RecordedOutputs([an_output("a")])) as hitl:
        assert [hitl.submit(a_task(name)).status for name in "ab"] == ["approved", "waiting"]


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ([an_output("a"), an_output("a")], '"a" occurs twice'),
        ([{"task_id": "a"}], "agent_output: this field is required"),
        ({"a": an_output()}, "neither a file nor a list"),
        (5, "neither a file nor a list"),
        ("missing.json", "missing.json: it cannot be read: No such file"),
    ],
)
def test_unusable_records_are_refused(source, match):
    with pytest.raises(InvalidInput, match=match):
        RecordedOutputs(source)


def test_another_file_is_refused_by_its_kind(tmp_path):
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([a_task().model_dump(mode="json")]))

    with pytest.raises(InvalidInput, match="it has tasks instead of agent outputs"):
        RecordedOutputs(path)
