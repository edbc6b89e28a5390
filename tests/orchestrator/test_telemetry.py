"""Spans of OpenTelemetry: where they are asked for, in one trace, without texts unless these are asked for too."""

import json
import subprocess
import sys
from contextlib import suppress

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from support.builders import a_task, an_output

from hitl_orchestrator import CallKey, HitlError, InvalidInput, Orchestrator, Telemetry, proposed_call
from hitl_orchestrator.errors import GrantRefused

SECRET = "a secret of the customer"


class Traces:
    """A provider that keeps its spans in memory."""

    def __init__(self):
        self.exporter, self.provider = InMemorySpanExporter(), TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self):
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def of(self, name):
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    @property
    def text(self):
        return "".join(span.to_json() for span in self.exporter.get_finished_spans())


@pytest.fixture
def traces():
    return Traces()


def a_decided_case(**options):
    """Submit a case with a secret in each of its texts, let a person approve it, and return its id."""
    task = a_task(risk_level="medium", task_description=SECRET, metadata={"note": SECRET})
    with Orchestrator.open("memory://", **options) as hitl:
        case = hitl.submit(task, an_output(confidence=0.7, label=SECRET, model="gpt-x", agent_id="mailer"))
        hitl.decide(case.case_id, "approve", reviewer="domain_reviewer", feedback=SECRET)
    return case.case_id


def test_each_call_and_each_node_has_a_span_in_the_trace_of_the_caller(traces):
    with traces.provider.get_tracer("host").start_as_current_span("host") as host:
        case_id = a_decided_case(telemetry=Telemetry(provider=traces.provider))

    spans = traces.spans
    assert list(spans) == [
        *("hitl.classify", "hitl.score", "hitl.route", "hitl.human_review", "hitl.submit"),
        *("hitl.finalize", "hitl.decide", "host"),
    ]
    assert {span.context.trace_id for span in spans.values()} == {host.context.trace_id}
    parents = {name: span.parent.span_id for name, span in spans.items() if span.parent}
    assert parents["hitl.route"] == spans["hitl.submit"].context.span_id
    assert parents["hitl.finalize"] == spans["hitl.decide"].context.span_id
    submitted = spans["hitl.submit"].attributes
    assert (submitted["hitl.case.id"], submitted["hitl.status"]) == (case_id, "waiting")
    assert (submitted["gen_ai.agent.id"], submitted["gen_ai.request.model"]) == ("mailer", "gpt-x")
    assert spans["hitl.route"].attributes["hitl.action"] == "human_review"


def test_the_pause_for_a_person_is_no_error(traces):
    a_decided_case(telemetry=Telemetry(provider=traces.provider))

    assert {span.status.status_code for span in traces.spans.values()} == {StatusCode.UNSET}
    assert not any(span.events for name, span in traces.spans.items() if name != "hitl.decide")


def test_a_verdict_is_an_evaluation_of_the_proposal(traces):
    a_decided_case(telemetry=Telemetry(provider=traces.provider))

    (event,) = traces.spans["hitl.decide"].events
    assert event.name == "gen_ai.evaluation.result"
    assert dict(event.attributes) == {
        "gen_ai.evaluation.name": "human_review",
        "gen_ai.evaluation.score.label": "approve",
        "gen_ai.evaluation.score.value": 1.0,
    }


def test_texts_are_written_only_where_contents_are_asked_for(traces):
    a_decided_case(telemetry=Telemetry(provider=traces.provider))
    assert SECRET not in traces.text

    a_decided_case(telemetry=Telemetry(provider=traces.provider, contents=True))
    spans = traces.spans
    assert spans["hitl.submit"].attributes["hitl.task.description"] == SECRET
    assert json.loads(spans["hitl.submit"].attributes["hitl.proposal"])["predicted_label"] == SECRET
    assert spans["hitl.decide"].events[0].attributes["gen_ai.evaluation.explanation"] == SECRET


def test_a_refused_call_is_an_error_with_its_type_and_without_its_message(traces):
    with Orchestrator.open("memory://", telemetry=Telemetry(provider=traces.provider)) as hitl:
        hitl.submit(a_task(risk_level="medium"), an_output(confidence=0.7))
        with suppress(HitlError):
            hitl.decide(task_id="task-1", decision="override", reviewer="domain_reviewer")

    span = traces.spans["hitl.decide"]
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert span.attributes["error.type"] == "InvalidInput"


