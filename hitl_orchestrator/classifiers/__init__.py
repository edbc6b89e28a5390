"""Classifiers to pass to `Orchestrator.open(classifier=...)`: language models, recorded outputs, and a text model.

Names are imported on first use, since each needs packages that the others do not.
"""

from typing import TYPE_CHECKING

from hitl_orchestrator.lazy import lazy_names

if TYPE_CHECKING:
    from hitl_orchestrator.classifiers.llm_classifier import LLMClassifier
    from hitl_orchestrator.classifiers.recorded_outputs import RecordedOutputs
    from hitl_orchestrator.classifiers.text_classifier import TextClassifier

__all__ = ["LLMClassifier", "RecordedOutputs", "TextClassifier"]

__getattr__ = lazy_names(
    __name__,
    {
        "LLMClassifier": "llm_classifier",
        "RecordedOutputs": "recorded_outputs",
        "TextClassifier": "text_classifier",
    },
)
