"""Autonomy that is proved: bounds on the confidence above which an agent is wrong at most as often as promised.

numpy and scipy, which come with the extra `learn`, are imported by the modules that compute.
"""

from hitl_orchestrator.learning.certificates import Certificate

__all__ = ["Certificate"]