def test_nothing_is_written_unless_it_is_asked_for(traces):
    with traces.provider.get_tracer("host").start_as_current_span("host"):
        a_decided_case()

    assert list(traces.spans) == ["host"]


def test_without_a_provider_spans_cost_nothing_and_fail_nothing():
    assert a_decided_case(telemetry=True)


@pytest.mark.parametrize("wrong", [5, "yes", Telemetry(provider=5)])
def test_another_value_is_refused(wrong):
    with pytest.raises(InvalidInput, match="telemetry"):
        Orchestrator.open("memory://", telemetry=wrong)


MISSING = """
import sys
sys.modules["opentelemetry"] = sys.modules["opentelemetry.trace"] = None
from hitl_orchestrator import InvalidInput, Orchestrator
Orchestrator.open("memory://").close()
try:
    Orchestrator.open("memory://", telemetry=True)
except InvalidInput as exc:
    print(exc)
"""


def test_a_missing_extra_is_named_and_nothing_else_needs_it():
    run = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, text=True, check=True)

    assert "install the extra 'telemetry'" in run.stdout


def test_the_run_of_an_approved_call_is_a_tool_span(traces):
    with Orchestrator.open("memory://", telemetry=Telemetry(provider=traces.provider)) as hitl:
        task = {"task_type": "refund", "task_description": SECRET, "domain": "customer_support", "risk_level": "medium"}
        output = {"agent_output": {"predicted_label": "refund", "arguments": {"note": SECRET}}, "confidence_score": 0.7}
        key = CallKey(thread="t", call_id="c")
        hitl.decide(hitl.ask(key, task, output).case_id, "approve", reviewer="domain_reviewer")
        assert hitl.ask(key, task, output).run(lambda arguments: arguments["note"]) == SECRET

    span = traces.spans["execute_tool refund"]
    assert dict(span.attributes).keys() == {"gen_ai.operation.name", "gen_ai.tool.name", "hitl.case.id"}
    assert traces.spans["hitl.ask"].attributes["hitl.status"] == "approved"
    assert SECRET not in traces.text


def test_the_claim_of_an_execution_is_a_span_without_go_run_too(traces):
    with Orchestrator.open("memory://", telemetry=Telemetry(provider=traces.provider)) as hitl:
        go = hitl.ask(CallKey(thread="t", call_id="c"), a_task(), proposed_call("refund", {"a": 1}, confidence=0.9))
        with pytest.raises(GrantRefused):
            go.grant.begin({"a": 2})
        go.grant.begin().done(SECRET)
        hitl.executions.grant(go.grant.token).begin()

    refused, first, second = [dict(each.attributes) for each in traces.of("hitl.begin")]
    assert refused == {"hitl.case.id": go.case_id, "error.type": "GrantRefused"}
    assert first == {"hitl.case.id": go.case_id, "hitl.execution.claimed": True, "hitl.execution.status": "started"}
    assert (second["hitl.execution.claimed"], second["hitl.execution.status"]) == (False, "finished")
    assert SECRET not in traces.text


class Odd:
    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("not comparable")

    def __repr__(self):
        raise RuntimeError("no text")


def odd_results():
    circular = []
    circular.append(circular)
    return [Odd(), circular, {(1, 2): 3}, 10**5000, "\ud800", {1}]


@pytest.mark.parametrize("number", range(6))
def test_a_result_that_no_span_can_carry_is_the_result_of_the_call(traces, number):
    result = odd_results()[number]
    with Orchestrator.open("memory://", telemetry=Telemetry(contents=True, provider=traces.provider)) as hitl:
        go = hitl.ask(CallKey(thread="t", call_id="1"), a_task(), proposed_call("refund", {}, confidence=0.9))

        assert go.run(lambda arguments: result) is result

        assert hitl.executions.list()[0].status == "finished"
    assert "execute_tool refund" in traces.spans


class Failing(SimpleSpanProcessor):
    def on_start(self, span, parent_context=None):
        raise ConnectionError

    def on_end(self, span):
        raise ConnectionError


def test_a_provider_that_fails_changes_no_outcome(traces):
    traces.provider.add_span_processor(Failing(traces.exporter))
    with Orchestrator.open("memory://", telemetry=Telemetry(provider=traces.provider)) as hitl:
        go = hitl.ask(CallKey(thread="t", call_id="1"), a_task(), proposed_call("refund", {}, confidence=0.9))

        assert go.run(lambda arguments: "refunded") == "refunded"

        assert hitl.executions.list()[0].status == "finished"
