"""Diagnosis: which mechanism explains what the indicators of a work unit show."""

from analytics.diagnosis.mechanism import Mechanism, Sign
from analytics.diagnosis.reasoning import Observation, diagnose
from analytics.diagnosis.registry import all_mechanisms, mechanisms_of

__all__ = ["Mechanism", "Observation", "Sign", "all_mechanisms", "diagnose", "mechanisms_of"]
